"""The densities by name: networks from a prepared image to a posterior of the targets.

    bnn   the network with Monte Carlo dropout (`bnn`; Pearson et al. 2021)
    mdn   a mixture of Gaussians with full covariances (`flow`; Bishop 1994)
    nsf   a neural spline flow (`flow`; Durkan et al. 2019)

Each has the methods of sbi's densities (`for_sbi` makes it one), and can also be evaluated in two steps: `embed` processes a stamp
once, and `loss_of` and `components` use its features.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.network import NetworkConfig, build_network

if TYPE_CHECKING:
    from lenssbi.estimators.bnn import DropoutBNN
    from lenssbi.estimators.flow import FlowDensity

Density: TypeAlias = "DropoutBNN | FlowDensity"


def build_density(
    config: DensityConfig,
    network: NetworkConfig,
    field: tuple[int, int],
    parameters: int,
    passes: int = 100,
    seed: int = 0,
) -> Density:
    """Return a fresh density.

    Parameters
    ----------
    config
        Kind and settings of the density.
    network
        Layout of the network before the density.
    field
        Shape (y, x) of a prepared image [pixels].
    parameters
        Number of targets.
    passes
        Monte Carlo passes of a `bnn`'s posterior.
    seed
        Seed of the passes' masks or of the draws: the same stamp gets the same posterior every time.
    """
    if config.kind == "bnn":
        from lenssbi.estimators.bnn import DropoutBNN

        return DropoutBNN(build_network(network, field, parameters), parameters, field, passes, seed)
    from lenssbi.estimators.flow import build_flow

    return build_flow(config, network, field, parameters, seed)


def pack(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The weights of an estimator's file: the state of each member; that of several behind their number and a dot."""
    if len(states) == 1:
        return _packed(states[0])
    return {f"{i}.{name}": tensor for i, state in enumerate(states) for name, tensor in _packed(state).items()}


def unpack(weights: Mapping[str, Tensor], members: int, kind: str) -> list[dict[str, Tensor]]:
    """The states that `pack` was given."""
    parts = [weights]
    if members > 1:
        starts = [f"{i}." for i in range(members)]
        parts = [{k.removeprefix(s): v for k, v in weights.items() if k.startswith(s)} for s in starts]
    prefix = "net." if kind == "bnn" else ""
    return [{prefix + name: tensor for name, tensor in part.items()} for part in parts]


def _packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights by the names in the file: those of a dropout network have the network's own names."""
    alone = all(name.startswith("net.") for name in state)
    return {name.removeprefix("net.") if alone else name: tensor for name, tensor in state.items()}
