"""Application of one function to many items, on this machine or on a cluster. Nothing here depends on lenses."""

from lenssbi.batch.cluster import ClusterConfig
from lenssbi.batch.engine import Map, run, worker_pool

__all__ = ["ClusterConfig", "Map", "worker_pool", "run"]
