"""Write the page of the observed benchmark and the card of the shipped weights from the benchmark's tables.

    lenssbi benchmark configs/runs/observed.yaml --out observed --workers 2
    python tests/benchmarks/lenstronomy_observed.py --count 200 --out observed/lenstronomy.csv
    lenssbi benchmark configs/runs/euclid_q1.yaml --out real --set 'methods=[network]'
    python tests/benchmarks/observed_page.py observed --date 2026-01-31 --trained "The network has seen ..." --real "On four real ..."

Figures of simulated stamps are read from the tables, those of fits from `fits.csv` of the page (`observed_fits_table.py`); what is said of
the training, of the real stamps and of the machine of the fits is given.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader

from lenssbi.calibration.scores import wilson

sys.path.insert(0, str(Path(__file__).parent))
from observed_fits_table import DONE, WRONG, Fits

ROOT = Path(__file__).parents[2]
PAGE, CARD = ROOT / "docs" / "benchmarks" / "observed", ROOT / "lenssbi" / "estimators" / "shipped" / "euclid-vis-sie"
NETWORK, DROPOUT = "euclid-vis-sie", "euclid-vis-sie-bnn"
OTHER_FITS = "lenstronomy_fits.csv"
SUITE, LEVELS = "euclid_observed_test", ("0.683", "0.955", "0.997")
FITTED = ("radius", "e1", "e2", "shear1", "shear2")
UNKNOWN = ("quasar", "psf_wide", "noise_correlated", "galaxies", "pairs")
"""Suites whose kinds the detector was never shown."""


def read(path: Path, network: str | None = None) -> list[dict[str, str]]:
    """The rows of a CSV file, of one network if it is given."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if network in (None, row.get("method") or row.get("name"))]


def percent(text: str) -> str:
    """A share in per cent with a decimal."""
    return f"{100 * float(text):.1f}"


def coverage_table(rows: list[dict[str, str]]) -> str:
    """Coverage of all stamps, parameter by parameter."""
    lines = ["| coverage of the central intervals [per cent] | 68.3 | 95.5 | 99.7 |", "|---|---|---|---|"]
    for row in rows:
        if row["split"] == "all" and row["suite"] == SUITE:
            cells = [row["parameter"], *(percent(row[f"credible_{x}"]) for x in LEVELS)]
            lines += ["| " + " | ".join(cells) + " |"]
    return "\n".join(lines)


def suites_table(flags: list[dict[str, str]], areas: list[dict[str, str]]) -> str:
    """What is flagged of each suite."""
    area = {row["suite"]: row for row in areas}
    lines = [
        "| suite of what is no lens, or not the training's | known to the detector | stamps | flagged `misspecified` [per cent] "
        "| any flag [per cent] | area under the ROC curve |",
        "|---|---|---|---|---|---|",
    ]
    for row in flags:
        name = row["suite"]
        if name != SUITE:
            roc = f"{float(area[name]['area']):.3f} ± {float(area[name]['scatter']):.3f}"
            known = "no" if name in UNKNOWN else "yes"
            lines.append(
                f"| `{name}` | {known} | {row['stamps']} | {percent(row['flagged'])} | {percent(row['warned'])} | {roc} |"
            )
    return "\n".join(lines)


def worst_splits(rows: list[dict[str, str]], count: int = 5) -> str:
    """The splits of one suite whose coverage misses most, in words."""
    some = [row for row in rows if row["split"] != "all" and row["suite"] == SUITE]
    some.sort(key=lambda row: -abs(float(row["largest_deviation"])))
    return "; ".join(
        f"{row['parameter']} in {row['split']} ({row['stamps']} stamps): {100 * float(row['largest_deviation']):+.1f} points at {row['at']}"
        for row in some[:count]
    )


def numbers(folder: Path) -> dict[str, str]:
    """What the texts say of the benchmark in `folder`."""
    coverage, flags = read(folder / "coverage.csv", NETWORK), read(folder / "misspecification.csv", NETWORK)
    radii, others = (read(folder / "radii.csv", network)[0] for network in (NETWORK, DROPOUT))
    far = sum(int(row["far"]) for row in flags)
    caught, warned = (
        sum(int(row["far"]) * float(row[key] or 0) for row in flags) for key in ("flagged_of_far", "warned_of_far")
    )
    whole, other = worst_of_all(coverage), worst_of_all(read(folder / "coverage.csv", DROPOUT))
    speed = {
        row["what"]: row["stamps_per_second"] for row in read(folder / "speed.csv", NETWORK) if row["device"] == "CPU"
    }
    return {
        "nmad": f"{float(radii['nmad']):.3f}",
        "rms": f"{float(radii['rms']):.3f}",
        "gross": f"{percent(radii['gross'])} per cent ({percent(radii['gross_low'])}-{percent(radii['gross_high'])})",
        "unflagged": percent(radii["unflagged"]),
        "broad": percent(radii["broad"]),
        "shapes": f"{float(radii['rms_e1']):.3f}, {float(radii['rms_e2']):.3f}",
        "bright": radii["bright"],
        "coverage": coverage_table(coverage),
        "suites": suites_table(flags, read(folder / "roc.csv", NETWORK)),
        "splits": worst_splits(coverage),
        "whole": f"{100 * float(whole['largest_deviation']):+.1f}, {whole['parameter']} at {whole['at']}",
        "alarms": percent(flags[0]["flagged"]),
        "warned": percent(flags[0]["warned"]),
        "far": f"{100 * caught / far:.0f} per cent ({100 * warned / far:.0f} with any flag) of the {far}",
        "speed": f"{float(speed['network']):.0f}",
        "predict": f"{float(speed['lenssbi predict']):.0f}",
        "dropout_nmad": f"{float(others['nmad']):.3f}",
        "dropout_gross": percent(others["gross"]),
        "dropout_whole": f"{100 * abs(float(other['largest_deviation'])):.1f}",
    }


def worst_of_all(rows: list[dict[str, str]]) -> dict[str, str]:
    """The parameter whose coverage of all stamps misses most."""
    whole = [row for row in rows if row["split"] == "all" and row["suite"] == SUITE]
    return max(whole, key=lambda row: abs(float(row["largest_deviation"])))


def fits(path: Path) -> dict[str, str]:
    """What the page says of the fits."""
    found = Fits.of(read(path))
    off, clean, count = found.off, found.clean, len(found.off)
    lines = [
        f"| flag | raised by right fits ({(~off).sum()}) | by fits off by more than 15 per cent ({off.sum()}) |",
        "|---|---|---|",
    ]
    for flag in found.all_flags():
        raised = found.raised(flag)
        lines.append(f"| `{flag}` | {(raised & ~off).sum()} | {(raised & off).sum()} |")

    def share(which: np.ndarray) -> str:
        low, high = wilson(which.mean(), count)
        return f"{which.sum()} ({100 * which.mean():.0f} per cent, {100 * low:.0f}-{100 * high:.0f})"

    held = ", ".join(f"{100 * found.within(sigmas).mean():.0f}" for sigmas in (1, 2, 3))
    return {
        "fits_count": str(count),
        "fits_off": share(off),
        "fits_silent": share(off & clean),
        "fits_refused": str((off & found.refused).sum()),
        "fits_clean": share(clean),
        "fits_held": held,
        "fits_seconds": f"{np.median(found.seconds):.0f} s of a processor in the median, {found.seconds.max():.0f} at most",
        "fits_flags": "\n".join(lines),
    }


def lenstronomy(path: Path) -> str:
    """What the network makes of the stamps that lenstronomy rendered."""
    rows = read(path)
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    error = column["network_einstein_radius"] - column["einstein_radius"]
    nmad = 1.4826 * np.median(np.abs(error - np.median(error)))
    off = np.abs(error) > 0.15 * column["einstein_radius"]
    silent = off & (column["flagged"] == 0)
    text = (
        f"On {len(rows)} stamps that [lenstronomy](https://github.com/lenstronomy/lenstronomy) rendered (`lenstronomy.csv`; S/N 30-160, "
        f"other light profiles, PSFs and field galaxies), NMAD is {nmad:.3f} arcsec, {100 * off.mean():.1f} per cent are off by more than "
        f"15 per cent ({100 * silent.mean():.1f} without a flag)"
    )
    if "pull" in column:
        held = ", ".join(f"{100 * np.mean(column['pull'] < sigmas):.1f}" for sigmas in (1, 2, 3))
        text += f", {held} per cent of the radii lie within 1, 2 and 3 sigma"
    return f"{text}, and {100 * column['flagged'].mean():.1f} per cent are flagged."


def lenstronomy_fits(path: Path) -> str:
    """What fits make of stamps that lenstronomy rendered; empty if there are none."""
    if not path.is_file():
        return ""
    rows = [row for row in read(path) if row["fit_radius"]]
    off = np.array([abs(float(row["fit_radius"]) / float(row["radius"]) - 1) > WRONG for row in rows])
    clean = np.array([row["fit_status"] == DONE and row["fit_flagged"] != "True" for row in rows])
    pulls = np.array(
        [
            [(float(row[f"fit_{name}"]) - float(row[name])) / float(row[f"fit_{name}_error"]) for name in FITTED]
            for row in rows
        ]
    )
    held = ", ".join(f"{100 * (np.abs(pulls[clean]) < sigmas).mean():.0f}" for sigmas in (1, 2, 3))
    seconds = np.array([float(row["fit_seconds"]) for row in rows])
    return (
        f"Fits of {len(rows)} such stamps of another seed (`lenstronomy_fits.csv`): off by more than 15 per cent: {off.sum()}, "
        f"without a flag: {(off & clean).sum()}; {clean.sum()} are done without a flag, of whose radii, ellipticities and shears "
        f"{held} per cent lie within 1, 2 and 3 sigma. A fit took {np.median(seconds):.0f} s in the median, {seconds.max():.0f} at most."
    )


def main() -> None:
    """Write the page, the card and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the benchmark")
    parser.add_argument("--trained", required=True, help="what the network was trained on, in a sentence or two")
    parser.add_argument("--real", default="", help="what it makes of the real stamps, in a sentence")
    parser.add_argument("--fits", default="", help="how the fits were made, in a sentence or two")
    parser.add_argument("--date", required=True, help="of the benchmark")
    given = parser.parse_args()
    found = numbers(given.folder) | fits(PAGE / "fits.csv")
    for name in ("accuracy", "coverage", "log_score", "misspecification", "radii", "roc", "speed"):
        (PAGE / f"{name}.csv").write_bytes((given.folder / f"{name}.csv").read_bytes())
    words = {"date": given.date, "trained": given.trained, "real": given.real, "fits": given.fits}
    texts = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), keep_trailing_newline=True)
    for name, folder in (("page", PAGE), ("card", CARD)):
        text = texts.get_template(f"observed_{name}.md.j2")
        others = {"other": lenstronomy(PAGE / "lenstronomy.csv"), "other_fits": lenstronomy_fits(PAGE / OTHER_FITS)}
        (folder / "README.md").write_text(text.render(**found, **words, **others))


if __name__ == "__main__":
    main()
