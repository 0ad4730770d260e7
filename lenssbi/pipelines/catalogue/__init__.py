"""`lenssbi catalogue`: many stamps in, one row for each out."""

from lenssbi.pipelines.catalogue.config import AutoConfig, CatalogueConfig
from lenssbi.pipelines.catalogue.run import run

__all__ = ["AutoConfig", "CatalogueConfig", "run"]
