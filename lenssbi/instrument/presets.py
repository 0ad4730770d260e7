"""Cameras that come with lenssbi, by name: the files of `configs/instrument/`, which state the source of each number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lenssbi.config import mapping_of
from lenssbi.shipped_configs import ROOTS


def preset_names() -> tuple[str, ...]:
    """Names of the presets, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def preset(name: str) -> Mapping[str, Any]:
    """The numbers of a preset, by the names of :class:`~lenssbi.instrument.camera.Camera`.

    Parameters
    ----------
    name
        Name of a file in `configs/instrument/` without its suffix, such as "hst_acs_f814w".

    Raises
    ------
    ValueError
        If there is no such preset.
    """
    if name not in preset_names():
        raise ValueError(f"there is no preset {name}: take one of {', '.join(preset_names())}")
    return mapping_of(_folder() / f"{name}.yaml")


def _folder() -> Path:
    folders = [root / "configs" / "instrument" for root in ROOTS]
    return next((folder for folder in folders if folder.is_dir()), folders[0])
