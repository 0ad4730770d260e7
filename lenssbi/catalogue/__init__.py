"""One row per lens: the columns, what they mean, and the files they are written to."""

from lenssbi.catalogue.columns import build
from lenssbi.catalogue.table import (
    COVARIANCE,
    FLAGS,
    FORMATS,
    OPTIONAL,
    PARAMETERS,
    ROW,
    SCHEMA,
    check_writable,
    read,
    write,
)

__all__ = [
    "COVARIANCE",
    "FLAGS",
    "FORMATS",
    "OPTIONAL",
    "PARAMETERS",
    "ROW",
    "SCHEMA",
    "build",
    "check_writable",
    "read",
    "write",
]
