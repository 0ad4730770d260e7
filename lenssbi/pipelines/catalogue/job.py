"""Description of the work of a worker, and the paths of all files.

    run.json                     configuration and progress of the run
    network/000000.h5 ...        results of the network, a few stamps per file (`lenssbi.catalogue.shard`)
    lenses/NAME.h5 .png .json .webp   posterior, figure, row and thumbnail of each fit
    catalogue.ecsv, .parquet     the table
    review.json                  the verdicts of reviewers, after `lenssbi review`

A row belongs to a run if it has the identity of the run's step and the key of the stamp. The same run therefore finds its rows
again, and a changed configuration or stamp makes new ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lenssbi.config import config_hash
from lenssbi.dataset.inputs import StampSource
from lenssbi.files import file_stem
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.repeat import lasting_name

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

RUN, NETWORK, LENSES, TABLE, REVIEW = "run.json", "network", "lenses", "catalogue", "review.json"


@dataclass(frozen=True)
class Job:
    """One run.

    Parameters
    ----------
    config
        Configuration of the catalogue.
    estimator
        Folder of the network.
    out
        Folder of the catalogue.
    asked, fitted
        Identities of the two steps; the rows of a step depend on its identity and on the stamp.
    """

    config: CatalogueConfig
    estimator: str
    out: Path
    asked: str
    fitted: str

    @staticmethod
    def of(config: CatalogueConfig, out: Path) -> Job:
        """The run with a configuration in the folder `out`.

        Raises
        ------
        InputError
            If the estimator cannot be used.
        """
        from lenssbi import __version__
        from lenssbi.estimators.load import find_estimator

        # absolute, because a worker may run in another folder
        name = lasting_name(config.estimator)
        estimator = str(find_estimator(name).absolute())
        # the stored configuration contains the lasting name, which is valid in other folders and versions
        config = config.model_copy(update={"estimator": name})
        card = network(estimator).card.model_dump_json()
        asked = (
            card,
            config.seed,
            config.images,
            config.draws,
            config.auto.max_residual,
            config_hash(config.fit.model_error),
        )
        fitted = (card, config_hash(config.fit), config.figures, config.images)
        return Job(config, estimator, out.absolute(), *(digest(__version__, *map(str, one)) for one in (asked, fitted)))

    def shard(self, number: int) -> Path:
        """File of the network's results for chunk `number`."""
        return shard_path(self.out, number)


def shard_path(folder: Path, number: int) -> Path:
    """File of a chunk in a catalogue's folder."""
    return folder / NETWORK / f"{number:06d}.h5"


def row_path(folder: Path, name: str) -> Path:
    """File of the row of a fit; its thumbnail is in the same folder."""
    return folder / LENSES / f"{file_stem(name)}.json"


@lru_cache(maxsize=1)
def network(estimator: str) -> Estimator:
    """The estimator, loaded once in each process."""
    from lenssbi.estimators.load import load_estimator

    return load_estimator(estimator)


def key_of(source: StampSource) -> str:
    """Identity of a stamp, from its place, the options of reading, and size and date of its files; after a dash, that of its redshifts."""
    plain = replace(source, z_lens=None, z_source=None, cosmology=None)
    redshifts = repr((source.z_lens, source.z_source, source.cosmology))
    return f"{digest(repr(plain), *map(file_version, source.files))}-{digest(redshifts)}"


def without_redshifts(key: str) -> str:
    """Identity of a stamp without its redshifts, for models and verdicts, which do not depend on them."""
    return key.partition("-")[0]


def digest(*parts: str) -> str:
    """Hash of several texts, shortened to 24 characters."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def file_version(path: str) -> str:
    """Text with size and date of a file, which changes if the file does."""
    try:
        stat = Path(path).stat()
    except OSError:
        return "missing"
    return f"{stat.st_size} {stat.st_mtime_ns}"
