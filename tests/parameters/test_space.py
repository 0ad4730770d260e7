"""The parameter space and its 0-10 scaling."""

import numpy as np
import pytest

from lenssbi.parameters import POWER_LAW_SPACE, SIE_SPACE, Parameter, ParameterSpace, parameter_space


def test_targets_run_from_zero_to_ten_and_back():
    low, high = SIE_SPACE.to_targets(SIE_SPACE.low), SIE_SPACE.to_targets(SIE_SPACE.high)
    np.testing.assert_allclose(low, 0, atol=1e-12)
    np.testing.assert_allclose(high, 10, atol=1e-12)
    values = np.random.default_rng(1).uniform(POWER_LAW_SPACE.low, POWER_LAW_SPACE.high, (20, 4))
    np.testing.assert_allclose(POWER_LAW_SPACE.from_targets(POWER_LAW_SPACE.to_targets(values)), values, atol=1e-12)


def test_stack_and_unstack_undo_each_other():
    params = {name: np.arange(3.0) + i for i, name in enumerate(SIE_SPACE.names)}
    values = SIE_SPACE.stack({**params, "unrelated": np.zeros(3)})
    assert values.shape == (3, 3)
    for name, column in SIE_SPACE.unstack(values).items():
        np.testing.assert_array_equal(column, params[name])


def test_a_missing_parameter_is_named():
    with pytest.raises(ValueError, match="e2"):
        SIE_SPACE.stack({"einstein_radius": 1.0, "e1": 0.0})


def test_json_keeps_everything():
    assert ParameterSpace.from_json(POWER_LAW_SPACE.as_json()) == POWER_LAW_SPACE


def test_a_model_s_space_holds_what_was_asked_for():
    assert parameter_space("sie") == SIE_SPACE
    assert parameter_space("power_law") == POWER_LAW_SPACE
    assert parameter_space("sie", centre=True).names == (*SIE_SPACE.names, "centre_x", "centre_y")
    everything = parameter_space("power_law", shear=True, centre=True)
    assert everything.names == (*POWER_LAW_SPACE.names, "shear1", "shear2", "centre_x", "centre_y")
    np.testing.assert_allclose(everything.low[4:], -everything.high[4:])  # 0 in the middle: symmetries turn about it
    assert everything.units[-2:] == ("arcsec", "arcsec")


def test_bad_ranges_and_double_names_are_refused():
    with pytest.raises(ValueError, match="low < high"):
        Parameter("q", "", 1.0, 0.4)
    with pytest.raises(ValueError, match="differ"):
        ParameterSpace((Parameter("q", "", 0, 1), Parameter("q", "", 0, 2)))
