"""Options that several commands share, with the same text everywhere; those for reading stamps are in `stamps`."""

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
        help="FITS stamps, folders or tables of stamps, HDF5 sets, set.h5:INDEX, or, with --image, positions.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print a single JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no tables.")]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        help="Seed of the random numbers; by default that of the configuration, or 0.",
        show_default=False,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML file of the configuration; see below for its keys.",
        show_default=False,
        callback=shipped,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Value of one key of the configuration, such as a.b=1. Repeatable."
    ),
]
EstimatorName = Annotated[
    str | None,
    typer.Option("--estimator", metavar="NAME|RUN", help="Name of shipped weights, or folder of a training run."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Number of processes on this machine.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Address of a running Dask scheduler to use instead of --workers."
    ),
]
Cluster = Annotated[
    Path | None,
    typer.Option(
        "--cluster", metavar="FILE", help="YAML file of a batch system to use instead of --workers.", callback=shipped
    ),
]
ModelError = Annotated[
    list[str] | None,
    typer.Option(
        "--model-error",
        metavar="NAME=VALUE",
        help="Departure of the mass from a smooth model, such as einstein_radius=0.0137. Repeatable.",
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        "--fix",
        metavar="NAME=VALUE",
        help="Fixed value of a parameter, such as centre_x=0 (arcsec from the middle of the stamp). Repeatable.",
    ),
]
Gaussian = Annotated[
    list[str] | None,
    typer.Option(
        "--gaussian",
        metavar="NAME=MEAN,SIGMA",
        help="Gaussian prior of a parameter, such as einstein_radius=1.2,0.05. Repeatable.",
    ),
]


@dataclass(frozen=True)
class Settings:
    """Options for the configuration, and for settings of a fit that have an option of their own."""

    config: ConfigFile = None
    overrides: Overrides = None
    fix: Fix = None
    gaussian: Gaussian = None
    model_error: ModelError = None

    def changes(self, values: Mapping[str, object], fit: str = "") -> list[str]:
        """Overrides of the configuration from --set, from the options of this class, and from other options.

        Parameters
        ----------
        values
            Values of other options, by key of the configuration; None is left out.
        fit
            Prefix of the keys of a fit: "fit." in the configuration of a catalogue.
        """
        known = [_known(item, "--fix", "NAME=VALUE", 1) for item in self.fix or ()]
        known += [_known(item, "--gaussian", "NAME=MEAN,SIGMA", 2) for item in self.gaussian or ()]
        known += [f"model_error.{item}" for item in model_error(self.model_error)]
        others = [f"{key}={value}" for key, value in values.items() if value is not None]
        return [*(self.overrides or ()), *(fit + item for item in known), *others]


def model_error(items: Sequence[str] | None) -> list[str]:
    """Items of --model-error, as overrides of its configuration."""
    from lenssbi.status import InputError

    for item in items or ():
        if not item.partition("=")[0].strip().isidentifier() or not item.partition("=")[2].strip():
            raise InputError(f"--model-error {item}: write it as NAME=VALUE, such as einstein_radius=0.0137")
    return list(items or ())


def cluster_of(path: Path | None) -> "ClusterConfig | None":
    """The batch system that a YAML file describes; None without a file."""
    if path is None:
        return None
    from lenssbi.batch import ClusterConfig
    from lenssbi.config import load_config

    return load_config(path, ClusterConfig)


def refuse_beside_repeat(context: typer.Context, source: str, *allowed: str) -> None:
    """Refuse options that cannot be combined with --repeat: all but the allowed ones.

    Raises
    ------
    InputError
        If such an option is given; the message names the source of the options, and the allowed ones.
    """
    from lenssbi.status import InputError

    for name in context.params:
        given = context.get_parameter_source(name)
        if name not in {*allowed, "repeat", "as_json", "quiet"} and given is not None and given.name == "COMMANDLINE":
            options = ", ".join(f"--{one}" for one in allowed)
            raise InputError(f"--repeat takes inputs and options from {source}: leave out all but {options}")


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
    """Prior of a parameter, as an override of the configuration; sigma is zero if only a value is given."""
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
            f"{option} {item}: the standard deviation must be above zero; hold a parameter with --fix {name}=VALUE"
        )
    return f"prior.gaussian.{name}=[{values[0]!r}, {(*values, 0.0)[1]!r}]"
