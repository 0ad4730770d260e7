"""Training that does not start from scratch: weights of another estimator, all or those of the trunk alone, which may be frozen.

The features of a frozen trunk do not change, so they are computed once, for each of the eight symmetries of each
stamp, and the layers after it are trained on them: an epoch then takes seconds.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from lenssbi.dataset.loader import Examples, ExampleSet
from lenssbi.estimators.augmentation import middle_of, turn_images, turn_targets
from lenssbi.estimators.checkpoint import EstimatorCard
from lenssbi.estimators.densities import Density, build_density
from lenssbi.estimators.load import find_estimator, load_estimator
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.plan import TrainConfig
from lenssbi.estimators.symmetric import single
from lenssbi.parameters import ParameterSpace
from lenssbi.status import InputError

BLOCK = 256  # stamps processed at a time


def start_from(config: TrainConfig, density: Density, field: tuple[int, int]) -> None:
    """Give a fresh density the weights of the estimator `config.start_from`: all if they all match, otherwise those of its trunk.

    Its dropout may be another, and its trunk may have fewer residual blocks and no fine path in its stem: the added layers have no
    effect at first.
    Of an ensemble the first network is taken.

    Raises
    ------
    InputError
        If there is no such estimator, it was trained on differently prepared stamps, or its trunk has another layout.
    """
    folder = find_estimator(str(config.start_from))
    other = load_estimator(folder)
    card, source = other.card, other.densities[0]
    source = single(source)
    if card.preprocessing != config.preprocessing or card.field != field:
        raise InputError(f"{folder}: start_from needs the preprocessing and the field of the plan: change one of them")
    if is_deeper(card.network, config.network):
        source = deepened(card, source, config)
    alike = card.density.kind == config.density.kind and card.space == config.space
    if alike and _shapes(source) == _shapes(density):
        density.load_state_dict(source.state_dict())
        return
    if not _shapes(source.embedding_net) or _shapes(source.embedding_net) != _shapes(density.embedding_net):
        raise InputError(
            f"{folder}: start_from needs a trunk of the plan's layout (widths, blocks, squeeze; the paper's dropout network has none): "
            "change one of them"
        )
    density.embedding_net.load_state_dict(source.embedding_net.state_dict())


def deepened(card: EstimatorCard, source: Density, config: TrainConfig) -> Density:
    """The same density with the stem and the blocks of the plan's network, with the same output as `source`."""
    network = card.network.model_copy(update={"blocks": config.network.blocks, "fine": config.network.fine})
    density = build_density(card.density, network, card.field, len(card.space), card.passes, card.seed)
    trunk = deepened_trunk(card.network, network, source.embedding_net.state_dict())
    head = {name: tensor for name, tensor in source.state_dict().items() if "trunk." not in name}
    density.load_state_dict(head, strict=False)
    density.embedding_net.load_state_dict(trunk, strict=False)
    return density


def deepened_trunk(before: NetworkConfig, after: NetworkConfig, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the convolutions of a compact network by their names in a network with more blocks or a finer stem.

    The added layers are not among them: as they are built, they change nothing.
    """
    places: dict[str, str] = {}
    old = new = 0
    for few, many in zip(before.blocks, after.blocks, strict=True):  # a convolution, its normalisation, the blocks
        places |= {str(old + i): str(new + i) for i in range(2 + few)}
        old, new = old + 2 + few, new + 2 + many
    places[str(old)] = str(new)
    if after.fine and not before.fine:
        places["0"] = "0.coarse"
    parts = {name: name.split(".", 1) for name in weights}
    return {f"{places[place]}.{rest}": weights[name] for name, (place, rest) in parts.items()}


def is_deeper(one: NetworkConfig, other: NetworkConfig) -> bool:
    """Whether the compact network `other` differs from `one` by more residual blocks or a finer stem, besides its dropout."""
    alike = one.model_copy(update={"blocks": other.blocks, "fine": other.fine, "dropout": other.dropout}) == other
    pairs = list(zip(one.blocks, other.blocks, strict=False))
    more = all(a <= b for a, b in pairs) and one.fine in (0, other.fine)
    return one.kind == "compact" and alike and more and (one.blocks, one.fine) != (other.blocks, other.fine)


def frozen(
    density: Density,
    examples: ExampleSet,
    space: ParameterSpace,
    symmetries: int,
    progress: Callable[[int, int, str], None],
) -> Examples:
    """Features of examples, and their targets.

    Parameters
    ----------
    density
        Density with the trunk; it is put into evaluation mode.
    examples
        Prepared images (n, 1, y, x) and targets.
    space
        Parameters of the targets.
    symmetries
        Number of the eight symmetries to use, one after the other; one leaves the stamps as they are.
    progress
        Function that is called with (done, total, text) after each block.

    Returns
    -------
    Features, shape (symmetries n, k), half precision.
    """
    density.eval()
    middle = middle_of(space)
    device = next(density.parameters()).device
    count = len(examples)
    values = torch.empty((symmetries * count, len(space)))
    inputs: Tensor | None = None
    for symmetry in range(symmetries):
        for rows in torch.arange(count).split(BLOCK):
            targets, images = examples[rows]
            with torch.no_grad():
                features = density.embed(turn_images(images.to(device).float(), symmetry))
            if inputs is None:
                inputs = torch.empty((len(values), features.shape[1]), dtype=torch.float16)
            where = slice(symmetry * count + int(rows[0]), symmetry * count + int(rows[-1]) + 1)
            inputs[where] = features
            values[where] = turn_targets(targets, space.names, middle, symmetry)
            progress(where.stop, len(values), "features")
    assert inputs is not None
    return Examples(inputs, values)


def _shapes(module: torch.nn.Module) -> dict[str, torch.Size]:
    state: dict[str, Tensor] = module.state_dict()
    return {name: tensor.shape for name, tensor in state.items()}
