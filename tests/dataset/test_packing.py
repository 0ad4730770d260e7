"""Pixels that are compressed before HDF5 sees them come back unchanged."""

import h5py
import numpy as np
import pytest

from lenssbi.dataset.packing import LEVEL, pack


@pytest.mark.parametrize("shape", [(3, 10, 12), (1, 1, 1), (2, 49, 49)])
def test_hdf5_reads_what_was_packed(tmp_path, shape):
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    packed = pack(values)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset(
            "x", shape, "<f4", chunks=(1, *shape[1:]), compression="gzip", compression_opts=LEVEL, shuffle=True
        )
        for i, chunk in enumerate(packed.chunks()):
            data.id.write_direct_chunk((i, 0, 0), chunk)
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["x"][()], values)


def test_the_same_pixels_make_the_same_bytes():
    values = np.random.default_rng(2).normal(size=(4, 30, 30))
    one, other = pack(values), pack(values.copy())
    assert one.data.tobytes() == other.data.tobytes()
    assert pack(np.zeros((4, 30, 30))).sizes.sum() < one.sizes.sum() / 20
