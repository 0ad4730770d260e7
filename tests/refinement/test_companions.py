"""Further lens galaxies: light off, mass in."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.stamp import Stamp
from lenssbi.flags import Flag
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.parameters import Normal, Uniform
from lenssbi.parameters.conventions import convention
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.posteriors.effective import effective_radius
from lenssbi.posteriors.quantities import EFFECTIVE, quantities
from lenssbi.refinement.companions import Companion, common_centre, mass_blocks, without_companions
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.prepare import set_up, with_prior
from lenssbi.status import InputError, ItemError, Status
from lenssbi.systems import LensSystem, deflectors

PIXEL, SIDE, FINE = 0.1, 60, 5
PLACE, FLUX = 1.03 - 0.42j, (300.0, 80.0)
RADII = (0.7, 0.35)
LENS = {"einstein_radius": RADII[0], "e1": 0.1, "e2": 0.0, "centre_x": 0.0, "centre_y": 0.0}
COMPANION = {"companion1_einstein_radius": RADII[1], "companion1_x": PLACE.real, "companion1_y": PLACE.imag}


def seen(brightness):
    """Pixels of a surface brightness on the fine grid, through the PSF."""
    image = fftconvolve(brightness * (PIXEL / FINE) ** 2, PSF.gaussian(0.17, PIXEL / FINE).image, mode="same")
    return image.reshape(SIDE, FINE, SIDE, FINE).sum(axis=(1, 3))


@pytest.fixture(scope="module")
def group():
    """Two lens galaxies and the arcs behind both, with noise, rendered without the package's renderer."""
    masses = (EllipticalPowerLaw(RADII[0], 0.1, 0.0), EllipticalPowerLaw(RADII[1], 0.0, 0.0, centre=PLACE))
    light = (Sersic(FLUX[0], 0.4, 3.0, 0.8, 0.3), Sersic(FLUX[1], 0.25, 2.0, 0.9, 1.0, PLACE))
    system = LensSystem(masses, (Sersic(8.0, 0.1, 1.0, 0.8, 0.5, 0.35 + 0.02j),))
    theta = pixel_grid((SIDE, SIDE), PIXEL, FINE)
    image = seen(sum((one.surface_brightness(theta) for one in light), system.surface_brightness(theta)))
    noise = np.full(image.shape, 0.05)
    image = image + 0.05 * np.random.default_rng(1).normal(size=image.shape)
    return Stamp(image, noise, np.ones(image.shape, bool), PSF.gaussian(0.17), PIXEL, "group", info={"background": 0.0})


def test_deflections_add():
    theta = np.array([0.3 + 1.2j, -1.0 + 0.1j, 2.0 - 2.0j])
    both = deflectors(LENS | COMPANION).deflection(theta)
    away = theta - PLACE
    np.testing.assert_allclose(both - deflectors(LENS).deflection(theta), RADII[1] * away / np.abs(away), rtol=1e-12)


def test_spheres_in_one_place_have_the_sum_of_their_radii():
    here = dict.fromkeys(("e1", "e2", "centre_x", "centre_y", "companion1_x", "companion1_y"), 0.0)
    lens = here | {"einstein_radius": 0.7, "companion1_einstein_radius": 0.5}
    assert all("[arcsec]" in convention(name) for name in lens if name.startswith("companion"))
    assert float(effective_radius(lens)) == pytest.approx(1.2, rel=1e-3)
    values = np.tile(list(lens.values()), (5, 1))
    found = quantities(Samples(values, tuple(lens), ("",) * len(lens)))
    assert found[EFFECTIVE].median == pytest.approx(1.2, rel=1e-3)


def test_the_light_of_a_companion_is_taken_off(group):
    left, (found,) = without_companions(group, ((1.0, -0.4),), "auto")
    assert abs(found.place - PLACE) < 0.03
    assert found.flux == pytest.approx(FLUX[1], rel=0.25)  # what it is used for is a wide prior
    true = seen(Sersic(FLUX[1], 0.25, 2.0, 0.9, 1.0, PLACE).surface_brightness(pixel_grid((SIDE, SIDE), PIXEL, FINE)))
    assert np.abs(found.image - true).sum() < 0.25 * true.sum()
    distance = np.abs(pixel_grid(group.shape, PIXEL) - PLACE)
    assert not left.mask[distance < 0.05].any()  # its core outshines the noise more than a model can follow
    assert left.mask[distance > 0.6].all()
    np.testing.assert_allclose(left.image[left.mask], (group.image - found.image)[left.mask])


def test_without_places_nothing_changes(group):
    left, found = without_companions(group, (), "auto")
    assert left is group
    assert found == ()


def test_a_place_outside_the_stamp_is_a_status(group):
    with pytest.raises(ItemError) as caught:
        without_companions(group, ((9.0, 0.0),), "auto")
    assert caught.value.status is Status.NO_COMPANION


def test_radii_follow_the_light():
    """sqrt(F) of 2, 1 and 1: half of the circle's radius for the lens, a quarter for each companion."""
    pair = tuple(Companion(place, 1.0, np.zeros((1, 1))) for place in (1 + 0j, 1j))
    priors = {block.name: block.marginal for block in mass_blocks(pair, RefineConfig(), 1.6, 4.0)}
    means = [
        priors[name].mean for name in ("einstein_radius", "companion1_einstein_radius", "companion2_einstein_radius")
    ]
    assert means == pytest.approx([0.8, 0.4, 0.4])
    assert isinstance(priors["companion2_y"], Normal)
    assert priors["companion2_y"].mean == 1.0
    unseen = {block.name: block.marginal for block in mass_blocks(pair, RefineConfig(), 1.6, None)}
    assert isinstance(unseen["companion1_einstein_radius"], Uniform)
    assert mass_blocks((), RefineConfig(), 1.6, 4.0) == []
    assert common_centre(None, pair) == 0


def test_a_fit_has_the_masses_and_no_network(group):
    config = parse({"mass": {"companions": [[1.0, -0.4]]}}, RefineConfig, "test")
    problem, _ = set_up(group, config)
    names = problem.priors.sampled.names
    assert {"companion1_einstein_radius", "companion1_x", "companion1_y"} <= set(names)
    assert problem.guide is None
    assert abs(problem.observation.circle.radius - sum(RADII)) < 0.35
    with pytest.raises(InputError, match="knows no companions"):
        set_up(group, parse(config.model_dump() | {"prior": {"mode": "cnn-gaussian"}}, RefineConfig, "test"))


class Suspicious:
    """A network that sees several lens galaxies."""

    identity, sees_lens_light = "suspicious", True

    def applies_to(self, stamp):
        return None

    def judge_stamp(self, stamp):
        answer = DiagonalMixture([[0.9, 0.0, 0.0]], [[0.05] * 3], ("einstein_radius", "e1", "e2"), ("arcsec", "", ""))
        return answer, (Flag.MISSPECIFIED, Flag.SEVERAL_LENSES)


@pytest.mark.parametrize(("companions", "raised"), [([], True), ([[1.0, -0.4]], False)])
def test_several_lenses_are_told_until_they_are_named(group, companions, raised):
    config = parse({"mass": {"companions": companions}}, RefineConfig, "test")
    problem, _ = set_up(group, config, Suspicious())
    assert (Flag.SEVERAL_LENSES in problem.flags) == raised
    assert Flag.MISSPECIFIED in problem.flags


def test_a_column_of_a_table_names_companions():
    config = with_prior(RefineConfig(), "einstein_radius=1.2,0.1 companion=1,-0.4 companion=0,2", "lens")
    assert config.mass.companions == ((1.0, -0.4), (0.0, 2.0))
    assert config.prior.gaussian == {"einstein_radius": (1.2, 0.1)}
    with pytest.raises(ItemError) as caught:
        with_prior(RefineConfig(), "companion=1", "lens")
    assert caught.value.status is Status.BAD_PRIOR


@pytest.mark.parametrize("said", ["1", "a,b", "1,2,3", "nan,0"])
def test_the_option_says_how_it_is_written(said, tmp_path):
    runner, app = pytest.importorskip("typer.testing").CliRunner(), pytest.importorskip("lenssbi_cli.main").app
    done = runner.invoke(app, ["refine", "x.fits", "--companion", said, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "write it as X,Y" in " ".join(done.output.split())


def test_the_smooth_source_finds_both_masses(group):
    """The search alone: the evidence of a source of Gaussians is highest near the true radii, and far lower without the companion."""
    from lenssbi.refinement.first_stage import first_stage

    ends = {}
    for name, places in (("both", [[1.0, -0.4]]), ("one", [])):
        choices = {"mass": {"companions": places, "shear": False}, "source": "gaussians"}
        with_masked = (
            group
            if places
            else replace(group, mask=group.mask & (np.abs(pixel_grid(group.shape, PIXEL) - PLACE) > 0.4))
        )
        ends[name] = first_stage(set_up(with_masked, parse(choices, RefineConfig, "test"))[0]).modes[0]
    found = ends["both"].params
    assert found["einstein_radius"] + found["companion1_einstein_radius"] == pytest.approx(sum(RADII), abs=0.08)
    assert ends["both"].log_evidence > ends["one"].log_evidence
