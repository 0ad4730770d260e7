"""One row per lens: the columns, what they mean, and the files they are written to."""

from lenssbi.catalogue.columns import build
from lenssbi.catalogue.table import (
    COVARIANCE,
    DERIVED,
    FLAGS,
    FORMATS,
    OPTIONAL,
    PARAMETERS,
    PHYSICAL,
    ROW,
    SCHEMA,
    check_writable,
    read,
    write,
)

__all__ = [
    "COVARIANCE",
    "DERIVED",
    "FLAGS",
    "FORMATS",
    "OPTIONAL",
    "PARAMETERS",
    "PHYSICAL",
    "ROW",
    "SCHEMA",
    "build",
    "check_writable",
    "read",
    "write",
]
