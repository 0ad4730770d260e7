"""Which angles are traced, and what the PSF does with their light."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import ndtr

from lenssbi.instrument.psf import PSF
from lenssbi.reconstruction import kernel
from lenssbi.reconstruction.imaging import NEGLIGIBLE, Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.rectangular import Rectangular


def blurred(imaging, brightness):
    """Image [flux/pixel] of a surface brightness [flux/arcsec^2] at the sub-pixels."""
    tiles = imaging.tiles
    image = np.full(imaging.mask.shape, np.nan)
    found = kernel.blur(tiles, (brightness * imaging.pixel_scale**2).reshape(-1, imaging.subgrid**2))
    image.ravel()[tiles.place[tiles.place >= 0]] = found[tiles.place >= 0]
    return image


def closed_form(shape, scale, sigma, centre):
    """A round Gaussian of flux 1 integrated over pixels."""
    edges = [(np.arange(n + 1) - n / 2) * scale for n in shape]
    y, x = (np.diff(ndtr((e - c) / sigma)) for e, c in zip(edges, (centre.imag, centre.real), strict=True))
    return np.outer(y, x)


@pytest.mark.parametrize("shape", [(24, 24), (19, 26)])
def test_pixel_response_is_applied_once(toys, shape, monkeypatch):
    sigma_psf, sigma, centre = 0.08, 0.15, 0.031 - 0.12j
    mask = np.ones(shape, dtype=bool)
    exact = closed_form(shape, toys.scale, np.hypot(sigma, sigma_psf), centre)

    def image(response):
        imaging = Imaging(np.zeros(shape), np.ones(shape), mask, response, toys.scale, 4)
        theta = imaging.theta
        return blurred(imaging, np.exp(-0.5 * abs(theta - centre) ** 2 / sigma**2) / (2 * np.pi * sigma**2))

    np.testing.assert_allclose(image(toys.gaussian_response(sigma_psf, 4, 6)), exact, atol=NEGLIGIBLE * exact.max())
    with monkeypatch.context() as patch:
        patch.setattr("lenssbi.reconstruction.imaging.NEGLIGIBLE", 0.0)
        np.testing.assert_allclose(image(toys.gaussian_response(sigma_psf, 4, 6)), exact, atol=1e-6 * exact.max())
    # Through the package's own PSF: its spline and its cut at 0.6 arcsec leave a few parts in ten thousand.
    psf = PSF.gaussian(fwhm=sigma_psf * 2 * np.sqrt(2 * np.log(2)))
    np.testing.assert_allclose(image(psf.response(toys.scale, 4, 0.6)), exact, atol=1e-3 * exact.max())


@pytest.mark.parametrize("subgrid", [1, 2, 3])
def test_psf_is_not_mirrored(toys, subgrid):
    shape, shift = (25, 21), 0.06 - 0.09j
    response = toys.gaussian_response(0.08, subgrid, 6, shift)
    imaging = Imaging(np.zeros(shape), np.ones(shape), np.ones(shape, dtype=bool), response, toys.scale, subgrid)
    image = blurred(imaging, np.exp(-0.5 * abs(imaging.theta) ** 2 / 0.25**2))
    # A PSF whose light is moved by `shift` moves the image by `shift`.
    ny, nx = shape
    x, y = (np.arange(nx) - (nx - 1) / 2) * toys.scale, (np.arange(ny) - (ny - 1) / 2) * toys.scale
    found = (image.sum(axis=0) @ x + 1j * (image.sum(axis=1) @ y)) / image.sum()
    assert found == pytest.approx(shift, abs=2e-3)


@pytest.mark.parametrize("subgrid", [1, 2, 3])
def test_all_light_that_reaches_the_mask_is_traced(stamp, toys, subgrid):
    imaging = stamp(subgrid)
    pad, (ny, nx) = imaging.reach + 2, imaging.mask.shape
    traced = {(round(t.real / 1e-4), round(t.imag / 1e-4)) for t in imaging.theta}
    assert len(traced) == imaging.theta.size
    sub = (np.arange(subgrid) - (subgrid - 1) / 2) * toys.scale / subgrid
    wanted = set()
    for y, x in np.argwhere(imaging.mask):
        for dy in range(-imaging.reach, imaging.reach + 1):
            for dx in range(-imaging.reach, imaging.reach + 1):
                cx, cy = (x + dx - (nx - 1) / 2) * toys.scale, (y + dy - (ny - 1) / 2) * toys.scale
                wanted |= {(round((cx + a) / 1e-4), round((cy + b) / 1e-4)) for a in sub for b in sub}
    assert traced == wanted
    assert abs(imaging.theta.imag).max() > ny / 2 * toys.scale - pad * toys.scale


def test_the_faintest_of_the_response_is_left_out(toys):
    response = toys.gaussian_response(0.08, 2, 6)
    shape, rows = (9, 9), []
    for turned in (response, response[::-1, ::-1]):
        imaging = Imaging(np.zeros(shape), np.ones(shape), np.ones(shape, dtype=bool), turned, toys.scale, 2)
        left_out = response.sum() - imaging.kept_response.sum()
        assert 0 < left_out <= NEGLIGIBLE * response.sum()
        rows.append(imaging.theta.size)
    assert rows[0] == rows[1] < 4 * (9 + 12) ** 2


def test_rows_of_theta_belong_to_the_mask(stamp, toys):
    imaging = stamp(3)
    centres = imaging.theta.reshape(-1, 9)[imaging.fitted].mean(axis=1)
    rows, columns = np.nonzero(imaging.mask)
    ny, nx = imaging.mask.shape
    expected = (columns - (nx - 1) / 2 + 1j * (rows - (ny - 1) / 2)) * toys.scale
    np.testing.assert_allclose(centres, expected, atol=1e-12)


def test_unusable_input_is_refused(stamp):
    good = stamp()
    data, noise, mask, response = good.data, good.noise, good.mask, good.response
    hole = np.where(np.arange(data.size).reshape(data.shape) == np.flatnonzero(mask)[5], np.nan, data)
    for arguments, message in (
        ((data[:-1], noise, mask, response), "one shape"),
        ((data, noise, mask & False, response), "no pixel"),
        ((hole, noise, mask, response), "take the other pixels out"),
        ((data, noise * 0, mask, response), "take the other pixels out"),
        ((data, noise, mask, response[:-1]), "square"),
        ((data, noise, mask, response[:-2, :-2]), "odd number"),
        ((data, noise, mask, response * np.nan), "not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            Imaging(*arguments, good.pixel_scale, good.subgrid)


def test_flux_scale_follows_the_flux_unit(stamp):
    good = stamp()
    louder = Imaging(good.data * 50, good.noise * 50, good.mask, good.response, good.pixel_scale)
    assert louder.flux_scale == pytest.approx(50 * good.flux_scale)
    empty = Imaging(good.data * 0, good.noise, good.mask, good.response, good.pixel_scale)
    assert empty.flux_scale == pytest.approx(np.median(good.noise[good.mask]))
    np.testing.assert_allclose(empty.brightness, 1 / good.n_pixels)
    assert good.brightness.sum() == pytest.approx(1)


def test_brightness_follows_a_model(stamp):
    good = stamp()
    model = np.where(good.mask, good.data, np.nan)
    arguments = (good.data, good.noise, good.mask, good.response, good.pixel_scale, good.subgrid)
    led = Imaging(*arguments, follow=model)
    light = np.maximum(good.data[good.mask], 0)
    np.testing.assert_allclose(led.brightness, light / light.sum())
    assert led.flux_scale == good.flux_scale
    np.testing.assert_allclose(Imaging(*arguments, follow=-abs(model)).brightness, 1 / good.n_pixels)
    beta = led.theta * 0.3
    meshes = [Rectangular(8, brightness=1.0).source_mesh(beta, imaging).vertices for imaging in (good, led)]
    assert abs(meshes[0] - meshes[1]).max() > 1e-3
    for wrong in (model[1:], np.full(model.shape, np.nan)):
        with pytest.raises(ValueError, match="follow"):
            Imaging(*arguments, follow=wrong)


@dataclass(frozen=True)
class Fixed:
    """The same rows and columns for any angles."""

    knots: tuple[float, ...] = tuple(np.linspace(-0.4, 0.5, 8) ** 3 * 4 + np.linspace(-0.4, 0.5, 8))
    fixed_topology = True

    def source_mesh(self, beta, imaging):
        pattern = Rectangular(len(self.knots)).source_mesh(beta, imaging)
        x = np.array(self.knots)
        indices, weights = pattern.locate.func(x, x, beta)
        return replace(pattern, vertices=(x[None, :] + 1j * x[:, None]).ravel(), indices=indices, weights=weights)


@pytest.mark.parametrize("subgrid", [1, 2])
def test_fine_sub_grid(toys, subgrid, monkeypatch):
    monkeypatch.setattr("lenssbi.reconstruction.imaging.NEGLIGIBLE", 0.0)
    coarse, finer = toys.build(subgrid), toys.build(2 * subgrid)
    arguments = (coarse.data, coarse.noise, coarse.mask, coarse.response, toys.scale, subgrid)
    everywhere, half = np.ones(coarse.mask.shape, dtype=bool), np.arange(coarse.mask.shape[1])[None, :] % 3 > 0
    half = everywhere & half

    def model(imaging):
        """Image of a fixed source, and the evidence on a fixed mesh."""
        beta = toys.lens(imaging.theta)
        light = np.exp(-0.5 * abs(beta - 0.08 - 0.05j) ** 2 / 0.06**2)
        return blurred(imaging, light), Inversion(imaging, Fixed()).evidence(beta, 1.0)

    same = Imaging(finer.data, finer.noise, finer.mask, finer.response, toys.scale, 2 * subgrid)
    same = replace(same, data=coarse.data, noise=coarse.noise, mask=coarse.mask)
    # The frame beyond the stamp stays coarse, so the comparison is of stamps whose mask the frame does not light.
    inner = np.zeros_like(coarse.mask)
    inner[3:-3, 3:-3] = coarse.mask[3:-3, 3:-3]
    arguments = (*arguments[:2], inner, *arguments[3:])
    image, evidence = model(Imaging(*arguments, fine=everywhere, fine_response=finer.response))
    expected, reference = model(replace(same, mask=inner))
    np.testing.assert_allclose(image, expected, rtol=1e-10)
    np.testing.assert_allclose(evidence, reference, rtol=1e-9, atol=3e-7)
    none, plain = (
        model(Imaging(*arguments, fine=~everywhere, fine_response=finer.response))[0],
        model(Imaging(*arguments))[0],
    )
    np.testing.assert_array_equal(none, plain)
    assert abs(expected - plain)[inner].max() > 1e-4 * plain[inner].max()
    mixed, rest = (model(Imaging(*arguments, fine=f, fine_response=finer.response))[0] for f in (half, ~half))
    np.testing.assert_allclose(mixed + rest, plain + expected, rtol=1e-10)  # either way, each pixel counts once


def test_unusable_fine_sub_grid_is_refused(stamp):
    good = stamp()
    arguments = (good.data, good.noise, good.mask, good.response, good.pixel_scale, good.subgrid)
    twice = np.kron(good.response, np.ones((2, 2)))
    for options, message in (
        ({"fine": good.mask}, "together"),
        ({"fine_response": twice}, "together"),
        ({"fine": good.mask[1:], "fine_response": twice}, "together"),
        ({"fine": good.mask, "fine_response": good.response}, "twice"),
    ):
        with pytest.raises(ValueError, match=message):
            Imaging(*arguments, **options)
