"""Laws that every deflector obeys. A new deflector is one new line in DEFLECTORS."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenssbi.batching import item, join, map_tree, take
from lenssbi.lensing import (
    NFW,
    DeflectionField,
    EllipticalPowerLaw,
    ExternalShear,
    Hernquist,
    MultiPlane,
    Together,
    magnification,
)
from lenssbi.lensing import derivatives as jacobian
from lenssbi.systems import LensSystem

SHEET = DeflectionField.tabulate(Together((NFW(0.2, 8.0, 6 + 7j), ExternalShear(0.05j))), 1.5, 0.1)
MAP = DeflectionField.from_convergence(np.random.default_rng(4).uniform(size=(25, 32)), 0.08)
PLACED = {"turn": np.exp(0.7j), "mirror": -1, "scale": 1.3, "centre": 0.1 - 0.2j}

DEFLECTORS = {
    "sie": EllipticalPowerLaw(1.2, 0.2, -0.15, centre=0.03 - 0.05j),
    "sie-flat": EllipticalPowerLaw(1.0, 0.0, 0.75),
    "sie-nearly-round": EllipticalPowerLaw(1.0, 1e-9, -1e-9),
    "sis": EllipticalPowerLaw(0.8, 0.0, 0.0, 2.0, -0.1j),
    "shallow": EllipticalPowerLaw(1.2, -0.3, 0.1, 1.6, 0.02j),
    "steep": EllipticalPowerLaw(1.2, 0.1, 0.2, 2.4),
    "steep-round": EllipticalPowerLaw(1.2, 0.0, 0.0, 2.4),
    "nfw": NFW(0.4, 1.1, 0.05j),  # the field straddles the scale radius
    "nfw-wide": NFW(0.15, 30.0),
    "hernquist": Hernquist(1.3, 0.9, 0.02 - 0.01j),
    "hernquist-narrow": Hernquist(40.0, 0.02),
    "together": Together((NFW(0.2, 5.0), Hernquist(1.0, 0.6))),
    "one-plane": MultiPlane((EllipticalPowerLaw(1.2, 0.2, -0.15),), ((),)),
    "shear": ExternalShear(0.06 - 0.03j, 0.1 + 0.2j),
    "system": LensSystem((EllipticalPowerLaw(1.2, 0.2, -0.15), ExternalShear(0.06 - 0.03j))),
}

SEVERAL = MultiPlane(
    (NFW(0.2, 3.0, 0.4j), Together((EllipticalPowerLaw(0.9, 0.2, -0.1), ExternalShear(0.05j))), Hernquist(0.6, 0.8)),
    ((), (0.3,), (0.6, 0.4)),
)
WITHOUT_SYMMETRY = {  # a spline is curl-free only as far as it is exact; several planes are not even in truth
    "sheet": SHEET,
    "sheet-placed": replace(SHEET, **PLACED),
    "map": MAP,
    "map-placed": replace(MAP, **PLACED),
    "planes": SEVERAL,
    "planes-with-tables": MultiPlane((SHEET, SEVERAL, MAP), ((), (0.2,), (0.5, 0.35))),
}


@pytest.fixture(params=DEFLECTORS.values(), ids=DEFLECTORS.keys())
def lens(request):
    return request.param


@pytest.fixture(params=(DEFLECTORS | WITHOUT_SYMMETRY).values(), ids=(DEFLECTORS | WITHOUT_SYMMETRY).keys())
def any_lens(request):
    return request.param


def field(n=60, inner=0.25, outer=2.5):
    """Points between two circles about the origin [arcsec]."""
    rng = np.random.default_rng(5)
    radius = np.sqrt(rng.uniform(inner**2, outer**2, n))
    return radius * np.exp(2j * np.pi * rng.uniform(size=n))


def derivatives(lens, theta, h=1e-5):
    along_x = (lens.deflection(theta + h) - lens.deflection(theta - h)) / (2 * h)
    along_y = (lens.deflection(theta + 1j * h) - lens.deflection(theta - 1j * h)) / (2 * h)
    return along_x, along_y


def test_deflection_is_curl_free(lens):
    along_x, along_y = derivatives(lens, field())
    np.testing.assert_allclose(along_x.imag, along_y.real, atol=2e-8)


def test_convergence_is_half_the_divergence(any_lens):
    theta = field()
    along_x, along_y = derivatives(any_lens, theta)
    np.testing.assert_allclose(any_lens.convergence(theta), (along_x.real + along_y.imag) / 2, atol=2e-8)


def test_shear_is_the_rest_of_the_jacobian(any_lens):
    theta = field()
    along_x, along_y = derivatives(any_lens, theta)
    np.testing.assert_allclose(any_lens.shear(theta), (along_x + 1j * along_y) / 2, atol=2e-8)


def test_rotation_is_half_the_curl(any_lens):
    theta = field()
    along_x, along_y = derivatives(any_lens, theta)
    focus, shear = jacobian(any_lens, theta)
    np.testing.assert_allclose(focus, (along_x - 1j * along_y) / 2, atol=2e-8)
    np.testing.assert_array_equal(focus.real, any_lens.convergence(theta))
    np.testing.assert_array_equal(shear, any_lens.shear(theta))


def test_magnification_is_the_inverse_jacobian(any_lens):
    theta = field()
    along_x, along_y = derivatives(any_lens, theta)
    jacobian = (1 - along_x.real) * (1 - along_y.imag) - along_x.imag * along_y.real
    np.testing.assert_allclose(1 / magnification(any_lens, theta), jacobian, atol=5e-7)


def test_finite_at_and_near_the_centre(lens):
    centre = getattr(lens, "centre", 0j)
    theta = centre + np.array([0, 1e-300, 1e-15, 1e-12j, -1e-9 + 1e-9j, 1e-6])
    for answer in (lens.deflection(theta), lens.convergence(theta), lens.shear(theta)):
        assert np.isfinite(answer).all()
    assert lens.deflection(theta)[0] == 0


def test_deflection_is_odd_about_the_centre(lens):
    theta, centre = field(), getattr(lens, "centre", 0j)
    np.testing.assert_allclose(lens.deflection(2 * centre - theta), -lens.deflection(theta), atol=1e-13)


def test_shapes_and_dtypes(any_lens):
    theta = field(24).reshape(2, 3, 4)
    answers = any_lens.deflection(theta), any_lens.convergence(theta), any_lens.shear(theta), *jacobian(any_lens, theta)
    for answer, kind in zip(answers, "cfccc", strict=True):
        assert answer.shape == theta.shape
        assert answer.dtype.kind == kind


@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_numpy_and_torch_agree(any_lens, method):
    theta = field()
    with_torch = getattr(map_tree(any_lens, torch.asarray), method)(torch.asarray(theta))
    np.testing.assert_allclose(with_torch.numpy(), getattr(any_lens, method)(theta), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_single_precision_stays_single_and_close(any_lens, method):
    theta = field()
    with_torch = getattr(map_tree(any_lens, single), method)(torch.asarray(theta).to(torch.complex64))
    assert with_torch.dtype in (torch.complex64, torch.float32)
    # Series with alternating signs and s = 1e-7 for a circle: a few units in the last of seven digits.
    # The derivatives of a table are differences of its coefficients over its cells.
    expected, atol = getattr(any_lens, method)(theta), 2e-6 if method == "deflection" else 1e-5
    np.testing.assert_allclose(with_torch.numpy(), expected, rtol=2e-5, atol=atol)


def single(array):
    tensor = torch.asarray(array)
    return tensor.to(
        torch.complex64 if tensor.is_complex() else torch.float32 if tensor.is_floating_point() else torch.int64
    )


def many_parameters(n=5):
    rng = np.random.default_rng(8)
    return {
        "einstein_radius": rng.uniform(0.3, 2.0, n),
        "e1": np.append(rng.uniform(-0.5, 0.5, n - 1), 0.0),
        "e2": np.append(rng.uniform(-0.5, 0.5, n - 1), 0.0),
        "slope": rng.uniform(1.6, 2.4, n),
        "centre": rng.uniform(-0.1, 0.1, n) + 1j * rng.uniform(-0.1, 0.1, n),
    }


@pytest.mark.parametrize("isothermal", [True, False])
@pytest.mark.parametrize("library", [np, torch], ids=["numpy", "torch"])
@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_batched_power_laws_equal_looped_ones(method, library, isothermal):
    values = many_parameters()
    if isothermal:
        del values["slope"]
    theta = field(12).reshape(3, 4)
    batch = EllipticalPowerLaw(**{name: library.asarray(value)[:, None, None] for name, value in values.items()})
    batched = np.asarray(getattr(batch, method)(library.asarray(theta)))
    for i, answer in enumerate(batched):
        one = EllipticalPowerLaw(**{name: value[i].item() for name, value in values.items()})
        np.testing.assert_allclose(answer, getattr(one, method)(theta), rtol=1e-11)


def test_batched_shears_equal_looped_ones():
    gamma = np.array([0.1, 0.05j, -0.02 + 0.01j])
    theta = field(12).reshape(3, 4)
    batch = ExternalShear(gamma[:, None, None])
    for method in ("deflection", "convergence", "shear"):
        looped = [getattr(ExternalShear(g), method)(theta) for g in gamma]
        np.testing.assert_array_equal(getattr(batch, method)(theta), looped)


def many_of(kind):
    """A batch of six."""
    rng = np.random.default_rng(9)

    def numbers(low, high):
        return rng.uniform(low, high, (6, 1, 1))

    centre = numbers(-0.1, 0.1) + 1j * numbers(-0.1, 0.1)
    if kind is NFW or kind is Hernquist:
        return kind(numbers(0.1, 1.0), numbers(0.3, 3.0), centre)
    placed = {
        "turn": np.exp(1j * numbers(0, 6)),
        "mirror": rng.choice([-1, 1], (6, 1, 1)),
        "scale": numbers(0.7, 1.4),
        "centre": centre,
    }
    if kind == "maps":
        maps = DeflectionField.from_convergences(rng.uniform(size=(6, 14, 17)), rng.uniform(0.1, 0.2, 6))
        return replace(maps, **placed)
    sheet = DeflectionField.tabulate(NFW(numbers(0.1, 0.2), 5.0, 8.0 + centre), 1.5, 0.25)
    if kind == "sheets":
        return replace(sheet, **placed)
    shears = ExternalShear(0.1 * centre)
    ratios = ((), (numbers(0, 1),), (0.7, numbers(0, 1)))
    return MultiPlane((sheet, Together((many_of("maps"), shears)), many_of(NFW)), ratios)


BATCHES = [NFW, Hernquist, "maps", "sheets", "planes"]


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("method", ["deflection", "convergence", "shear"])
def test_a_batch_is_its_items(kind, method):
    batch, theta = many_of(kind), field(60, outer=4.0).reshape(6, 2, 5)
    answer = getattr(batch, method)(theta)
    for i in range(6):
        one = getattr(item(batch, i), method)(theta[i])
        np.testing.assert_allclose(one, answer[i], rtol=1e-11, atol=1e-13)
    some = np.array([4, 0, 3])
    np.testing.assert_array_equal(getattr(take(batch, some), method)(theta[some]), answer[some])
    parts = [take(batch, np.array([0, 1])), take(batch, np.array([2, 3, 4, 5]))]
    np.testing.assert_array_equal(getattr(join(parts, [2, 4]), method)(theta), answer)
    tensors = getattr(map_tree(batch, torch.asarray), method)(torch.asarray(theta))
    np.testing.assert_allclose(tensors.numpy(), answer, rtol=1e-11, atol=1e-12)
