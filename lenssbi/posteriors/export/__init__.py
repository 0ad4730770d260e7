"""Posteriors in the formats of other programs: COOLEST (`coolest`), ArviZ (`arviz`), lenstronomy and hierArc (JSON).

The first two need their packages: ``pip install 'lenssbi[export]'``.

Every export contains the text of `lenssbi.parameters.conventions` together with the converted numbers.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from lenssbi.status import InputError

REMEDY = "pip install 'lenssbi[export]'"


def library(name: str) -> ModuleType:
    """The module `name` of an optional library.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise InputError(f"the package {package} cannot be imported ({error}): {REMEDY}") from None
