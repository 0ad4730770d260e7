"""Weighted draws, their summaries, and their file."""

import sys

import h5py
import numpy as np
import pytest

from lenssbi.parameters import ellipticity
from lenssbi.posteriors import DiagonalMixture, Samples, load_learned, load_samples, load_with_prior
from lenssbi.posteriors.samples import weighted_quantiles
from lenssbi.status import InputError


def draws(count=20_000, seed=0, **changes):
    values = np.random.default_rng(seed).normal([1.0, 0.2], [0.1, 0.02], size=(count, 2))
    fields = {"values": values, "names": ("einstein_radius", "e1"), "units": ("arcsec", "")} | changes
    return Samples(**fields)


def test_equal_weights_give_the_normal_quantiles():
    summary = draws().summary()["einstein_radius"]
    np.testing.assert_allclose(summary[:5], [1.0, 0.9006, 1.0994, 1.0, 0.1], atol=0.003)
    assert summary.as_json().keys() == {"median", "lower", "upper", "unit"}


def test_weights_move_a_gaussian_as_the_product_of_two():
    samples = draws(200_000)
    shifted = samples.reweighted(-0.5 * ((samples.column("einstein_radius") - 1.1) / 0.1) ** 2)
    summary = shifted.summary()["einstein_radius"]
    np.testing.assert_allclose([summary.mean, summary.sigma], [1.05, 0.1 / np.sqrt(2)], atol=0.002)
    assert shifted.n_eff < 0.9 * len(samples)
    np.testing.assert_allclose(shifted.covariance()[0, 0], summary.sigma**2, rtol=1e-6)


def test_a_draw_of_no_weight_does_not_count():
    samples = draws(3, values=[[1.0, 0.0], [2.0, 0.0], [np.inf, 0.0]], log_weights=[0.0, 0.0, -np.inf])
    assert samples.n_eff == pytest.approx(2.0)
    assert samples.summary()["einstein_radius"].mean == pytest.approx(1.5)


@pytest.mark.parametrize("centre", [0.0, 1.0, 45.0, 90.0, 179.0])
def test_orientation_wraps_at_180_degrees(centre):
    phi = np.random.default_rng(1).normal(centre, 5.0, size=50_000)
    e = ellipticity(np.full(phi.shape, 0.7), np.radians(phi))
    samples = Samples(np.stack([e.real, e.imag], axis=1), ("e1", "e2"), ("", "")).derived()
    summary = samples.summary()["phi"]
    assert abs((summary.median - centre + 90) % 180 - 90) < 0.2
    assert 0 <= summary.median < 180
    np.testing.assert_allclose([summary.median - summary.lower, summary.upper - summary.median], 4.97, atol=0.15)
    assert samples.summary()["q"].median == pytest.approx(0.7)
    assert summary.unit == "deg"


def test_resampling_follows_the_weights():
    samples = draws(2, values=[[0.0, 0.0], [1.0, 0.0]], log_weights=np.log([0.25, 0.75]))
    again = samples.resample(20_000, np.random.default_rng(0))
    assert again.column("einstein_radius").mean() == pytest.approx(0.75, abs=0.02)
    assert again.log_weights is None


@pytest.mark.parametrize(
    "changes",
    [
        {"values": np.zeros((0, 2))},
        {"names": ("einstein_radius",)},
        {"log_weights": np.zeros(3)},
        {"log_weights": np.full(20_000, -np.inf)},
    ],
)
def test_what_is_no_posterior_is_refused(changes):
    with pytest.raises(ValueError):
        draws(**changes)


def test_a_file_gives_back_what_was_saved(tmp_path):
    samples = draws(50, log_weights=np.linspace(-3, 0, 50), log_evidence=-12.5, info={"status": "DONE", "seconds": 3.5})
    other = samples.reweighted(np.linspace(0, 1, 50), log_evidence=-11.0)
    samples.save(tmp_path / "lens.h5", with_prior=other)
    back, back_other = load_samples(tmp_path / "lens.h5"), load_with_prior(tmp_path / "lens.h5")
    np.testing.assert_array_equal(back.values, samples.values)
    np.testing.assert_allclose(back.weights, samples.weights)
    np.testing.assert_allclose(back_other.weights, other.weights)
    assert (back.names, back.units, back.log_evidence, dict(back.info)) == (
        samples.names,
        samples.units,
        -12.5,
        dict(samples.info),
    )
    assert back_other.log_evidence == -11.0
    samples.save(tmp_path / "blind.h5")
    assert load_with_prior(tmp_path / "blind.h5") is None
    assert load_learned(tmp_path / "blind.h5") is None


def test_the_network_s_answer_comes_back_to_the_last_digit(tmp_path):
    rng = np.random.default_rng(2)
    answer = DiagonalMixture(rng.normal(size=(7, 2)), rng.uniform(0.1, 1, (7, 2)), ("q", "phi"), ("", "deg"))
    draws(50).save(tmp_path / "lens.h5", learned=answer)
    back = load_learned(tmp_path / "lens.h5")
    np.testing.assert_array_equal(back.means, answer.means)
    np.testing.assert_array_equal(back.sigmas, answer.sigmas)
    assert (back.names, back.units) == (answer.names, answer.units)


def test_bad_files_are_told_in_a_sentence(tmp_path):
    (tmp_path / "text.h5").write_text("no posterior")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file.attrs["schema"] = "other"
    draws(5).save(tmp_path / "cut.h5")
    whole = (tmp_path / "cut.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    for name in ("missing.h5", "text.h5", "foreign.h5", "cut.h5"):
        with pytest.raises(InputError, match=name):
            load_samples(tmp_path / name)
    with pytest.raises(InputError, match="cannot be written"):
        draws(5).save(tmp_path / "text.h5" / "lens.h5")


def test_the_mixture_is_the_sum_of_its_passes():
    rng = np.random.default_rng(2)
    mixture = DiagonalMixture(
        rng.normal(size=(7, 2)), rng.uniform(0.5, 1.5, size=(7, 2)), ("einstein_radius", "e1"), ("arcsec", "")
    )
    samples = mixture.sample(200_000, rng)
    np.testing.assert_allclose(samples.values.mean(axis=0), mixture.mean, atol=0.02)
    np.testing.assert_allclose(samples.values.std(axis=0), mixture.sigma, rtol=0.01)
    np.testing.assert_allclose(mixture.sigma**2, mixture.epistemic**2 + mixture.aleatoric**2)


def test_the_mixture_density_integrates_to_one():
    mixture = DiagonalMixture([[0.0], [2.0]], [[0.5], [1.0]], ("e1",), ("",))
    x = np.linspace(-10, 10, 4001)
    density = np.exp(mixture.log_prob(x[:, None]))
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(ValueError, match="above 0"):
        DiagonalMixture([[0.0]], [[0.0]], ("e1",), ("",))


def test_draws_of_one_weight_have_the_weighted_moments():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 3.0, (20_000, 3)) * [0.01, 0.02, 0.02] + [1.2, 0.1, -0.2]
    log_weights = -0.5 * np.sum(((values - [1.2, 0.1, -0.2]) / [0.01, 0.02, 0.02]) ** 2, axis=1) * (1 - 1 / 9)
    samples = Samples(values, ("einstein_radius", "e1", "e2"), ("arcsec", "", ""), log_weights)
    equal = samples.equal_weights()
    assert equal.log_weights is None
    assert len(equal) == round(samples.n_eff)
    assert equal.values.std(axis=0) == pytest.approx([0.01, 0.02, 0.02], rel=0.06)
    assert len(equal.equal_weights()) == len(equal)
    table = pytest.importorskip("pandas") and samples.to_dataframe()
    assert list(table.columns) == ["einstein_radius", "e1", "e2", "q", "phi"]
    np.testing.assert_array_equal(table["e1"], equal.column("e1"))


def test_a_table_without_pandas_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        Samples(np.ones((2, 1)), ("q",), ("",)).to_dataframe()


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0, 1.0, 1.0], [0.0], [2.0, 2.0]])
def test_equal_weights_need_no_order_of_equal_draws(values):
    draws = np.array(values)
    equal, almost = np.full(draws.size, 0.2), np.full(draws.size, 0.2) + 1e-12 * np.arange(draws.size)
    levels = (0.16, 0.5, 0.84)
    np.testing.assert_allclose(
        weighted_quantiles(draws, equal, levels), weighted_quantiles(draws, almost, levels), atol=1e-9
    )
