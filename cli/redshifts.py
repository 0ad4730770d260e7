"""Options that say how far away lens and source are."""

from typing import Annotated

import typer

ZLens = Annotated[
    float | None,
    typer.Option("--z-lens", help="Redshift of the lenses; a column z_lens goes before it.", show_default=False),
]
ZSource = Annotated[
    float | None,
    typer.Option("--z-source", help="Redshift of the sources; a column z_source goes before it.", show_default=False),
]
Cosmology = Annotated[
    str | None,
    typer.Option(
        "--cosmology",
        metavar="NAME|H0=H,Om0=M",
        help="Cosmology of lengths and masses: a flat one of astropy's, or H0 and Om0; Planck18 by default.",
        show_default=False,
    ),
]


def distances(z_lens: float | None, z_source: float | None, cosmology: str | None) -> dict[str, object]:
    """What the user says of redshifts, as keyword arguments of `expand_inputs`.

    Raises
    ------
    InputError
        They are not those of a lens and a source behind it, or the cosmology is none.
    """
    from lenssbi.dataset.redshifts import refuse_wrong

    refuse_wrong(z_lens, z_source)
    if cosmology is not None:
        from lenssbi.posteriors.cosmology import cosmology_of

        cosmology_of(cosmology)
    said = {"z_lens": z_lens, "z_source": z_source, "cosmology": cosmology}
    return {name: value for name, value in said.items() if value is not None}
