"""Text below the help of a command: an example, and where the keys of its configuration are documented."""

EXAMPLES = {
    "simulate": "configs/populations/sie_parametric.yaml --count 100 --out test.h5",
    "train": "configs/runs/euclid_vis_sie.yaml --out run",
    "calibrate": "run --data test.h5",
    "sweep-dropout": "run1 run2 --data test.h5",
    "cutout": "targets.csv --image mosaic.fits --noise rms.fits --psf psf.fits --out stamps",
    "predict": "stamps --out network.ecsv",
    "refine": "stamp.fits --out fits --gaussian einstein_radius=1.2,0.05",
    "catalogue": "stamps --workers 2 --out run",
    "status": "run",
    "report": "run",
    "review": "run verdicts.json",
    "export": "run --to coolest --out coolest",
    "population": "run --parameter q --prior train.h5 --out q.ecsv",
    "benchmark": "configs/runs/paper.yaml --out benchmark --workers 8",
    "demo": "--out demo",
    "doctor": "--json",
    "check": "stamp.fits",
}
KEYS = {
    "simulate": "configs/populations, docs/explanation/populations.md",
    "train": "configs/estimator and configs/runs, docs/guides/training.md",
    "refine": "configs/refinement/default.yaml, docs/guides/fits.md",
    "catalogue": "docs/guides/catalogues.md; keys of a fit, under `fit`: docs/guides/fits.md",
    "benchmark": "configs/runs, docs/guides/benchmarks.md",
}


def epilog(name: str) -> str:
    """Text below the help of a command."""
    example = f"Example: lenssbi {name} {EXAMPLES[name]}"
    return f"{example}\n\nKeys of the YAML file: {KEYS[name]}" if name in KEYS else example
