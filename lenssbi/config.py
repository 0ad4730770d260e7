"""YAML in, frozen typed objects out.

A file may start from others (`extends: other.yaml`, relative to itself; later keys win, mappings are merged), and single keys
may be set from the command line (`instrument.psf_fwhm=0.2`). An unknown key is an error that names the nearest
known one, and the resolved configuration is written into every output.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_args

import pydantic
import yaml


class ConfigError(ValueError):
    """A configuration that cannot be used; the message has one sentence per mistake."""


class Config(pydantic.BaseModel):
    """Base of all configurations: frozen, unknown keys refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


C = TypeVar("C", bound=Config)
Range: TypeAlias = tuple[float, float]
"""Lowest and highest value."""


def ordered(name: str, value: Range, above: float = -math.inf) -> None:
    """Raise ValueError unless low <= high, and low above a limit."""
    if not above < value[0] <= value[1]:
        limit = f" above {above:g}" if math.isfinite(above) else ""
        raise ValueError(f"{name} needs low <= high{limit}, got {value}")


def load_config(
    path: str | Path | None, cls: type[C], overrides: Sequence[str] = (), start: Mapping[str, Any] | None = None
) -> C:
    """Read a configuration.

    Parameters
    ----------
    path
        YAML file, or None for the defaults of `cls`.
    cls
        Type of the configuration.
    overrides
        Strings `key.subkey=value`; the value is YAML.
    start
        Resolved configuration that the overrides change if there is no file; None for the defaults.

    Raises
    ------
    ConfigError
        If there are mistakes: one sentence each, with the file, the key and the nearest known key.
    """
    source = str(path) if path is not None else cls.__name__
    data = _read(Path(path), ()) if path is not None else dict(start or {})
    for item in overrides:
        data = _merge(data, _override(item))
    return parse(data, cls, source)


def mapping_of(path: str | Path) -> dict[str, Any]:
    """The mapping in a configuration's file and in those that it extends, before any validation.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    return _read(Path(path), ())


def top_keys(path: str | Path) -> frozenset[str]:
    """Keys at the top of a configuration's file and of those that it extends.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    return frozenset(_read(Path(path), ()))


def parse(data: Mapping[str, Any], cls: type[C], source: str) -> C:
    """Validate a mapping; `source` is named in the errors."""
    try:
        return cls.model_validate(_with_kinds(data, cls))
    except pydantic.ValidationError as error:
        sentences = [_sentence(e, cls) for e in error.errors(include_url=False)]
        raise ConfigError(f"{source}: " + "; ".join(sentences)) from None


def _with_kinds(data: Mapping[str, Any], cls: type[Config]) -> dict[str, Any]:
    """The mapping with the default `kind` for entries that leave it out."""
    full = dict(data)
    for name, field in cls.model_fields.items():
        value, default = full.get(name), field.get_default(call_default_factory=True)
        if isinstance(value, Mapping) and isinstance(default, Config):
            same = value.get("kind", getattr(default, "kind", None)) == getattr(default, "kind", None)
            kind = {"kind": default.kind} if hasattr(default, "kind") else {}
            full[name] = _with_kinds({**kind, **value}, type(default)) if same else value
    return full


def dump_yaml(config: Config) -> str:
    """The resolved configuration as YAML text."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def config_hash(config: Config) -> str:
    """Sixteen hexadecimal digits that identify a configuration."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise ConfigError(f"{path}: extends itself through {' -> '.join(p.name for p in seen)}: break the circle")
    try:
        data = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a SafeLoader that also reads 1e-3 as a number
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not text'})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}: not valid YAML{where}: {getattr(error, 'problem', error)}") from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of keys to values, not a {type(data).__name__}")
    bases = data.pop("extends", [])
    merged: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        merged = _merge(merged, _read(path.parent / base, (*seen, path.resolve())))
    return _merge(merged, data)


class _Loader(yaml.SafeLoader):
    """A loader that reads 1e-3 as a number, which YAML 1.1 takes for a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of both, those of `top` winning; a mapping of another `kind` shares no keys and takes the place of the old one."""
    if top.get("kind", base.get("kind")) != base.get("kind"):
        return dict(top)
    merged = dict(base)
    for key, value in top.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _override(item: str) -> dict[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {item}: write it as key.subkey=value")
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.YAMLError:
        raise ConfigError(f"--set {item}: the value is not valid YAML") from None
    for part in reversed(key.strip().split(".")):
        value = {part: value}
    return value


def _sentence(error: Any, cls: type[Config]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "value_error" and isinstance(
        error["input"], Mapping
    ):  # ours, of several keys: it names what it was given
        return f"{where}: {error['ctx']['error']}"
    if error["type"] != "extra_forbidden":
        return f"{where}: {error['msg'][:1].lower()}{error['msg'][1:]} (got {error['input']!r})"
    known = _fields(cls, error["loc"][:-1])
    near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1, cutoff=0.0)
    return f"{where}: unknown key" + (f", did you mean {near[0]}?" if near else "")


def _fields(cls: Any, path: Sequence[Any]) -> list[str]:
    """Names of the fields at `path` below `cls`; unions (distinguished by a tag in `path`) and optional fields are resolved."""
    known = [cls]
    for part in path:
        deeper = [c.model_fields[part].annotation for c in known if part in getattr(c, "model_fields", {})]
        known = [m for annotation in deeper for m in _models(annotation)] or known
    return sorted({name for c in known for name in getattr(c, "model_fields", {})})


def _models(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [m for inner in get_args(annotation) for m in _models(inner)]
