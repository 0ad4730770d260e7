"""Many items through one function, on this machine or on a cluster. Knows nothing of lenses."""

from lenssbi.batch.cluster import ClusterConfig
from lenssbi.batch.engine import Spread, crew, run

__all__ = ["ClusterConfig", "Spread", "crew", "run"]
