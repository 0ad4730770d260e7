"""Batches of stamps against brute force, themselves, and GalSim's renderer."""

import numpy as np
import pytest
import torch

from lenssbi.batching import item, take
from lenssbi.instrument import PSF, Camera
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Gaussian, Sersic
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.systems import LensSystem

SMALL = Camera(shape=(50, 50))
KINDS = {
    "gaussian": {"kind": "gaussian"},
    "n=1/2": {"index": 0.5},
    "exponential": {"index": 1.0},
    "n=2": {"index": 2.0},
    "de vaucouleurs": {"index": 4.0},
    "several": {"kind": "several"},
    "power law": {"slope": (1.5, 2.5)},
}


def render(system, n, **options):
    renderer = BatchedRenderer(SMALL, **options)
    return renderer.draw(renderer.lensed(system, n))


@pytest.mark.parametrize("kind", KINDS)
def test_noiseless_stamps_equal_brute_force(kind, systems, reference, worst):
    system = systems(3, 5, **KINDS[kind])
    truth = np.stack([reference(item(system, i), SMALL) for i in range(3)])
    stamps = render(system, 3)
    assert worst(stamps, truth) < 5e-3
    np.testing.assert_allclose(stamps.sum(axis=(1, 2)), truth.sum(axis=(1, 2)), rtol=2e-3)


@pytest.mark.parametrize("oversampling", [2, 4])
def test_other_cells_give_the_same(oversampling, systems, worst):
    system = systems(8, 6, kind="several")
    assert worst(render(system, 8, oversampling=oversampling), render(system, 8)) < 1e-2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.reference
def test_galsims_renderer_agrees(kind, systems, worst):
    pytest.importorskip("galsim")
    from lenssbi.rendering.renderer import Renderer

    system = systems(12, 7, **KINDS[kind])
    galsim = Renderer(SMALL)
    theirs = np.stack([galsim.source(item(system, i)) for i in range(12)]) / SMALL.electrons(0.0)
    assert worst(render(system, 12), theirs) < 5e-3


@pytest.mark.parametrize("kind", ["several", "power law"])
def test_a_stamp_does_not_depend_on_those_beside_it(kind, systems, worst):
    system = systems(20, 8, **KINDS[kind])
    together = render(system, 20)
    alone = np.concatenate([render(take(system, np.array([i])), 1) for i in range(20)])
    numbers = np.concatenate([render(item(system, i), 1) for i in range(20)])
    # single precision: an angle of 2 arcsec is kept to 1e-7, a cusp feels it
    assert worst(alone, together) < 1e-4
    assert worst(numbers, together) < 1e-3


def test_the_order_of_components_does_not_matter(systems, worst):
    system = systems(6, 9, kind="several")
    mixed = LensSystem(system.deflectors, (*system.source, Gaussian(2.0, 0.2, centre=0.1j)))
    turned = LensSystem(system.deflectors, mixed.source[::-1])
    assert worst(render(turned, 6), render(mixed, 6)) < 1e-3


def test_components_without_flux_are_nothing(systems):
    system = systems(4, 10)
    dark = Sersic(0.0, 0.3, 2.0)
    with_it = render(LensSystem(system.deflectors, (*system.source, dark)), 4)
    np.testing.assert_allclose(with_it, render(system, 4), atol=1e-6 * with_it.max())
    assert not render(LensSystem(system.deflectors, (dark,)), 4).any()


def test_magnification_is_the_flux_ratio():
    # SIS: a point-like source at beta is magnified by 2 / beta (in Einstein radii)
    beta = np.array([0.3, 0.4, 0.5, 0.8])[:, None, None] * (0.6 + 0.8j)
    system = LensSystem((EllipticalPowerLaw(1.0, 0.0, 0.0),), (Gaussian(1.0, 0.03, centre=beta),))
    flux = BatchedRenderer(SMALL).lensed(system, 4).flux
    np.testing.assert_allclose(flux, 2 / abs(beta).ravel(), rtol=0.01)


def test_lens_light_keeps_its_flux_and_shape(reference, worst):
    light = Sersic(np.array([[[3.0]], [[5.0]]]), 0.6, 4.0, 0.6, 0.4, 0.02 + 0.1j)
    system = LensSystem((), (), (light,), (Gaussian(-1.0, 0.3),))
    renderer = BatchedRenderer(SMALL)
    drawn = renderer.draw(renderer.lens_light(system, 2))
    truth = np.stack([reference(LensSystem((), (item(light, i),)), SMALL) for i in range(2)])
    assert worst(drawn, truth) < 4e-2  # in cells of a whole pixel: it only enters the shot noise
    assert renderer.lens_residual(system, 2).flux.sum() == pytest.approx(-2, rel=1e-3)
    assert not renderer.lens_light(LensSystem(()), 3).flux.any()


def test_widths_may_differ_from_stamp_to_stamp(systems, worst):
    system, fwhm = systems(12, 11), np.linspace(0.1, 0.3, 12)
    renderer = BatchedRenderer(SMALL)
    light = renderer.lensed(system, 12)
    varied = renderer.draw(light, fwhm)
    for i in (0, 5, 11):
        one = BatchedRenderer(SMALL.model_copy(update={"psf_fwhm": float(fwhm[i])})).draw(light)[i]
        np.testing.assert_allclose(varied[i], one, atol=1e-5 * one.max())
    with pytest.raises(ValueError, match="leave fwhm out"):
        BatchedRenderer(SMALL, PSF.gaussian(0.17)).draw(light, fwhm)


def test_some_of_the_light_may_be_drawn(systems):
    system, renderer = systems(6, 13), BatchedRenderer(SMALL)
    light = renderer.lensed(system, 6)
    images, kept = renderer.draw(light), np.array([True, False, True, False, False, True])
    np.testing.assert_allclose(renderer.draw(light.take(kept)), images[kept], rtol=1e-5, atol=1e-6 * images.max())
    np.testing.assert_allclose(light.take(np.array([4, 1])).flux, light.flux[[4, 1]])
    # a network may be trained on them
    weight = torch.ones(1, requires_grad=True)
    (weight * renderer.expected(light)).sum().backward()
    assert weight.grad.item() == pytest.approx(images.sum(), rel=1e-4)


def test_the_first_row_is_the_bottom_one():
    image = render(LensSystem((EllipticalPowerLaw(0.3, 0.0, 0.0),), (Gaussian(1.0, 0.1, centre=-1.5j),)), 1)[0]
    assert image[:25].sum() > 100 * image[25:].sum()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_gives_the_same(kind, systems, worst):
    system = systems(16, 12, **KINDS[kind])
    assert worst(render(system, 16, device="cuda"), render(system, 16)) < 1e-3
