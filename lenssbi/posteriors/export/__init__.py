"""Posteriors in the formats of others: COOLEST (`coolest`), ArviZ (`arviz`), lenstronomy and hierArc (JSON).

The first two need their packages: ``pip install 'lenssbi[export]'``.

Every export carries `lenssbi.parameters.conventions` with it, in words, beside the numbers that were converted.
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
        Where it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise InputError(f"the package {package} cannot be imported ({error}): {REMEDY}") from None
