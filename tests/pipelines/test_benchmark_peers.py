"""PyAutoLens beside us: its conventions, and the way to its interpreter; with the real one where LENSSBI_AUTOLENS names it."""

import json
import os
import sys

import numpy as np
import pytest

from lenssbi.benchmark.methods import AutolensMethod
from lenssbi.benchmark.runners import autolens_script
from lenssbi.benchmark.runners.peers import Peer, PeerError, PeerFits, arrays_of, find_peer
from lenssbi.benchmark.runners.records import RESULT
from lenssbi.config import parse
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.parameters import ellipticity
from lenssbi.reconstruction.imaging import Imaging

MODEL = {"einstein_radius": 1.3, "e1": 0.21, "e2": -0.11, "centre_x": 0.03, "centre_y": -0.05}


def test_parameters_come_back_from_its_conventions():
    theirs = autolens_script.al_mass(MODEL)
    flat = {"einstein_radius": theirs["einstein_radius"]}
    flat |= {f"ell_comps_{i}": value for i, value in enumerate(theirs["ell_comps"])}
    flat |= {f"centre_{i}": value for i, value in enumerate(theirs["centre"])}
    again = autolens_script.ours({name: np.array([value]) for name, value in flat.items()})
    assert {name: values[0] for name, values in again.items()} == pytest.approx(MODEL)


def test_its_radius_is_that_of_the_same_mass():
    """kappa = radius / (1 + q) / sqrt(x^2 + y^2 / q^2) is ours."""
    e = complex(ellipticity(0.7, 0.0))
    ours = EllipticalPowerLaw(1.2, e.real, e.imag)
    radius = autolens_script.al_mass({**MODEL, "einstein_radius": 1.2, "e1": e.real, "e2": e.imag})["einstein_radius"]
    theta, h = np.array([0.8 + 0.3j, -0.2 + 1.1j]), 1e-5
    x = (ours.deflection(theta + h) - ours.deflection(theta - h)) / (2 * h)
    y = (ours.deflection(theta + 1j * h) - ours.deflection(theta - 1j * h)) / (2 * h)
    expected = radius / 1.7 / np.sqrt(theta.real**2 + theta.imag**2 / 0.49)
    np.testing.assert_allclose((x.real + y.imag) / 2, expected, rtol=1e-6)


def test_an_optical_psf_is_given_without_the_pixel():
    psf = PSF.gaussian(0.17)
    image, mask = np.ones((9, 9)), np.ones((9, 9), bool)
    stamp = Stamp(image, image, mask, psf, 0.1, "flat")
    arrays = arrays_of(stamp, Imaging(image, image, mask, psf.response(0.1, 2, 0.3), 0.1, 2))
    sigma, offset = 0.17 / 2.3548, 0.1 * np.arange(-3, 4)
    profile = np.exp(-0.5 * (offset / sigma) ** 2)
    expected = np.outer(profile, profile) / profile.sum() ** 2
    np.testing.assert_allclose(arrays["psf"], expected, atol=1e-3)


def interpreter(tmp_path, body):
    """Something that is started as an interpreter would be, with the script and the folder."""
    path = tmp_path / "python"
    path.write_text(f"#!{sys.executable}\nimport json, pathlib, sys\n{body}\n")
    path.chmod(0o755)
    return str(path)


class TestTheWayThere:
    def test_no_interpreter_is_a_reason(self, tmp_path):
        assert "give --autolens-python" in find_peer(None).reason
        assert "does not start" in find_peer(str(tmp_path / "none")).reason
        assert "cannot import autolens" in find_peer(interpreter(tmp_path, "sys.exit(1)")).reason

    def test_version(self, tmp_path):
        assert find_peer(interpreter(tmp_path, "print('version', '1.2.3')")).version == "1.2.3"

    def test_an_answer_and_its_absence(self, tmp_path):
        body = "folder = pathlib.Path(sys.argv[2]); job = json.loads((folder / 'job.json').read_text())\n"
        body += "(folder / 'answer.json').write_text(json.dumps({'twice': 2 * job['number']}))"
        peer = Peer(interpreter(tmp_path, body), "1")
        assert peer.run_job(tmp_path / "job", {"number": 4}, {"image": np.ones(3)}, 60) == {"twice": 8}
        silent = Peer(interpreter(tmp_path, "sys.exit('no such mesh')"), "1")
        with pytest.raises(PeerError, match="no such mesh"):
            silent.run_job(tmp_path / "job", {"number": 4}, {}, 60)

    def test_a_fit_that_is_too_slow_says_what_it_did(self, tmp_path, monkeypatch):
        body = "import time; folder = pathlib.Path(sys.argv[2])\n"
        body += "(folder / 'clock.json').write_text(json.dumps({'seconds': 3.0, 'cpu': 2.0, 'evaluations': 7})); time.sleep(60)"
        method = parse({"kind": "autolens", "minutes": 0.02}, AutolensMethod, "test")
        fits = PeerFits(method, Peer(interpreter(tmp_path, body), "1"))
        (job,) = fits.jobs([StampSource("s", "set.h5", 0)], tmp_path, "suite--peer")
        monkeypatch.setattr(type(job), "question", lambda self: ({}, {}))
        record = job.solve()
        assert (record.status, record.evaluations, record.seconds) == ("stopped after 0.02 minutes", 7, 3.0)
        assert not record.posteriors

    def test_its_draws_become_a_belief(self, tmp_path, monkeypatch):
        rng = np.random.default_rng(0)
        draws = rng.normal([1.3, 0.2, 0.0, 0.0, 0.0], 0.01, size=(400, 5))
        answer = {"names": list(MODEL), "values": draws.tolist(), "weights": [1.0] * 400, "log_evidence": -1.0}
        answer |= {"evaluations": 9, "seconds": 1.0, "cpu": 1.0, "version": "1", "best": 0.0, "peak_memory_mb": 300.0}
        method = parse({"kind": "autolens"}, AutolensMethod, "test")
        monkeypatch.setattr(Peer, "run_job", lambda *_: json.loads(json.dumps(answer)))
        monkeypatch.setattr(StampSource, "truth", property(lambda _: {"einstein_radius": 1.3, "slope": 2.0}))
        (job,) = PeerFits(method, Peer("", "1")).jobs([StampSource("s", "set.h5", 0)], tmp_path, "suite--peer")
        monkeypatch.setattr(type(job), "question", lambda self: ({}, {}))
        belief = job.solve().posteriors[RESULT]
        assert belief.names == ("einstein_radius",)
        assert belief.below[0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.reference
@pytest.mark.slow
@pytest.mark.skipif(
    "LENSSBI_AUTOLENS" not in os.environ, reason="LENSSBI_AUTOLENS names no interpreter with PyAutoLens"
)
def test_the_real_one_finds_our_lens(tmp_path):
    """Its figure of merit peaks at our truth, so the conventions of both are the same ones."""
    from scipy.signal import fftconvolve

    from lenssbi.arrays import pixel_grid
    from lenssbi.light import Sersic
    from lenssbi.systems import LensSystem

    centre = complex(MODEL["centre_x"], MODEL["centre_y"])
    lens = EllipticalPowerLaw(MODEL["einstein_radius"], MODEL["e1"], MODEL["e2"], centre=centre)
    system = LensSystem((lens,), (Sersic(400.0, 0.2, 1.0, 0.8, 0.5, 0.1 + 0.05j),))
    fine = system.surface_brightness(pixel_grid((50, 50), 0.1, 5)) * 0.02**2
    image = fftconvolve(fine, PSF.gaussian(0.17, 0.02).image, mode="same").reshape(50, 5, 50, 5).sum(axis=(1, 3))
    image, noise = image + np.random.default_rng(0).normal(size=image.shape), np.ones((50, 50))
    radius = np.abs(pixel_grid((50, 50), 0.1))
    psf = PSF.gaussian(0.17)
    imaging = Imaging(image, noise, (radius > 0.5) & (radius < 2.4), psf.response(0.1, 2, 0.5), 0.1, 2)
    moved = [MODEL, *({**MODEL, name: MODEL[name] + step} for name in MODEL for step in (-0.05, 0.05))]
    job = {"task": "evaluate", "cases": [{"mesh": "rectangular", "solver": "linear", "columns": 0}], "repeats": 3}
    job |= {
        "models": [list(model.values()) for model in moved],
        "pixel_scale": 0.1,
        "subgrid": 2,
        "pixels": 225,
        "light": [],
    }
    peer = find_peer(os.environ["LENSSBI_AUTOLENS"])
    stamp = Stamp(image, noise, imaging.mask, psf, 0.1, "ring")
    (case,) = peer.run_job(tmp_path, {**job, "coefficient": 1 / imaging.flux_scale}, arrays_of(stamp, imaging), 300)[
        "cases"
    ]
    assert case["status"] == "done"
    assert np.argmax(case["merit"]) == 0
