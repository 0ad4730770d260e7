"""Published values come into lenssbi's convention: the same deflection, the same critical curve, errors to first order."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.benchmark.real.published import (
    COLUMNS,
    COMPANIONS,
    NONE,
    ONE,
    SEVERAL,
    SIE,
    Value,
    from_autolens,
    read_published,
)
from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.posteriors.effective import effective_radius
from lenssbi.status import InputError

from .made_up_published import row, write

REAL = Path(__file__).parents[3] / "shared/data/euclid_q1/published.csv"
LENSES = [
    {"theta_E": 1.1, "ell_0": 0.0, "ell_1": 0.2, "gamma_1": 0.05, "gamma_2": 0.0},
    {"theta_E": 0.8, "ell_0": 0.25, "ell_1": -0.1, "gamma_1": 0.0, "gamma_2": 0.08},
    {"theta_E": 1.6, "ell_0": -0.3, "ell_1": -0.2, "gamma_1": -0.12, "gamma_2": 0.2},
]


def ours(lens, sigma=0.01):
    return from_autolens({name: Value(value, sigma) for name, value in lens.items()})


def turned(theta, angle):
    return theta * np.exp(-1j * angle)


def autolens_deflection(lens, theta):
    """The isothermal ellipsoid and the shear in closed form, from PyAutoLens's definitions of its parameters.

    kappa = theta_E / (1 + q) / sqrt(x^2 + y^2 / q^2) along the major axis; the shear stretches along its own angle.
    """
    modulus = np.hypot(lens["ell_0"], lens["ell_1"])
    q, phi = (1 - modulus) / (1 + modulus), np.arctan2(lens["ell_0"], lens["ell_1"]) / 2
    z = turned(theta, phi)
    flat, psi = np.sqrt(1 - q**2), np.sqrt(q**2 * z.real**2 + z.imag**2)
    factor = 2 * lens["theta_E"] * q / ((1 + q) * flat)
    mass = factor * (np.arctan(flat * z.real / psi) + 1j * np.arctanh(flat * z.imag / psi))
    shear, angle = np.hypot(lens["gamma_1"], lens["gamma_2"]), np.arctan2(lens["gamma_2"], lens["gamma_1"]) / 2
    w = turned(theta, angle)
    return turned(mass, -phi) + turned(shear * (w.real - 1j * w.imag), -angle)


@pytest.mark.parametrize("lens", LENSES)
def test_the_deflection_is_the_same(lens):
    rng = np.random.default_rng(0)
    theta = rng.normal(size=200) + 1j * rng.normal(size=200)
    found = {name: one.value for name, one in ours(lens).items()}
    mass = EllipticalPowerLaw(found["einstein_radius"], found["e1"], found["e2"])
    shear = ExternalShear(found["shear1"] + 1j * found["shear2"])
    mine = mass.deflection(theta) + shear.deflection(theta)
    np.testing.assert_allclose(mine, autolens_deflection(lens, theta), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lens", LENSES)
def test_errors_are_those_of_many_draws(lens):
    rng = np.random.default_rng(1)
    sigmas = dict(zip(SIE, (0.004, 0.003, 0.006, 0.005, 0.002), strict=True))
    drawn = [{name: lens[name] + sigmas[name] * rng.normal() for name in SIE} for _ in range(4000)]
    told = from_autolens({name: Value(lens[name], sigmas[name]) for name in SIE})
    for name, one in told.items():
        values = [from_autolens({key: Value(value, 1.0) for key, value in each.items()})[name].value for each in drawn]
        assert one.sigma == pytest.approx(np.std(values), rel=0.05), name  # 4000 draws scatter by 1.1 per cent


def test_a_round_lens_has_equal_radii():
    found = ours({"theta_E": 1.3, "ell_0": 0.0, "ell_1": 0.0, "gamma_1": 0.0, "gamma_2": 0.0}, sigma=0.02)
    assert found["einstein_radius"] == Value(1.3, 0.02)
    assert found["e1"] == Value(0.0, 0.04), "twice (1 - q) / (1 + q) for a nearly round lens"


def test_a_table_is_read(tmp_path):
    rows = [
        row("a"),
        row("b", "effective_only", "1 and companions", "limits are 3 sigma"),
        row("c", "effective_only", "2"),
        row("d", "none", "1 (and neighbours)"),
    ]
    found = read_published(write(tmp_path / "published.csv", rows))
    assert [(one.id, one.kind) for one in found] == [("a", ONE), ("b", COMPANIONS), ("c", SEVERAL), ("d", NONE)]
    assert set(found[0].values) == {"einstein_radius", "effective_radius", "e1", "e2", "shear1", "shear2"}
    assert found[0].values["effective_radius"] == pytest.approx((0.82, 0.03))
    assert found[1].values["effective_radius"] == pytest.approx((0.82, 0.01)), "limits of three sigma"
    assert set(found[1].values) == {"effective_radius"}
    assert found[3].values == {}


WRONG = {
    "another form": ([{"lens": "a", "radius": 1.0}], ("lens", "radius"), "has a column id"),
    "no rows": ([], COLUMNS, "has no rows"),
    "twice": ([row("a"), row("a")], COLUMNS, "two rows have the id a"),
    "no kind of ours": ([row("a") | {"kind": "nfw"}], COLUMNS, "kind 'nfw' is none of sie_shear"),
    "a missing value": (
        [row("a") | dict.fromkeys(("theta_E", "theta_E_lo1", "theta_E_hi1"), "")],
        COLUMNS,
        "needs theta_E",
    ),
    "no number": ([row("a") | {"gamma_1": "x"}], COLUMNS, "gamma_1 and its limits are 'x'"),
    "a missing limit": ([row("a") | {"gamma_1_lo1": ""}], COLUMNS, "give three numbers"),
    "outside its limits": ([row("a") | {"ell_0": "0.5"}], COLUMNS, "ell_0 0.5 is not between its limits"),
    "no ellipse": ([row("a", ell_1=(1.1, 0.1))], COLUMNS, "belongs to no ellipse"),
}


@pytest.mark.parametrize(("rows", "columns", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_with_a_table_is_said(tmp_path, rows, columns, said):
    path = write(tmp_path / "published.csv", rows, columns)
    with pytest.raises(InputError, match=str(path)) as error:
        read_published(path)
    assert said in str(error.value)


def test_a_table_that_is_no_text(tmp_path):
    (tmp_path / "published.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_published(tmp_path / "published.csv")


@pytest.mark.reference
@pytest.mark.skipif(not REAL.exists(), reason="the published fits are not at hand")
def test_published_effective_radii_follow_from_the_converted_lenses():
    """PyAutoLens's area-equivalent radii are those of our lenses; with exchanged components of the shear one is off by 8 per cent."""
    found = [one for one in read_published(REAL) if "einstein_radius" in one.values]
    assert len(found) == 4
    for one in found:
        radius = effective_radius({name: value.value for name, value in one.values.items()})
        assert radius == pytest.approx(
            one.values["effective_radius"].value, rel=0.009
        )  # medians of parameters and of radii differ
