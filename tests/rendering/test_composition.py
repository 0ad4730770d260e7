"""Composed stamps: what is in them is where and as bright as it says, under a noise that is correlated as it says."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from lenssbi.config import load_config
from lenssbi.instrument import PSF
from lenssbi.pipelines.simulate import stream
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.rendering.composition import supply
from lenssbi.rendering.composition.alterations import altered, spoil
from lenssbi.rendering.composition.compose import Composer
from lenssbi.rendering.composition.ingredients import CELLS, NeighbourImages
from lenssbi.rendering.composition.kinds import ALTERATIONS
from lenssbi.rendering.composition.sets import ObservedSimulation
from lenssbi.rendering.composition.supply import ComposedStamps
from lenssbi.rendering.simulation import SimulateConfig

FILE = Path(__file__).parents[2] / "configs" / "populations" / "euclid_observed.yaml"
SMALL = ["instrument.shape=[48, 48]", "population.source.shares=[1, 0]", "population.mass.einstein_radius=[0.5, 1.2]"]
SPOILT = ("cosmic_ray", "spike", "edge")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def loaded(*more):
    return load_config(FILE, SimulateConfig, [*SMALL, *more])


def supplied(config, device="cpu", seed=1):
    return ComposedStamps(config.population, config.instrument, config.selection, config.composition, device, seed)


def simulation(config):
    return ObservedSimulation(config.population, config.instrument, config.selection, config.composition)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(supply, "POOL", 32)


@pytest.fixture(scope="module")
def stamps():
    return simulation(loaded()).stamps([stream(7, i) for i in range(24)])


@pytest.mark.parametrize("device", DEVICES)
def test_batches_are_full_and_never_the_same(few, device):
    batches = list(islice(supplied(loaded(), device).batches(20), 3))
    for batch in batches:
        assert batch.images.shape == batch.noise.shape == (20, 48, 48)
        assert batch.images.device.type == device
        assert batch.images.isnan().float().mean() < 0.02
        assert (batch.noise > 0).all()
    first, second, third = (batch.images.nan_to_num() for batch in batches)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_the_same_seed_gives_the_same_batches(few):
    one, other = (list(islice(supplied(loaded(), seed=3).batches(20), 2))[1] for _ in range(2))
    assert torch.equal(one.images.nan_to_num(), other.images.nan_to_num())
    assert torch.equal(one.params["e1"], other.params["e1"])


def test_a_system_is_used_as_often_as_it_may(few):
    config = loaded("composition.reuse=4")
    radii = torch.cat([b.params["einstein_radius"] for b in islice(supplied(config).batches(32), 9)])
    _, times = radii.unique(return_counts=True)
    # a quarter of the pool is new in each round; the first pool's last quarter is seen four times
    assert times.max() == 4
    assert len(times) == 32 + 8 * 8


def test_a_stamp_of_a_set_is_its_streams_own(stamps):
    """Stamp i does not depend on the stamps beside it, but for the rounding of vectorised functions."""
    alone = simulation(loaded()).stamps([stream(7, 5)])
    np.testing.assert_allclose(alone.images[0], stamps.images[5], atol=2e-5 * np.abs(stamps.images[5]).max())
    assert alone.params["e1"][0] == stamps.params["e1"][5]
    assert alone.info["neighbours"][0] == stamps.info["neighbours"][5]


def test_what_is_known_of_a_stamp_is_so(stamps):
    assert np.isfinite(stamps.images).all()
    info = stamps.info
    np.testing.assert_allclose(stamps.psf.sum(axis=(1, 2)), 1)
    assert (info["multiplicity"] >= 2).all()
    assert (info["magnification"] > 1.8).all()
    flux = 10 ** (-0.4 * (info["arc_magnitude"] - 24.6))
    shown = stamps.arcs.sum(axis=(1, 2)) / flux
    assert (shown < 1.001).all()  # some of it may lie outside of the stamp
    assert np.median(shown) > 0.97
    widths = [PSF(image, 0.1).fwhm for image in stamps.psf[:4]]
    np.testing.assert_allclose(np.hypot(info["psf_fwhm"][:4], 0.1 * 2.3548 / np.sqrt(12)), widths, rtol=1e-4)


@pytest.mark.reference
def test_composing_is_rendering():
    """Arcs composed from cells, with a measured PSF and moved, are those of the renderer of single systems with that PSF, moved."""
    config = loaded("composition.field_galaxies=null", "composition.lens_galaxies=null")
    made = simulation(config)
    draws = config.population.draw(np.random.default_rng(3), 8)
    draws = draws.take(made.renderer.passes(draws))
    systems, kept = made.renderer.systems(draws, ())
    draws = draws.take(kept)
    composer = made.composer
    n = len(systems)
    assert n >= 2
    recipes = composer.book.draw(np.random.default_rng(1), np.arange(n), systems.params, np.zeros(0))
    recipes = replace(recipes, shift=np.zeros((n, 2), int), members=np.zeros((n, 2), int))
    flux = torch.ones(n)
    ours = composer.arcs(recipes, systems, flux).numpy()
    psf = PSF(composer.bank.images[0], 0.1)
    renderer = BatchedRenderer(config.instrument, psf, 3)
    light = renderer.lensed(draws.system, n)
    theirs = renderer.draw(light)
    theirs = theirs * (ours.sum(axis=(1, 2)) / theirs.sum(axis=(1, 2)))[:, None, None]
    assert (np.abs(ours - theirs).max(axis=(1, 2)) / theirs.max(axis=(1, 2))).max() < 0.02
    # half a pixel is a cell: moved by two cells, everything is one pixel further up and to the right
    moved = composer.arcs(replace(recipes, shift=np.full((n, 2), CELLS)), systems, flux).numpy()
    np.testing.assert_allclose(moved[:, 3:-2, 3:-2], ours[:, 2:-3, 2:-3], atol=2e-3 * ours.max())


def test_neighbours_are_where_they_were_put():
    """A star two cells up and six to the left of the middle, between the pixels: its flux and its centroid."""
    config = loaded("composition.lens_galaxies=null")
    made = simulation(config)
    systems, _ = made.renderer.systems(config.population.draw(np.random.default_rng(3), 8), ())
    star = made.renderer.neighbours(
        config.composition.field_galaxies.model_copy(update={"stars": 1.0}), np.random.default_rng(1), 1
    )
    star = NeighbourImages(star.images, np.array([22.0]))
    composer = made.composer
    recipes = composer.book.draw(
        np.random.default_rng(1), np.array([0]), {k: v[:1] for k, v in systems.params.items()}, np.zeros(0)
    )
    recipes = replace(
        recipes, neighbours=np.array([[0, 0, 2, -6, 3]]), members=np.zeros((1, 2), int), shift=np.zeros((1, 2), int)
    )
    cells = composer._scene(recipes, systems, star, torch.zeros(1), torch.zeros(1))
    seen = composer.seeing(cells, recipes.members, recipes.weights)[0].numpy().astype(float)
    flux = 10 ** (-0.4 * (22.0 - 24.6))
    assert seen.sum() == pytest.approx(flux, rel=0.01)
    axis = np.arange(48) - 23.5
    core = np.where(np.hypot(axis[:, None] - 1, axis + 3) < 3, seen, 0)
    psf = composer.bank.images[0]
    steps = np.arange(-10, 11)
    near = np.hypot(steps[:, None], steps) < 3
    bias = [(psf * near * steps[:, None]).sum() / (psf * near).sum(), (psf * near * steps).sum() / (psf * near).sum()]
    assert (core * axis[:, None]).sum() / core.sum() == pytest.approx(1 + bias[0], abs=0.05)
    assert (core * axis).sum() / core.sum() == pytest.approx(-3 + bias[1], abs=0.05)


def test_noise_has_the_scatter_and_the_correlation_of_its_resampling():
    config = loaded()
    composer = Composer(config.composition, config.instrument)
    white = torch.randn((400, 49, 49), generator=torch.Generator().manual_seed(1))
    f = np.tile([0.2, 0.0], (400, 1))
    noise = composer._resampled(white, f).numpy()
    assert noise.std() == pytest.approx(1, abs=0.005)
    along_y = (noise[:, 1:] * noise[:, :-1]).mean()
    along_x = (noise[:, :, 1:] * noise[:, :, :-1]).mean()
    assert along_y == pytest.approx(0.2 * 0.8 / (0.2**2 + 0.8**2), abs=0.005)
    assert along_x == pytest.approx(0, abs=0.005)


def test_the_claimed_noise_overstates_the_scatter():
    config = loaded(
        "composition.mosaic.overstated=[1.5, 1.5]", "composition.lens_galaxies=null", "composition.field_galaxies=null"
    )
    stamps = simulation(config).stamps([stream(2, i) for i in range(30)])
    level = np.median(stamps.images - stamps.arcs, axis=(1, 2), keepdims=True)
    pulls = (stamps.images - stamps.arcs - level) / stamps.noise
    assert 1 / pulls.std() == pytest.approx(1.5, rel=0.02)


@pytest.fixture(scope="module")
def lens():
    """One system in the middle of its stamp."""
    config = loaded("population.mass.centre_sigma=0.0")
    made = simulation(config)
    draws = config.population.draw(np.random.default_rng(3), 8)
    draws = draws.take(made.renderer.passes(draws))
    light = config.composition.lens_galaxies.draw(np.random.default_rng(4), draws.params)
    systems, _ = made.renderer.systems(draws, light)
    return systems.some(slice(1))


@pytest.mark.parametrize("kind", [kind for kind in ALTERATIONS if kind not in SPOILT])
def test_every_alteration_of_the_scene_changes_it(lens, kind):
    changed = altered(kind, lens, 0.1, np.random.default_rng(1))
    same_arcs, same_galaxy = torch.equal(changed.arcs, lens.arcs), torch.equal(changed.galaxies, lens.galaxies)
    assert same_arcs == (kind == "several")
    assert same_galaxy == (kind not in ("several", "aside"))
    assert float(changed.arcs.sum()) == pytest.approx(0.0 if kind == "alone" else 1.0, abs=1e-4)
    assert float(changed.galaxies.sum()) == pytest.approx(float(lens.galaxies.sum()), rel=0.25)


def test_the_centre_moves_with_the_lens(lens):
    """The truths of a lens off the middle were those of the lens before."""
    changed = altered("aside", lens, 0.1, np.random.default_rng(1))
    side = lens.galaxies.shape[-1]
    axis = (np.arange(side) - (side - 1) / 2) * 0.1 / CELLS
    found = []
    for light in (lens.galaxies, changed.galaxies):
        flux = light[0].numpy().astype(float)
        y, x = np.unravel_index(flux.argmax(), flux.shape)
        found.append((axis[x], axis[y]))
    for k, name in enumerate(("centre_x", "centre_y")):
        assert changed.params[name][0] - lens.params[name][0] == pytest.approx(found[1][k] - found[0][k], abs=0.06)
    moved = [changed.params[name][0] - lens.params[name][0] for name in ("centre_x", "centre_y")]
    assert 0.5 < np.hypot(*moved) < 1.7


def test_a_torn_lens_has_arcs_on_one_side_alone(lens):
    arcs = altered("torn", lens, 0.1, np.random.default_rng(1)).arcs[0]
    lit, were = (light > 0.01 * light.max() for light in (arcs, lens.arcs[0]))
    assert 0 < lit.sum() < were.sum()
    assert not (lit & torch.rot90(lit, 2)).any()


@pytest.mark.parametrize("kind", SPOILT)
def test_every_artefact_changes_the_stamp(kind):
    image = np.random.default_rng(2).normal(0, 1, (40, 40))
    before = image.copy()
    spoilt = spoil(kind, image, 1.0, np.random.default_rng(1))
    np.testing.assert_array_equal(image, before)
    if kind == "edge":
        assert 0.2 < (spoilt == 0).mean() < 0.7
        assert (spoilt[spoilt != 0] == image[spoilt != 0]).all()
    else:
        assert (spoilt - image).max() > 5
        assert (spoilt - image).min() >= 0


def test_a_set_of_altered_stamps(stamps):
    changed = simulation(loaded("composition.alteration=alone")).stamps([stream(7, i) for i in range(3)])
    assert np.isfinite(changed.images).all()
    assert (changed.arcs == 0).all()
    assert (changed.info["snr"] == 0).all()
