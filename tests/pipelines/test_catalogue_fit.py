"""The row of a fit has what its posterior file says of the model."""

import json
from types import SimpleNamespace

import numpy as np

from lenssbi.dataset.inputs import StampSource
from lenssbi.pipelines.catalogue import fit as fits
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Samples
from lenssbi.status import Status


def test_magnification_and_magnitudes_are_those_of_the_fit(tmp_path, monkeypatch):
    measured = {"magnification": 9.5, "mag_lens_light": 19.5, "mag_lensed_source": 21.0, "mag_source": 23.5}
    info = {"photometry": measured, "chi2_per_pixel": 1.25}
    posterior = tmp_path / "J1.h5"
    Samples(np.ones((4, 1)), ("einstein_radius",), ("arcsec",), info=info).save(posterior)
    item = ItemResult("J1.fits", Status.DONE.value, {}, posterior=str(posterior))
    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", lambda *told, **more: item)
    monkeypatch.setattr(fits, "network", lambda name: None)
    config = SimpleNamespace(images=False, fit=None, figures=False)
    job = SimpleNamespace(out=tmp_path, config=config, estimator=None, fitted="now")
    source = StampSource("J1", str(tmp_path / "J1.fits"))
    fits.fit(source, job=job)
    row = json.loads(fits.row_path(tmp_path, "J1").read_text())
    assert {name: row[name] for name in measured} == measured
    assert row["chi2_per_pixel"] == 1.25
