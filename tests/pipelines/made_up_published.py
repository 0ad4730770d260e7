"""A table of published values that is made up, row by row."""

from pathlib import Path

from lenssbi.benchmark.real.published import COLUMNS, EFFECTIVE, SIE

# medians and half of their limits, symmetric
VALUES = {
    EFFECTIVE: (0.82, 0.03),
    "theta_E": (0.85, 0.04),
    "ell_0": (-0.06, 0.05),
    "ell_1": (-0.19, 0.06),
    "gamma_1": (-0.11, 0.05),
    "gamma_2": (0.01, 0.04),
}


def row(
    name: str, kind: str = "sie_shear", galaxies: str = "1", note: str = "", **changes: tuple[float, float]
) -> dict:
    """A row of the table; changes are of values, as (median, error)."""
    known = {"sie_shear": (EFFECTIVE, *SIE), "effective_only": (EFFECTIVE,), "none": ()}[kind]
    cells = {"id": name, "kind": kind, "galaxies": galaxies, "note": note}
    for key in known:
        middle, error = (VALUES | changes)[key]
        cells |= {key: f"{middle}", f"{key}_lo1": f"{middle - error}", f"{key}_hi1": f"{middle + error}"}
    return cells


def write(path: Path, rows: list[dict], columns=(*COLUMNS, "note")) -> Path:
    """Write rows as a table with a comment above."""
    lines = ["# made up", ",".join(columns)]
    lines += [",".join(str(one.get(name, "")) for name in columns) for one in rows]
    path.write_text("\n".join(lines) + "\n")
    return path
