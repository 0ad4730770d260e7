"""Configuration of a density: what the modules of the densities share (`densities` builds one, `flow` is one)."""

from typing import Literal

from pydantic import Field

from lenssbi.config import Config


class DensityConfig(Config):
    """Configuration of the density after the network's convolutions.

    `components` (Gaussians) belongs to mdn; `transforms` (splines one after the other) and `bins` (pieces of each) to nsf;
    `context` (numbers that describe a stamp) and `hidden` (width of the layers that read them) to both.
    """

    kind: Literal["bnn", "mdn", "nsf"] = "bnn"
    components: int = Field(default=8, gt=0)
    transforms: int = Field(default=4, gt=0)
    hidden: int = Field(default=64, gt=0)
    bins: int = Field(default=8, gt=1)
    context: int = Field(default=32, gt=0)
