"""`lenssbi catalogue`: one table for many stamps."""

from lenssbi.pipelines.catalogue.config import AutoConfig, CatalogueConfig
from lenssbi.pipelines.catalogue.run import repeat, run

__all__ = ["AutoConfig", "CatalogueConfig", "repeat", "run"]
