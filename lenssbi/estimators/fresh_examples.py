"""Training without a disk: every step uses new stamps.

Stamps of several populations are made in blocks that hold their shares, and mixed. The stamps of an epoch follow from the
seed, the number of the epoch and that of the process, so that a training that is stopped and continued uses the same stamps
as an uninterrupted one (on a device of the same kind).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenssbi.dataset.loader import Examples, Prepare
from lenssbi.estimators.prefetch import prefetched
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.parameters import ParameterSpace
from lenssbi.rendering.composition.supply import ComposedStamps
from lenssbi.rendering.device_batch import Batch
from lenssbi.rendering.fresh import FreshStamps
from lenssbi.rendering.simulation import SimulateConfig
from lenssbi.status import InputError

BLOCK = 512  # stamps made and mixed at a time, or one batch


@dataclass(frozen=True)
class Supply:
    """A population, named `name` for messages, and its share of the stamps relative to the others'."""

    name: str
    config: SimulateConfig
    share: float


@dataclass(frozen=True)
class FreshExamples:
    """Examples without end.

    Parameters
    ----------
    supplies
        Sources of the stamps; their cameras have the same pixels.
    space
        Parameters that are learned; others of a population are ignored.
    prepare
        Preprocessing of the images.
    stamps
        Number of stamps in an epoch.
    ahead
        Number of blocks of stamps that a thread prepares in advance; it changes no stamp.
    reuse
        Number of stamps of one system, for populations that are not composed.
    """

    supplies: tuple[Supply, ...]
    space: ParameterSpace
    prepare: Prepare
    stamps: int
    ahead: int = 0
    reuse: int = 1

    def kept(self, count: int, seed: int, progress: Callable[[int, int, str], None]) -> Examples:
        """Examples for validation, which are in no epoch; `progress` is called with (done, total, text).

        Raises
        ------
        InputError
            If a population lacks a parameter.
        """
        values, images, done = [], [], 0
        for some, seen in self.blocks(min(count, BLOCK), (seed, 0)):
            values.append(some)
            images.append(seen.half().cpu())
            done += len(some)
            progress(min(done, count), count, "making stamps to validate on")
            if done >= count:
                break
        return Examples(torch.cat(images)[:count], torch.cat(values)[:count])

    def blocks(self, size: int, key: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Targets (size, parameter) and prepared images (size, channel, y, x), without end; `key` seeds them."""
        device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else "cpu"
        *seeds, last = np.random.SeedSequence(list(key)).generate_state(len(self.supplies) + 1).tolist()
        ends = np.cumsum([0.0, *(supply.share for supply in self.supplies)])
        counts = np.diff(np.round(ends / ends[-1] * size)).astype(int).tolist()
        streams = [
            (supply, _stamps(supply.config, device, seed, self.reuse).batches(count))
            for supply, seed, count in zip(self.supplies, seeds, counts, strict=True)
            if count
        ]
        generator = torch.Generator().manual_seed(last)
        while True:
            parts = [self._prepared(supply, next(stream)) for supply, stream in streams]
            order = torch.randperm(size, generator=generator)
            values, images = (torch.cat(part)[order] for part in zip(*parts, strict=True))
            yield values, images

    def _prepared(self, supply: Supply, batch: Batch) -> tuple[Tensor, Tensor]:
        params = {name: values.cpu().numpy() for name, values in batch.params.items()}
        try:
            targets = self.space.to_targets(self.space.stack(params))
        except ValueError as error:
            raise InputError(f"{supply.name}: {error}: choose other parameters or another population") from None
        return torch.as_tensor(targets, dtype=torch.float32), self._images(batch)

    def _images(self, batch: Batch) -> Tensor:
        if isinstance(self.prepare, ImagePreprocessing) and self.prepare.kind == "observed":
            return self.prepare.observed(batch.images)  # on the device
        return torch.from_numpy(self.prepare(batch.images.cpu().numpy(), batch.noise.cpu().numpy()))


def _stamps(
    config: SimulateConfig, device: "torch.device | str", seed: int, reuse: int
) -> FreshStamps | ComposedStamps:
    if config.composition is None:
        return FreshStamps(config, device, seed, reuse)
    return ComposedStamps(config.population, config.instrument, config.selection, config.composition, device, seed)


class FreshBatches:
    """Batches of fresh examples.

    Parameters
    ----------
    source
        Source of the stamps.
    size
        Number of examples per batch and process.
    seed
        Seed of the training.
    rank, world
        Number of this process and number of all processes; each makes its own stamps.
    """

    def __init__(self, source: FreshExamples, size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.source, self.size, self.seed, self.rank, self.world = source, size, seed, rank, world
        self.epoch = 0

    def __len__(self) -> int:
        return max(self.source.stamps // (self.world * self.size), 1)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        left, together = len(self), max(BLOCK // self.size, 1)
        together = min(together, left)
        key = (self.seed, 1 + self.epoch, self.rank)
        for values, images in prefetched(self.source.blocks(together * self.size, key), self.source.ahead):
            for batch in list(zip(values.split(self.size), images.split(self.size), strict=True))[:left]:
                left -= 1
                yield batch
            if not left:
                return
