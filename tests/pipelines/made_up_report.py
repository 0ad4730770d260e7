"""Rows of a catalogue that are made up: truths, ranks and thumbnails of any number of lenses, and hostile texts in all columns."""

import io
from functools import cache

import numpy as np
from scipy.special import ndtr

from lenssbi import catalogue

SIGMA = {"einstein_radius": 0.02, "q": 0.05, "phi": 4.0}
UNITS = {"einstein_radius": "arcsec", "q": "", "phi": "deg"}
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "\"><svg onload='alert(4)'>",
    "javascript:alert(5)",
    "{{ 7 * 7 }}{% raise %}${alert(6)}",
    "\u202egnp.live\u202d right to left",
    "a very long name " * 18,
    "<!--<script>",
    "name & 'quotes' \"both\"",
)
CARD = {
    "schema": "lenssbi-run-1",
    "version": "0.0.made-up",
    "command": "catalogue",
    "config": {"refine": "auto", "fit": {"sampler": "nautilus", "live": 300}},
    "estimator": "euclid-vis-sie",
    "inputs": ["stamps/"],
    "seconds": 321.0,
    "counts": {},
    "finished": True,
}


def rows(count: int, seed: int = 0, spread: float = 1.0) -> list[dict]:
    """Lenses whose posteriors are Gaussian, with errors that are `spread` times too wide."""
    rng = np.random.default_rng(seed)
    return [_row(number, count, rng, spread) for number in range(count)]


def hostile():
    """A table each of whose texts is hostile, in every column that has text."""
    made = rows(len(HOSTILE))
    for row, text in zip(made, HOSTILE, strict=True):
        row |= {"name": text, "input": text, "status": text, "posterior": text, "figure": f"../{text}"}
        row |= {"method": text, "look_because": text, "refined_because": text, "params": made[0]["params"]}
        row["flags"] = [text.replace(" ", "_"), "needs_human"]
    return catalogue.build(made)


def thumbnails(table) -> dict[str, bytes]:
    """One for each lens that has parameters, of a few kinds."""
    known = np.isfinite(table["q"])
    return {str(name): _thumbnail(40 + i % 100) for i, name in enumerate(table["name"]) if known[i]}


def _row(number: int, count: int, rng: np.random.Generator, spread: float) -> dict:
    truth = {"einstein_radius": rng.uniform(0.5, 2.0), "q": rng.uniform(0.5, 0.9), "phi": rng.uniform(0.0, 180.0)}
    refined, failed, strange = number % 20 == 3, number % 50 == 7, number % 10 == 4
    sigma = {name: value * (0.3 if refined else 1.0) for name, value in SIGMA.items()}
    median = {name: truth[name] + sigma[name] * rng.normal() for name in truth}
    claimed = {name: spread * value for name, value in sigma.items()}
    summaries = {
        name: {
            "median": median[name],
            "lower": median[name] - claimed[name],
            "upper": median[name] + claimed[name],
            "unit": UNITS[name],
        }
        for name in truth
    }
    # of a fit, the network said something else: a tenth more, with errors of a twentieth
    said = {n: {"median": 1.1 * m, "lower": 1.05 * m, "upper": 1.15 * m, "unit": UNITS[n]} for n, m in median.items()}
    told = {"params": said, "flags": ["misspecified"]} if refined else {"params": summaries, "flags": []}
    return {
        "name": f"lens {number:05d}",
        "input": f"stamps/lens {number:05d}.fits",
        "method": "refined" if refined else "network",
        "status": f"the file has no PSF: give one with --psf (number {number})" if failed else "done",
        "snr": float(rng.lognormal(3.5, 0.5)),
        "seconds": 30.0 if refined else 0.02,
        "evaluations": 9000 if refined else 0,
        "misspecification": float(rng.normal()),
        "chi2_per_pixel": 0.8 + 0.6 * number / count,
        "refined_because": "the error is large" if refined else "",
        "look_because": "unlike the network's training" if strange else "no PSF" if failed else "",
        "flags": ["misspecified", "needs_human"] if strange else ["needs_human"] if failed else [],
        "posterior": f"lenses/lens {number:05d}.h5" if refined else "",
        "figure": f"lenses/lens {number:05d}.png" if refined else "",
        "params": {} if failed else summaries,
        "network": None if failed else told,
        "truth": truth,
        "ranks": {name: float(ndtr((truth[name] - median[name]) / claimed[name])) for name in truth},
    }


@cache
def _thumbnail(brightness: int) -> bytes:
    """Four square panels side by side, as WebP."""
    from PIL import Image

    panels = np.full((16, 64, 3), brightness, np.uint8)
    panels[:, ::16] = 255
    held = io.BytesIO()
    Image.fromarray(panels).save(held, "WEBP", quality=50)
    return held.getvalue()
