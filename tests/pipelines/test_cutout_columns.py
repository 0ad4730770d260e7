"""Columns of a table of positions that are about the lens go with its cut-out: redshifts, lens light, priors of its mass."""

import numpy as np
import pytest
from astropy.table import Table

from lenssbi.dataset.cutouts.tiles import Layers
from lenssbi.dataset.inputs import expand_inputs
from lenssbi.dataset.reading import ReadOptions
from lenssbi.pipelines import refine
from lenssbi.pipelines.cutout import CutoutOptions, cut_first, run
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.prepare import with_prior
from lenssbi.status import ItemError, Status

from ..dataset import made_up_mosaics as made_up
from .test_cutout import SIZE, positions


def targets(path, **columns):
    places = positions([(60 + 10 * i, 80) for i in range(len(next(iter(columns.values()))))])
    ra, dec = zip(*places, strict=True)
    Table({"id": [f"t{i}" for i in range(len(ra))], "ra": ra, "dec": dec, **columns}).write(path, overwrite=True)
    return str(path)


@pytest.fixture
def options(tmp_path):
    return CutoutOptions(Layers(**made_up.mosaic(tmp_path, made_up.cards())), SIZE)


@pytest.mark.parametrize("suffix", ["csv", "ecsv", "fits"])
def test_redshifts_go_with_the_cut_outs(options, tmp_path, suffix):
    z_source = np.ma.MaskedArray([1.2, 1.5, 9.0], [False, False, True])
    listed = targets(tmp_path / f"t.{suffix}", Z_LENS=[0.3, np.nan, 0.5], z_source=z_source)
    inputs, read = cut_first([listed], options, tmp_path / "out", ReadOptions(z_source=2.0, z_lens=0.4))
    stamps = [source.load() for source in read.sources(inputs)]
    assert [(s.info["z_lens"], s.info["z_source"]) for s in stamps] == [(0.3, 1.2), (0.4, 1.5), (0.5, 2.0)]
    table = Table.read(tmp_path / "out" / "cutouts.ecsv")
    np.testing.assert_array_equal(table["z_lens"], [0.3, np.nan, 0.5])


def test_other_redshifts_cut_nothing_again(options, tmp_path):
    out = tmp_path / "out"
    run(targets(tmp_path / "t.csv", z_lens=[0.3, 0.4]), options=options, out=out)
    result = run(targets(tmp_path / "t.csv", z_lens=[0.3, 0.6]), options=options, out=out)
    assert result.kept == 2
    assert Table.read(result.table)["z_lens"].tolist() == [0.3, 0.6]


def test_a_mistake_is_told_of_its_stamp(options, tmp_path):
    result = run(targets(tmp_path / "t.csv", z_lens=["0.3", "abc", "-1"]), options=options, out=tmp_path / "out")
    assert result.failed == 0
    first, *wrong = expand_inputs([str(result.table)])
    assert first.load().info["z_lens"] == 0.3
    for source, said in zip(wrong, ("abc", "-1"), strict=True):
        with pytest.raises(ItemError, match=said) as caught:
            source.load()
        assert caught.value.status is Status.BAD_REDSHIFT


def test_lens_light_goes_with_the_cut_outs(options, tmp_path):
    result = run(targets(tmp_path / "t.csv", lens_light=["none", "auto"]), options=options, out=tmp_path / "out")
    assert [source.lens_light for source in expand_inputs([str(result.table)])] == ["none", "auto"]
    assert "z_lens" not in Table.read(result.table).colnames


def test_priors_of_one_lens_go_with_the_cut_outs(options, tmp_path):
    listed = ["einstein_radius=1.2,0.05; centre_x=0", "", "einstein_radius"]
    result = run(targets(tmp_path / "t.csv", mass_prior=listed), options=options, out=tmp_path / "out")
    known, none, wrong = expand_inputs([str(result.table)])
    config = with_prior(RefineConfig(), known.mass_prior, known.name)
    assert config.prior.gaussian == {"einstein_radius": (1.2, 0.05), "centre_x": (0.0, 0.0)}
    assert with_prior(config, none.mass_prior, none.name) == config
    more = with_prior(config, "centre_y=0.1,0.02", "more")
    assert more.prior.gaussian == {**config.prior.gaussian, "centre_y": (0.1, 0.02)}
    for said in (
        wrong.mass_prior,
        "mass=1",
        "einstein_radius=1,0",
        "einstein_radius=a",
        "einstein_radius=1,2,3",
        "e1=0.1",
    ):
        with pytest.raises(ItemError, match=said.split("=")[0]) as caught:
            with_prior(config, said, "lens")
        assert caught.value.status is Status.BAD_PRIOR


def test_a_fit_knows_the_priors_of_its_lens(options, tmp_path, monkeypatch):
    listed = ["einstein_radius=1.2,0.05", "", "mass=1"]
    result = run(targets(tmp_path / "t.csv", mass_prior=listed), options=options, out=tmp_path / "out")
    seen = []

    def set_up(stamp, config, estimator):
        seen.append(config.prior.gaussian)
        raise ItemError(Status.NO_ARCS, stamp.name)

    monkeypatch.setattr(refine, "set_up", set_up)
    blind = RefineConfig(prior={"mode": "blind", "gaussian": {"centre_x": (0.0, 0.0)}})
    found = refine.run([str(result.table)], config=blind, out=tmp_path / "fits").items
    assert seen == [{"centre_x": (0.0, 0.0), "einstein_radius": (1.2, 0.05)}, {"centre_x": (0.0, 0.0)}]
    statuses = (Status.NO_ARCS, Status.NO_ARCS, Status.BAD_PRIOR)
    assert all(item.status.startswith(status.value) for item, status in zip(found, statuses, strict=True))
