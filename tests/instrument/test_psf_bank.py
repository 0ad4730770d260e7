"""The bank of PSFs: normalised, as wide as it says, mixtures of members of one kind."""

import numpy as np
import pytest
from astropy.io import fits

from lenssbi.instrument.psf_bank import PSFBank, PSFBankConfig
from lenssbi.status import InputError


@pytest.fixture(scope="module")
def bank():
    return PSFBank.of(PSFBankConfig())


def test_members_are_normalised_and_centred(bank):
    np.testing.assert_allclose(bank.images.sum(axis=(1, 2)), 1, rtol=1e-12)
    assert (bank.images.max(axis=(1, 2)) == bank.images[:, 10, 10]).all()
    assert bank.measured == 28
    assert len(bank.images) == 33


def test_gaussians_have_the_width_that_was_wanted(bank):
    np.testing.assert_allclose(bank.fwhm[bank.measured :], PSFBankConfig().gaussians, rtol=0.03)


def test_a_factor_widens(bank):
    widths = bank.fwhm[: bank.measured].reshape(7, 4)
    assert (np.diff(widths, axis=1) > 0).all()
    np.testing.assert_allclose(widths[:, 3] / widths[:, 1], 1.18, rtol=0.08)


def test_mixtures_are_of_one_kind_and_normalised(bank):
    members, weights = bank.draw(np.random.default_rng(1), 400)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()
    assert ((members >= bank.measured).all(axis=1) | (members < bank.measured).all(axis=1)).all()
    gaussian = (members >= bank.measured).all(axis=1).mean()
    assert gaussian == pytest.approx(bank.share, abs=5 * np.sqrt(0.2 * 0.8 / 400))
    np.testing.assert_allclose(bank.mixtures(members, weights).sum(axis=(1, 2)), 1)


def test_a_bank_of_ones_own(tmp_path):
    path = tmp_path / "bank.fits"
    image = np.outer(*[np.exp(-0.5 * (np.arange(-7, 8) / 2.0) ** 2)] * 2)
    fits.PrimaryHDU(image[None], fits.Header({"PIXSCALE": 0.05})).writeto(path)
    bank = PSFBank.of(PSFBankConfig(bank=str(path), widths=(1.0,), gaussians=(), share=0.5))
    assert bank.pixel_scale == 0.05
    assert bank.share == 0
    np.testing.assert_allclose(bank.images[0], image / image.sum())


@pytest.mark.parametrize("data", [None, np.ones((3, 4, 4)), np.ones((5, 5))])
def test_a_bank_that_is_none(tmp_path, data):
    path = tmp_path / "bank.fits"
    if data is not None:
        fits.PrimaryHDU(data, fits.Header({"PIXSCALE": 0.1})).writeto(path)
    with pytest.raises(InputError, match=r"bank\.fits: .*bank"):
        PSFBank.of(PSFBankConfig(bank=str(path)))
