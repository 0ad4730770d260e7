"""The compiled inverse of the splines against Zuko's."""

import pytest
import torch
from zuko.transforms import MonotonicRQSTransform

from lenssbi.estimators.spline_inverse import invert_splines

BOUND, SLOPE, BINS = 5.0, 1e-3, 6


@pytest.fixture(params=[torch.float32, torch.float64], ids=["single", "double"])
def kind(request):
    return request.param


def random(*shape, seed=1, kind=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=kind)


def zuko(phi):
    return MonotonicRQSTransform(*phi.split([BINS, BINS, BINS - 1], dim=-1), bound=BOUND, slope=SLOPE)


@pytest.mark.parametrize("draws", [1, 40])
def test_it_is_zukos_inverse(kind, draws):
    phi, values = 2 * random(draws, 3, 4, 3 * BINS - 1, kind=kind), 3 * random(40, 3, 4, seed=2, kind=kind)
    close = 1e-4 if kind == torch.float32 else 1e-10
    ours = invert_splines(phi, values, BOUND, SLOPE)
    assert ours.dtype == kind
    torch.testing.assert_close(ours, zuko(phi).inv(values), rtol=close, atol=close)


def test_the_spline_takes_it_back():
    phi, values = 2 * random(40, 3, 4, 3 * BINS - 1, seed=3), 3 * random(40, 3, 4, seed=4)
    back = zuko(phi)(invert_splines(phi, values, BOUND, SLOPE))
    torch.testing.assert_close(back, values, rtol=1e-8, atol=1e-8)


def test_outside_of_the_bound_it_is_the_identity(kind):
    outside = torch.tensor([-torch.inf, -1e6, -5.0001, -5.0, 5.0, 5.0001, 1e6, torch.inf], dtype=kind)
    phi = 2 * random(1, 2, 3, 3 * BINS - 1, kind=kind)
    values = outside[:, None, None].expand(-1, 2, 3)
    assert torch.equal(invert_splines(phi, values, BOUND, SLOPE), values)


def test_values_that_are_not_numbers_stay_so(kind):
    values = torch.full((1, 1, 1), torch.nan, dtype=kind)
    assert invert_splines(random(1, 1, 1, 3 * BINS - 1, kind=kind), values, BOUND, SLOPE).isnan().all()


def test_knots_are_met(kind):
    """Where two bins meet, whichever of them a rounded value falls into."""
    phi = 2 * random(1, 1, 1, 3 * BINS - 1, seed=5, kind=kind)
    spline = zuko(phi)
    ours = invert_splines(phi, spline.vertical.view(-1, 1, 1), BOUND, SLOPE).flatten()
    close = 1e-5 if kind == torch.float32 else 1e-12
    torch.testing.assert_close(ours, spline.horizontal.flatten(), rtol=0, atol=BOUND * close)


def test_extreme_parameters_stay_finite_and_monotonic(kind):
    """The smallest slopes and bins next to the largest ones."""
    phi = 1e4 * random(1, 5, 4, 3 * BINS - 1, seed=6, kind=kind).sign()
    values = torch.linspace(-6, 6, 2001, dtype=kind)[:, None, None].expand(-1, 5, 4)
    ours = invert_splines(phi, values, BOUND, SLOPE)
    assert ours.isfinite().all()
    assert float(ours.diff(dim=0).min()) > -1e-5
