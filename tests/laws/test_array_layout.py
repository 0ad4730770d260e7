"""What is stored and loaded again has the memory layout that it had, since BLAS multiplies transposed arrays by another routine.

On some processors the two routines differ in the last digit, so that a loaded object would not give what the first one gave.
"""

from dataclasses import fields

import numpy as np
import pytest

from lenssbi.estimators.misspecification import Reference
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.refinement.sampling.mixtures import Mixture
from lenssbi.refinement.sampling.rounds import Proposal, Round

TABLE = np.random.default_rng(0).uniform(1, 2, (5, 3))
NAMES = {"names": ("a", "b", "c"), "units": ("", "", "")}
STORED = {
    "samples": lambda table: Samples(table, **NAMES),
    "mixture of Gaussians": lambda table: DiagonalMixture(table, table, **NAMES),
    "proposal": lambda table: Mixture(np.ones(5), table, np.stack([np.eye(3)] * 5).T.copy().T),
    "round": lambda table: Round(Proposal(None, 0.5), 5, np.arange(5), table, np.zeros(5), np.zeros(5)),
    "reference of the training": lambda table: Reference(*[table] * len(fields(Reference))),
}


@pytest.mark.parametrize("kind", STORED)
def test_arrays_are_contiguous_whatever_was_given(kind):
    made = STORED[kind](np.asfortranarray(TABLE))
    arrays = [value for f in fields(made) if isinstance(value := getattr(made, f.name), np.ndarray)]
    assert arrays
    assert all(array.flags.c_contiguous for array in arrays)
