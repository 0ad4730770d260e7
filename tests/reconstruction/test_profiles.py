"""Sources of smooth profiles: their images against a brute force, their fluxes, evidence and derivatives."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from lenssbi.light import Sersic
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles, SourceEllipse

ELLIPSE = SourceEllipse(0.08 + 0.05j, 0.4 - 0.3j)


@pytest.fixture(scope="module")
def traced(stamp, toys):
    imaging = stamp(2)
    return imaging, toys.lens(imaging.theta)


@pytest.fixture(scope="module")
def inversion(traced):
    return ProfileInversion(traced[0], Profiles.gaussians(6, 0.02, 0.6))


def brute_force(imaging, beta, sigma, ellipse, toys):
    """Image of one Gaussian of unit flux: the matrices written out for every sub-pixel, the blurring for every pixel."""
    k, light = imaging.subgrid, []
    u = ellipse.stretch
    shape = np.sqrt(1 + abs(u) ** 2) * np.eye(2) + np.array([[u.real, u.imag], [u.imag, -u.real]])
    for group in beta.reshape(-1, k, k):
        sides = [np.mean(group[:, -1] - group[:, 0]) / (k - 1), np.mean(group[-1] - group[0]) / (k - 1)]
        smear = sum(np.outer(s, s) for s in ([z.real, z.imag] for z in sides)) / 12
        largest = np.linalg.eigvals(np.linalg.solve(shape, smear)).real.max()
        u = sigma**2 / (1.16 * largest)
        covariance = sigma**2 * shape + (1 + 1.16 / (1 + u + u**2 / 2 + u**3 / 6)) * smear
        for b in group.ravel():
            d = np.array([(b - ellipse.centre).real, (b - ellipse.centre).imag])
            power = d @ np.linalg.solve(covariance, d) / 2
            light.append(np.exp(-power) / (2 * np.pi * np.sqrt(np.linalg.det(covariance))))
    return toys.observe(
        replace(imaging, response=imaging.kept_response), lambda theta: theta, lambda theta: np.array(light)
    )


@pytest.mark.parametrize("subgrid", [2, 3])
def test_columns_equal_a_brute_force(stamp, toys, subgrid):
    imaging = stamp(subgrid)
    beta = toys.lens(imaging.theta)
    inversion = ProfileInversion(imaging, Profiles.gaussians(3, 0.02, 0.3))
    fit = inversion.evaluate(beta, [ELLIPSE])
    tiles = imaging.tiles
    for row, sigma in zip(fit.design, inversion.profiles.sigmas, strict=True):
        image = np.zeros(imaging.mask.shape)
        image.ravel()[tiles.place[tiles.place >= 0]] = row.reshape(tiles.place.shape)[tiles.place >= 0]
        expected = brute_force(imaging, beta, sigma, ELLIPSE, toys) / np.where(imaging.mask, imaging.noise, 1)
        np.testing.assert_allclose(image, expected, atol=1e-8 * expected.max())


def magnified(theta):
    """A lens that magnifies along x only."""
    return 0.2 * theta.real + 1j * theta.imag


def column(subgrid, sigma, toys, place):
    """What a 9 x 9 stamp collects of a Gaussian at `place` behind `magnified`, and all its light together."""
    response = toys.gaussian_response(0.07, subgrid, 4)
    imaging = Imaging(np.zeros((9, 9)), np.ones((9, 9)), np.ones((9, 9), bool), response, toys.scale, subgrid)
    inversion = ProfileInversion(imaging, Profiles.gaussians(2, sigma, 2 * sigma))
    image = np.zeros((9, 9))
    row = inversion.evaluate(magnified(imaging.theta), [SourceEllipse(place)]).design[1]
    image.ravel()[imaging.tiles.place[imaging.tiles.place >= 0]] = row.reshape(-1, 16)[imaging.tiles.place >= 0]
    return image


@pytest.mark.parametrize("place", [0j, 0.003 + 0.02j, -0.004 + 0.031j])
def test_a_source_narrower_than_a_sub_pixel_keeps_its_flux(toys, place):
    coarse, fine = column(2, 0.004, toys, place), column(20, 0.004, toys, place)
    assert fine.sum() == pytest.approx(5.0, rel=0.01)  # its magnification
    assert coarse.sum() == pytest.approx(fine.sum(), rel=0.1)
    assert abs(coarse - fine).max() < 0.15 * fine.max()  # without c, 0.4


def test_one_sub_pixel_for_a_pixel_knows_no_smear(stamp, toys):
    imaging = stamp(1)
    fit = ProfileInversion(imaging, Profiles.gaussians(4, 0.1, 0.5)).evaluate(toys.lens(imaging.theta), [ELLIPSE])
    assert np.isfinite(fit.misfit)
    assert fit.misfit < np.sum((imaging.data / imaging.noise)[imaging.mask] ** 2)


def test_fluxes_are_those_of_bounded_least_squares(traced, inversion):
    imaging, beta = traced
    columns = np.random.default_rng(0).random((3, *imaging.mask.shape))
    fit = ProfileInversion(imaging, inversion.profiles, columns).evaluate(beta, [ELLIPSE])
    data = fit.fluxes @ fit.design[:6] + fit.columns @ fit.design[6:] - fit.residual
    norm = np.sqrt((fit.design**2).sum(axis=1))
    ridge = np.array([1.0] * 6 + [0.0] * 3)[:, None] * np.eye(9) / np.sqrt(data @ data)
    system = np.concatenate([(fit.design / norm[:, None]).T, ridge])
    best = lsq_linear(system, np.append(data, np.zeros(9)), (0, np.inf), tol=1e-14, max_iter=500)
    np.testing.assert_allclose(np.append(fit.fluxes, fit.columns) * norm, best.x, atol=1e-5 * best.x.max())
    assert fit.misfit == pytest.approx(np.sum((best.x / norm @ fit.design - data) ** 2), rel=1e-8)
    assert data @ data == pytest.approx(np.sum((imaging.data / imaging.noise)[imaging.mask] ** 2))


def test_light_and_source_are_told_apart(traced, inversion):
    imaging, beta = traced
    y, x = np.indices(imaging.mask.shape)
    glow = np.exp(-np.hypot(x - 8.5, y - 10) / 4)
    true = inversion.evaluate(beta, [ELLIPSE])
    source = inversion.image(true)
    both = Imaging(
        np.where(imaging.mask, source + 7 * glow, 0),
        imaging.noise,
        imaging.mask,
        imaging.response,
        imaging.pixel_scale,
        2,
    )
    joint = ProfileInversion(both, inversion.profiles, glow[None])
    fit = joint.evaluate(beta, [ELLIPSE])
    assert fit.columns == pytest.approx([7], rel=1e-3)
    np.testing.assert_allclose(joint.image(fit), source, atol=1e-3 * np.nanmax(source))
    np.testing.assert_allclose(joint.light_image(fit)[imaging.mask], 7 * glow[imaging.mask], rtol=1e-3)
    assert np.isnan(joint.image(fit)[~imaging.mask]).all()


def test_evidence_is_the_formula(traced, inversion):
    imaging, beta = traced
    fit = inversion.evaluate(beta, [ELLIPSE])
    data = fit.fluxes @ fit.design - fit.residual
    norm = np.sqrt((fit.design**2).sum(axis=1))
    scaled = fit.design / norm[:, None] * np.sqrt(data @ data)
    amplitudes = fit.fluxes * norm / np.sqrt(data @ data)
    _, log_det = np.linalg.slogdet(scaled @ scaled.T + np.eye(6))
    noise_norm = np.sum(np.log(2 * np.pi * imaging.noise[imaging.mask] ** 2))
    expected = -0.5 * (fit.misfit + amplitudes @ amplitudes + log_det + noise_norm)
    assert fit.log_evidence == pytest.approx(expected, abs=1e-6)


def test_evidence_does_not_jump(traced, inversion, toys):
    imaging, _ = traced
    radii = 0.5 + 1e-5 * np.arange(40)
    found = [inversion.evaluate(toys.lens(imaging.theta, r), [ELLIPSE]).log_evidence for r in radii]
    assert np.ptp(found) > 0
    assert abs(np.diff(found, 2)).max() < 0.05


def test_the_true_lens_is_the_better_one(traced, inversion, toys):
    imaging, beta = traced
    wrong = toys.lens(imaging.theta, 0.4)
    right = inversion.evaluate(beta, [SourceEllipse(0.08 + 0.05j)])
    assert right.misfit < 1.2 * imaging.n_pixels
    assert right.log_evidence > inversion.evaluate(wrong, [SourceEllipse(0.08 + 0.05j)]).log_evidence + 50


def test_derivatives_are_those_of_the_residual_outside_the_columns(traced, toys):
    imaging, beta = traced
    inversion = ProfileInversion(
        imaging, Profiles.gaussians(4, 0.15, 0.6)
    )  # wide: the smear's own change is held fixed
    ellipses = [ELLIPSE, SourceEllipse(-0.1 + 0.02j, 0.1j)]
    fit = inversion.evaluate(beta, ellipses)
    centres = imaging.theta.reshape(-1, 4).mean(axis=1)
    found = inversion.derivatives(beta, np.array([-centres / abs(centres)]), ellipses, fit)
    h = 1e-5
    steps = [np.zeros(8) for _ in range(8)]
    for j in range(8):
        steps[j][j] = h
    changed = [inversion.evaluate(beta, moved(ellipses, step)) for step in steps]
    changed.insert(0, inversion.evaluate(toys.lens(imaging.theta, 0.55 + h), ellipses))
    basis, _ = np.linalg.qr(fit.active.T)
    for row, other in zip(found, changed, strict=True):
        slope = (other.residual - fit.residual) / h
        slope -= basis @ (basis.T @ slope)
        np.testing.assert_allclose(row, slope, atol=0.03 * abs(slope).max() + 1e-6)


def moved(ellipses, step):
    parts = step.reshape(-1, 4)
    return [
        SourceEllipse(e.centre + complex(*p[:2]), e.stretch + complex(*p[2:]))
        for e, p in zip(ellipses, parts, strict=True)
    ]


def test_a_sersic_profile_is_its_gaussians(traced):
    imaging, beta = traced
    profiles = Profiles.sersics((1.0, 2.5), (0.15, 0.4))
    assert profiles.count == 4
    np.testing.assert_allclose(profiles.mixture.sum(axis=1), 1)
    r = np.geomspace(0.03, 1.0, 30)
    for fluxes, (index, radius) in zip(np.eye(4), [(1, 0.15), (1, 0.4), (2.5, 0.15), (2.5, 0.4)], strict=True):
        wanted = Sersic(1.0, radius, index).surface_brightness(r + 0j)
        weight = r**2 * wanted
        found = profiles.brightness(r + 0j, 0j, 0j, fluxes)
        assert np.sum(weight * abs(found / wanted - 1)) < 0.02 * weight.sum()
        assert profiles.half_light_radius(fluxes) == pytest.approx(radius, rel=0.05)
    assert ProfileInversion(imaging, profiles).evaluate(beta, [ELLIPSE]).misfit < 2 * imaging.n_pixels


def test_half_of_a_gaussian_is_within_its_half_light_radius():
    profiles = Profiles.gaussians(3, 0.1, 0.4)
    assert profiles.half_light_radius(np.array([0, 2.0, 0])) == pytest.approx(0.2 * np.sqrt(2 * np.log(2)), rel=1e-3)
    assert np.isnan(profiles.half_light_radius(np.zeros(3)))


def test_widths_descend():
    with pytest.raises(ValueError, match="descend"):
        Profiles(np.array([0.1, 0.2]), np.eye(2))
