"""The row of a fit has what its posterior file says of the model."""

import json
from types import SimpleNamespace

import numpy as np

from lenssbi.dataset.inputs import StampSource
from lenssbi.pipelines.catalogue import fit as fits
from lenssbi.pipelines.catalogue.result import _item
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Samples, Summary
from lenssbi.status import Status


def test_magnification_and_magnitudes_are_those_of_the_fit(tmp_path, monkeypatch):
    measured = {
        "magnification": Summary(9.5, 9.0, 10.0, 9.5, 0.5, ""),
        "mag_source": Summary(23.5, 23.4, np.nan, 23.5, 0.1, "mag"),
    }
    info = {"chi2_per_pixel": 1.25, "observation": {"z_lens": 0.5}}
    posterior = tmp_path / "J1.h5"
    Samples(np.ones((4, 1)), ("einstein_radius",), ("arcsec",), info=info).save(posterior)
    item = ItemResult("J1.fits", Status.DONE.value, {}, posterior=str(posterior), derived=measured)
    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", lambda *told, **more: item)
    monkeypatch.setattr(fits, "network", lambda name: None)
    config = SimpleNamespace(images=False, fit=None, figures=False)
    job = SimpleNamespace(out=tmp_path, config=config, estimator=None, fitted="now")
    source = StampSource("J1", str(tmp_path / "J1.fits"))
    fits.fit(source, job=job)
    row = json.loads(fits.row_path(tmp_path, "J1").read_text())
    assert row["derived"]["magnification"] == {"median": 9.5, "lower": 9.0, "upper": 10.0, "unit": ""}
    assert row["derived"]["mag_source"]["upper"] is None, "JSON has no NaN"
    assert (row["z_lens"], row["z_source"]) == (0.5, None)
    assert row["chi2_per_pixel"] == 1.25


def test_the_json_of_a_catalogue_has_what_follows_from_the_posterior():
    told = {"einstein_mass": {"median": 2e11, "lower": 1e11, "upper": None, "unit": "Msun"}}
    row = {"input": "a.fits", "status": "done", "flags": [], "derived": told}
    assert _item(row).as_json()["derived"] == told
    assert _item(row | {"derived": None}).as_json()["derived"] == {}
