"""Many items through one function, on this machine or on a cluster. Knows nothing of lenses."""

from lenssbi.batch.engine import run

__all__ = ["run"]
