"""Options that several commands share, so that they read alike everywhere; how stamps are read is `stamps`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lenssbi.shipped_configs import shipped

if TYPE_CHECKING:
    from lenssbi.batch import ClusterConfig

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="FITS stamps, folders of them, tables that list them, HDF5 sets, set.h5:INDEX, or with --image positions.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        help="Seed of everything random; 0 by default, or the one of the configuration.",
        show_default=False,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML file of the configuration; its keys: see below.",
        show_default=False,
        callback=shipped,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set one key of the configuration: a.b=1. Repeatable."),
]
EstimatorName = Annotated[
    str | None,
    typer.Option("--estimator", metavar="NAME|RUN", help="Shipped weights by name, or the folder of a training run."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes on this machine.")]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler to work on instead."),
]
Cluster = Annotated[
    Path | None,
    typer.Option(
        "--cluster", metavar="FILE", help="YAML file of a batch system to ask for jobs instead.", callback=shipped
    ),
]
ModelError = Annotated[
    list[str] | None,
    typer.Option(
        "--model-error",
        metavar="NAME=VALUE",
        help="Add departures of the mass from a smooth model, such as einstein_radius=0.0137. Repeatable.",
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        "--fix",
        metavar="NAME=VALUE",
        help="Hold a parameter, such as centre_x=0 (the middle of the stamp, in arcsec). Repeatable.",
    ),
]
Gaussian = Annotated[
    list[str] | None,
    typer.Option(
        "--gaussian",
        metavar="NAME=MEAN,SIGMA",
        help="Give a parameter a Gaussian prior, such as einstein_radius=1.2,0.05. Repeatable.",
    ),
]


@dataclass(frozen=True)
class Settings:
    """The configuration, and the choices of a fit that have an option of their own."""

    config: ConfigFile = None
    overrides: Overrides = None
    fix: Fix = None
    gaussian: Gaussian = None
    model_error: ModelError = None

    def changes(self, said: Mapping[str, object], fit: str = "") -> list[str]:
        """Overrides of the configuration: those of --set, those of the options here, and those of other options.

        Parameters
        ----------
        said
            Values of other options by key of the configuration; None is left out.
        fit
            Where the keys of a fit are: "fit." in a catalogue's configuration.
        """
        known = [_known(item, "--fix", "NAME=VALUE", 1) for item in self.fix or ()]
        known += [_known(item, "--gaussian", "NAME=MEAN,SIGMA", 2) for item in self.gaussian or ()]
        known += [f"model_error.{item}" for item in model_error(self.model_error)]
        others = [f"{key}={value}" for key, value in said.items() if value is not None]
        return [*(self.overrides or ()), *(fit + item for item in known), *others]


def model_error(said: Sequence[str] | None) -> list[str]:
    """The items of --model-error, as overrides of its configuration."""
    from lenssbi.status import InputError

    for item in said or ():
        if not item.partition("=")[0].strip().isidentifier() or not item.partition("=")[2].strip():
            raise InputError(f"--model-error {item}: write it as NAME=VALUE, such as einstein_radius=0.0137")
    return list(said or ())


def cluster_of(path: Path | None) -> "ClusterConfig | None":
    """The batch system that a YAML file describes, None where none is named."""
    if path is None:
        return None
    from lenssbi.batch import ClusterConfig
    from lenssbi.config import load_config

    return load_config(path, ClusterConfig)


def refuse_beside_repeat(context: typer.Context, source: str, *allowed: str) -> None:
    """Refuse what was given beside --repeat, but for the parameters that are allowed.

    Raises
    ------
    InputError
        Naming the file that says the rest, and what may be given.
    """
    from lenssbi.status import InputError

    for name in context.params:
        given = context.get_parameter_source(name)
        if name not in {*allowed, "repeat", "as_json", "quiet"} and given is not None and given.name == "COMMANDLINE":
            options = ", ".join(f"--{one}" for one in allowed)
            raise InputError(f"--repeat takes inputs and choices from {source}: leave out all but {options}")


def needed(inputs: list[str] | None) -> list[str]:
    """The inputs.

    Raises
    ------
    InputError
        If there are none.
    """
    from lenssbi.status import InputError

    if not inputs:
        raise InputError("no input: name a FITS stamp, a folder, a table or a set")
    return inputs


def _known(item: str, option: str, form: str, count: int) -> str:
    """What the user knows of a parameter, as an override of the configuration; of a sigma of zero if only a value is given."""
    from lenssbi.refinement.config import read_prior
    from lenssbi.status import InputError

    try:
        name, values = read_prior(item)
    except ValueError:
        name, values = "", ()
    if len(values) != count:
        raise InputError(f"{option} {item}: write it as {form}")
    if count == 2 and not values[1] > 0:
        raise InputError(
            f"{option} {item}: the standard deviation is above zero; hold a parameter with --fix {name}=VALUE"
        )
    return f"prior.gaussian.{name}=[{values[0]!r}, {(*values, 0.0)[1]!r}]"
