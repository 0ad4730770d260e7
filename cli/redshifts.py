"""Options for redshifts and cosmology."""

from dataclasses import dataclass
from typing import Annotated

import typer

PANEL = "Distances"


@dataclass(frozen=True)
class Distances:
    """Redshifts and cosmology of the lenses."""

    z_lens: Annotated[
        float | None,
        typer.Option(
            "--z-lens",
            help="Redshift of the lenses; a column z_lens takes precedence.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    z_source: Annotated[
        float | None,
        typer.Option(
            "--z-source",
            help="Redshift of the sources; a column z_source takes precedence.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None
    cosmology: Annotated[
        str | None,
        typer.Option(
            "--cosmology",
            metavar="NAME|H0=H,Om0=M",
            help="Cosmology for lengths and masses: a flat one of astropy, or H0 (km/s/Mpc) and Om0; Planck18 by default.",
            show_default=False,
            rich_help_panel=PANEL,
        ),
    ] = None

    def check(self) -> None:
        """Check redshifts and cosmology.

        Raises
        ------
        InputError
            If the redshifts are not those of a lens and a source behind it, or there is no such cosmology.
        """
        from lenssbi.dataset.redshifts import refuse_wrong

        refuse_wrong(self.z_lens, self.z_source)
        if self.cosmology is not None:
            from lenssbi.posteriors.cosmology import cosmology_of

            cosmology_of(self.cosmology)
