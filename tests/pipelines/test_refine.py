"""`refine` from files to files: good and bad stamps, a second run, a network that does not apply."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.pipelines import refine
from lenssbi.posteriors import Samples, load_samples, load_with_prior
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.photometry import photometry
from lenssbi.refinement.prepare import set_up
from lenssbi.refinement.restored import restored_fit
from lenssbi.status import InputError, ItemError, Status
from lenssbi.systems import LensSystem

from .made_up_network import Network

RADIUS = 0.9
QUICK = parse(
    {
        "prior": {"mode": "auto"},
        "mass": {"shear": False},
        "mesh": {"pixels": 100},
        "start": {"candidates": 64},
        "sampler": {"importance_n_eff": 100},
    },
    RefineConfig,
    "test",
)


@pytest.fixture(scope="module")
def stamps(tmp_path_factory):
    """A folder with one good stamp of 50x50 pixels and one without a PSF."""
    folder = tmp_path_factory.mktemp("stamps")
    system = LensSystem((EllipticalPowerLaw(RADIUS, 0.1, 0.0),), (Sersic(80.0, 0.2, 1.0, 0.8, 0.5, 0.1 + 0.05j),))
    light = system.surface_brightness(pixel_grid((50, 50), 0.1, 5)) * 0.02**2
    image = fftconvolve(light, PSF.gaussian(0.17, 0.02).image, mode="same").reshape(50, 5, 50, 5).sum(axis=(1, 3))
    image = image + np.random.default_rng(0).normal(size=image.shape)
    scale = {
        "CD1_1": -0.1 / 3600,
        "CD1_2": 0.0,
        "CD2_1": 0.0,
        "CD2_2": 0.1 / 3600,
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
    }
    science = fits.ImageHDU(image, header=fits.Header(scale), name="SCI")
    noise = fits.ImageHDU(np.ones_like(image), name="RMS")
    psf = fits.ImageHDU(PSF.gaussian(0.17).response(0.1, 1, 0.6), name="PSF")
    fits.HDUList([fits.PrimaryHDU(), science, noise, psf]).writeto(folder / "good.fits")
    fits.HDUList([fits.PrimaryHDU(), science, noise]).writeto(folder / "no_psf.fits")
    return folder


@pytest.fixture(scope="module")
def first(stamps, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refine, "find_network", lambda config, estimator: Network(flags=("psf_unseen",)))
        return refine.run([str(stamps)], config=QUICK, out=out)


def test_a_folder_gives_one_item_per_stamp(first, stamps):
    good, bad = first.items
    assert good.ok
    assert good.params["einstein_radius"].median == pytest.approx(RADIUS, abs=0.05)
    assert {"q", "phi", "e1", "e2"} <= good.params.keys()
    assert good.input == str(stamps / "good.fits")
    assert bad.status.startswith(Status.NO_PSF.value)
    assert first.failed == 1


def test_the_files_hold_the_result(first):
    good = first.items[0]
    samples = load_samples(good.posterior)
    assert samples.summary()["einstein_radius"].median == good.params["einstein_radius"].median
    assert load_with_prior(good.posterior) is not None
    assert samples.info["config"]["mesh"]["pixels"] == 100
    assert tuple(samples.info["flags"]) == good.flags
    assert "psf_unseen" in good.flags, "what was raised before the fit"
    assert "psf_unseen" not in samples.info["flags_of_fit"]
    said = samples.info["observation"]
    assert (said["shape"], said["pixel_scale"]) == ([50, 50], pytest.approx(0.1))
    assert said["read"]["input"].endswith("good.fits")
    assert samples.info["snr"] > 20
    with open(good.figure, "rb") as figure:
        assert figure.read(4) == b"\x89PNG"


def test_the_json_has_the_documented_shape(first):
    told = json.loads(json.dumps(first.as_json()))
    assert told.keys() == {"items", "seconds", "config"}
    wanted = "input status params params_with_prior truth log_evidence flags misspecification seconds evaluations posterior figure network"
    assert told["items"][0].keys() == {*wanted.split(), "derived"}
    assert told["items"][0]["params"]["phi"].keys() == {"median", "lower", "upper", "unit"}
    derived = told["items"][0]["derived"]
    assert set(derived) == {"effective_einstein_radius", "magnification", "source_half_light_radius"}, "no zero point"
    for one in derived.values():
        assert one["lower"] < one["median"] < one["upper"]


def test_a_second_run_repeats_nothing(first, stamps, monkeypatch):
    monkeypatch.setattr(refine, "find_network", lambda config, estimator: Network())
    monkeypatch.setattr(refine, "solve", lambda *args: pytest.fail("sampled again"))
    again = refine.run([str(stamps / "good.fits")], config=QUICK, out=first.path)
    assert again.items[0].params == first.items[0].params
    assert again.items[0].evaluations == first.items[0].evaluations


def test_a_single_bad_stamp_is_an_input_error(stamps, tmp_path):
    with pytest.raises(InputError, match="--psf"):
        refine.run(
            [str(stamps / "no_psf.fits")], config=parse({"prior": {"mode": "blind"}}, RefineConfig, "t"), out=tmp_path
        )


def test_an_unwritable_folder_is_an_input_error(stamps, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        refine.run([str(stamps / "good.fits")], config=QUICK, out=tmp_path / "file" / "out")


def test_works_without_galsim(stamps, tmp_path):
    without = "import sys; sys.modules.update(dict.fromkeys(('galsim', 'lenssbi.rendering')))"
    code = f"{without}; from lenssbi_cli.main import main; main()"
    choices = ("prior.mode=broad", "mass.shear=false", "mesh.pixels=64", "start.candidates=64")
    options = [part for choice in (*choices, "sampler.importance_n_eff=50") for part in ("--set", choice)]
    command = [sys.executable, "-c", code, "refine", str(stamps / "good.fits"), "--out", str(tmp_path), "--quiet"]
    subprocess.run([*command, *options], check=True, timeout=120)
    assert load_samples(tmp_path / "good.h5").info["status"] == "DONE"


def test_a_finished_fit_is_found_before_any_work(stamps, tmp_path, monkeypatch):
    (source,) = expand_inputs([str(stamps / "good.fits")])
    set_ups = []

    def made_up(problem, work, watch):
        set_ups.append(problem.key)
        info = {
            "key": problem.key,
            "status": "DONE",
            "evaluations": 7,
            "flags": list(problem.flags),
            "flags_of_fit": [],
        }
        draws = np.random.default_rng(0).normal([0.9, 0.1, 0.0], 0.01, (50, 3))
        samples = Samples(draws, ("einstein_radius", "e1", "e2"), ("arcsec", "", ""), info=info)
        return SimpleNamespace(
            samples=samples, samples_with_prior=None, learned=problem.learned, network=problem.network
        )

    def asked(config=QUICK, **network):
        item = refine.refine_source(source, config, tmp_path, estimator=Network(**network), figure=False)
        return replace(item, seconds=0.0)

    monkeypatch.setattr(refine, "solve", made_up)
    first = asked(flags=("psf_unseen",))
    assert first.network.flags == ("psf_unseen",)
    with monkeypatch.context() as patch:
        patch.setattr(refine, "set_up", lambda *_: pytest.fail("set up"))
        assert asked(flags=("psf_unseen",)) == first
        with pytest.raises(pytest.fail.Exception, match="set up"):
            asked(radius=0.9, flags=("psf_unseen",))
        with pytest.raises(pytest.fail.Exception, match="set up"):
            asked(QUICK.model_copy(update={"error_factor": 1.3}), flags=("psf_unseen",))
    assert asked(radius=2.5).flags == ("estimate_conflict",)
    assert len(set_ups) == 2
    assert asked(reason="its band differs").flags == ("estimator_not_applicable",)
    assert len(set_ups) == 3, "a network that contradicts the arcs gives starts, one that does not apply nothing"
    assert asked(reason="its pixels differ").flags == ("estimator_not_applicable",)
    assert len(set_ups) == 3, "neither network's answer is used, so that the fit is the same"
    assert asked(radius=2.5).flags == ("estimate_conflict",), "the flags are not those of the network in between"


def test_a_network_that_does_not_apply(stamps, tmp_path):
    stamp = expand_inputs([str(stamps / "good.fits")])[0].load()
    problem, flags = set_up(stamp, QUICK, Network("its band differs"))
    assert (problem.priors.mode, flags) == ("broad", ("estimator_not_applicable",))
    assert problem.learned is None
    assert refine.network_answer(problem, flags) is None
    asked = parse({"prior": {"mode": "cnn-uniform"}}, RefineConfig, "t")
    with pytest.raises(ItemError, match="its band differs"):
        set_up(stamp, asked, Network("its band differs"))
    with pytest.raises(InputError, match="--estimator"):
        set_up(stamp, asked, None)


def test_what_was_odd_about_the_file_is_told(stamps):
    stamp = expand_inputs([str(stamps / "good.fits")])[0].load()
    odd = replace(stamp, info={**stamp.info, "flags": ("noise_doubtful",)})
    assert set_up(odd, QUICK, None)[1] == ("noise_doubtful",)
    assert set_up(odd, QUICK, Network(radius=2.5))[1] == ("noise_doubtful", "estimate_conflict")


def test_a_network_that_the_arcs_contradict(stamps, tmp_path):
    stamp = expand_inputs([str(stamps / "good.fits")])[0].load()
    problem, flags = set_up(stamp, QUICK, Network(radius=2.5))
    assert (problem.priors.mode, flags) == ("broad", ("estimate_conflict",))
    assert problem.flags == flags, "the fit knows them, and with it its file and its figure"
    assert problem.learned is None
    shown = refine.network_answer(problem, flags)
    assert (shown.params["einstein_radius"].median, shown.flags) == (pytest.approx(2.5, abs=0.01), ())
    asked = parse({"prior": {"mode": "cnn-gaussian"}}, RefineConfig, "t")
    assert set_up(stamp, asked, Network(radius=2.5))[0].priors.mode == "cnn-gaussian"


def test_a_network_that_never_saw_the_like_is_not_asked(stamps):
    stamp = expand_inputs([str(stamps / "good.fits")])[0].load()
    problem, flags = set_up(stamp, QUICK, Network(flags=("misspecified",)))
    assert (problem.learned, flags) == (None, ("misspecified",))
    shown = refine.network_answer(problem, flags)
    assert shown.params["einstein_radius"].median == pytest.approx(problem.network.mean[0], abs=0.01)
    assert {"q", "phi"} <= shown.params.keys()
    assert shown.flags == ("misspecified",)
    asked = parse({"prior": {"mode": "cnn-gaussian"}}, RefineConfig, "t")
    problem, flags = set_up(stamp, asked, Network(flags=("misspecified",)))
    assert (problem.priors.mode, flags) == ("cnn-gaussian", ("misspecified",))


def test_a_kept_fit_has_the_flags_of_the_network_that_is_asked_now(stamps, tmp_path):
    """Neither network's answer is used, so that the fit is the same: only what is said of them differs."""
    (source,) = expand_inputs([str(stamps / "good.fits")])
    problem, raised = set_up(source.load(), QUICK, Network("its band differs"))
    info = {"key": problem.key, "status": "DONE", "evaluations": 7, "flags_of_fit": ["residuals"]}
    info["flags"] = ["residuals", *raised]
    draws = np.random.default_rng(0).normal([0.9, 0.1, 0.0], 0.01, (50, 3))
    Samples(draws, ("einstein_radius", "e1", "e2"), ("arcsec", "", ""), info=info).save(tmp_path / "good.h5")
    figure = tmp_path / "good.png"
    for network, flags in (
        (Network("its band differs"), ("residuals", "estimator_not_applicable")),
        (None, ("residuals",)),
        (Network("its pixels differ"), ("residuals", "estimator_not_applicable")),
    ):
        figure.write_text("drawn")
        changed = flags != tuple(load_samples(tmp_path / "good.h5").info["flags"])
        item = refine.refine_source(source, QUICK, tmp_path, estimator=network, figure=False)
        assert item.flags == flags
        assert tuple(load_samples(item.posterior).info["flags"]) == flags
        assert figure.exists() is not changed
        assert (item.evaluations, len(load_samples(item.posterior))) == (7, 50)


def test_a_fit_is_made_whole_again_from_its_posterior_file(first):
    """Without the network that was asked: its answer is in the file."""
    good = first.items[0]
    fit = restored_fit(good.posterior)
    assert fit.info["key"] == load_samples(good.posterior).info["key"]
    assert fit.best.chi2 == pytest.approx(fit.info["chi2_per_pixel"], rel=1e-9)
    assert fit.info["pixels"] == fit.mask.sum() == np.isfinite(fit.best.image).sum()
    assert fit.params()["einstein_radius"].median == good.params["einstein_radius"].median
    np.testing.assert_array_equal(fit.learned.means, [[0.91, 0.1, 0.0]])
    measured = fit.info["photometry"]
    again = photometry(fit.stamp, fit.best, fit.lens_light)._asdict()
    assert measured == pytest.approx(again, rel=1e-9, nan_ok=True)
    assert measured["magnification"] == pytest.approx(fit.best.magnification, rel=0.4), "of its bright part"
    assert np.isnan(measured["mag_source"]), "the stamp has no zero point"


def test_a_killed_fit_is_continued(first, stamps, tmp_path, monkeypatch):
    monkeypatch.setattr(refine, "find_network", lambda config, estimator: Network())
    monkeypatch.setattr("lenssbi.refinement.sampling.importance.SAVE_EVERY", 0.0)
    monkeypatch.setattr("lenssbi.refinement.sampling.importance.TELL_EVERY", 0.0)

    def kill(done, total, text):
        found = re.search(r"([\d,]+) evaluations", text)
        if found and int(found[1].replace(",", "")) > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refine.run([str(stamps / "good.fits")], config=QUICK, out=tmp_path, figures=False, progress=kill)
    assert list((tmp_path / "work").glob("*.h5"))
    again = refine.run([str(stamps / "good.fits")], config=QUICK, out=tmp_path, figures=False)
    assert again.items[0].params == first.items[0].params
    assert not list((tmp_path / "work").glob("*.h5"))
