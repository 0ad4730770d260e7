"""Groups of options: each field of a dataclass among the parameters of a command becomes an option.

    @grouped
    def predict(*, stamps: Stamps, quiet: Quiet = False): ...      # has every option of Stamps; the body receives one object

A field is declared like a parameter, `name: Annotated[type, typer.Option(...)] = default`, or is itself such a dataclass.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any

Parameter = inspect.Parameter


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Return the command with one parameter for each option, as Typer reads it."""
    declared = inspect.signature(verb, eval_str=True).parameters.values()
    flat = [one for parameter in declared for one in _options(parameter)]

    @wraps(verb)
    def command(**values: Any) -> None:
        verb(**{p.name: _value(p, values) for p in declared})

    command.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return command


def _options(parameter: Parameter) -> Iterator[Parameter]:
    """The parameter, or the parameters of its group."""
    if not is_dataclass(parameter.annotation):
        yield parameter
        return
    for field in fields(parameter.annotation):
        default = Parameter.empty if field.default is MISSING else field.default
        yield from _options(Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type))


def _value(parameter: Parameter, values: Mapping[str, Any]) -> Any:
    """Value of the parameter: its own, or its group, built from the values of the fields."""
    if not is_dataclass(parameter.annotation):
        return values[parameter.name]
    return _made(parameter.annotation, values)


def _made(group: Any, values: Mapping[str, Any]) -> Any:
    return group(**{f.name: _made(f.type, values) if is_dataclass(f.type) else values[f.name] for f in fields(group)})
