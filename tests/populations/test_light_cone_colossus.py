"""What colossus leaves behind, and what is said where it is missing."""

import sys

import numpy as np
import pytest

from lenssbi.populations.light_cones import LightCone
from lenssbi.populations.light_cones.mock import MockSky, _mass_function
from lenssbi.status import InputError


def test_nothing_is_written(tmp_path, monkeypatch):
    """colossus would keep tables in the home folder, and is left as others had set it."""
    from colossus.cosmology import cosmology

    monkeypatch.setenv("HOME", str(tmp_path))
    _mass_function.cache_clear()
    others = cosmology.setCosmology("WMAP9", persistence="")
    MockSky((1e11, 1e14), 30.0).draw(np.random.default_rng(0), (0.5, 0.5), 1.0)
    assert cosmology.getCurrent() is others
    assert not list(tmp_path.rglob("*"))
    cosmology.setCosmology("WMAP7", persistence="rw").sigma(8.0, 0.0)
    assert list(tmp_path.rglob("*"))  # this is where it would have been


def test_without_colossus_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "colossus.cosmology", None)
    _mass_function.cache_clear()
    with pytest.raises(InputError, match="colossus is not installed"):
        LightCone().draw(np.random.default_rng(1), (0.5, 0.5), 2.0)
