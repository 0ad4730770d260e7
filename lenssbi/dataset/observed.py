"""Description of a stamp that is stored with its posterior, so that it can be exported, and the stamp found again, without the run."""

from __future__ import annotations

from typing import Any

from lenssbi.dataset.redshifts import known
from lenssbi.dataset.stamp import Stamp

READ = "read"  # entry of a stamp's `info` with the arguments of its reading


def describe(stamp: Stamp) -> dict[str, Any]:
    """The stamp as text and numbers for JSON; None for unknown entries.

    Returns
    -------
    dict
        ``shape`` (y, x), ``pixel_scale`` [arcsec], ``unit``, ``band``, ``zero_point`` [AB mag], ``ra``, ``dec`` [deg],
        ``z_lens``, ``z_source``, ``cosmology`` if they are known, and under ``read``
        what was read: ``input`` and the keyword arguments of :func:`~lenssbi.dataset.inputs.expand_inputs`.
    """
    place = {name: None if stamp.info.get(name) is None else float(stamp.info[name]) for name in ("ra", "dec")}
    return {
        "shape": list(stamp.shape),
        "pixel_scale": stamp.pixel_scale,
        "unit": stamp.unit,
        "band": stamp.band,
        "zero_point": stamp.zero_point,
        **place,
        **known(stamp.info),
        READ: dict(stamp.info.get(READ, {})),
    }
