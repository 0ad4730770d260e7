"""`lenssbi benchmark` on real stamps, from a folder and a table to the files; what does not fit together is refused before any work."""

import csv
import json

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from lenssbi.benchmark.real.config import RealConfig, is_real
from lenssbi.benchmark.real.run import run
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Samples, load_samples
from lenssbi.status import InputError, ItemError, Status
from lenssbi_cli.main import app

from .made_up_published import row, write
from .made_up_rings import ring_file, rings, untrained

NAMES = ("a", "b", "c")
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("estimator"))


@pytest.fixture
def folder(tmp_path):
    """Three stamps, their table, and a configuration that names both as seen from its own folder."""
    (tmp_path / "stamps").mkdir()
    for name, image in zip(NAMES, rings(len(NAMES)), strict=True):
        ring_file(tmp_path / "stamps" / f"{name}.fits", image=image)
    write(tmp_path / "published.csv", [row("b"), row("a", "effective_only", "2"), row("c", "none")])
    (tmp_path / "configs").mkdir()
    text = yaml.safe_dump({"stamps": "../stamps", "published": "../published.csv"})
    (tmp_path / "configs" / "q1.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def fits(monkeypatch):
    """Names of the stamps that were fitted; each fit leaves a posterior, but that of `a`, which finds no arcs."""
    asked = []

    def fit(source, config, out, *, estimator, figure, show):
        asked.append(source.name)
        if source.name == "a":
            raise ItemError(Status.NO_ARCS, source.name)
        rng = np.random.default_rng(0)
        draws = np.array([0.9, 0.1, 0.0]) + np.array([0.02, 0.05, 0.05]) * rng.normal(size=(500, 3))
        samples = Samples(
            draws, ("einstein_radius", "e1", "e2"), ("arcsec", "", ""), info={"status": "DONE", "flags": []}
        )
        out.mkdir(parents=True, exist_ok=True)
        samples.save(out / f"{source.name}.h5")
        summary = samples.derived().summary()
        flags = ("misspecified", "residuals") if source.name == "c" else ("misspecified",)
        return ItemResult(
            source.path, "done", summary, flags=flags, seconds=60.0, posterior=str(out / f"{source.name}.h5")
        )

    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", fit)
    return asked


def benchmark(folder, estimator, *words):
    said = [
        "benchmark",
        str(folder / "configs" / "q1.yaml"),
        "--out",
        str(folder / "out"),
        "--set",
        f"estimator={estimator}",
    ]
    return RUNNER.invoke(app, [*said, *words])


def table(path):
    with path.open() as file:
        return {line["id"]: line for line in csv.DictReader(file)}


def test_network_and_fit_beside_the_published_values(folder, estimator, fits):
    done = benchmark(folder, estimator, "--json")
    assert done.exit_code == 3, done.output
    assert sorted(fits) == list(NAMES)
    told = json.loads(done.stdout)
    assert [item["id"] for item in told["items"]] == ["b", "a", "c"], "in the order of the table"
    lenses = table(folder / "out" / "lenses.csv")
    assert float(lenses["b"]["fit_radius"]) == pytest.approx(0.9, abs=0.005)
    assert float(lenses["b"]["radius"]) == pytest.approx(0.85 * np.sqrt(1 - 0.06**2 - 0.19**2), rel=1e-4)
    assert float(lenses["a"]["network_effective_radius"]) > 0
    assert lenses["a"]["network_radius"] == lenses["a"]["network_effective_radius"]
    assert (lenses["a"]["fit_radius"], lenses["a"]["fit_flagged"]) == ("", "True")
    assert lenses["a"]["fit_status"].startswith(Status.NO_ARCS.value)
    assert (lenses["b"]["fit_flags"], lenses["b"]["fit_flagged"]) == ("", "False"), (
        "the fit was made without the network"
    )
    assert (lenses["c"]["fit_flags"], lenses["c"]["fit_seconds"]) == ("residuals", "60")
    posterior = load_samples(folder / "out" / "catalogue" / "lenses" / "b.h5")
    low, high = np.quantile(posterior.column("einstein_radius"), (0.16, 0.84))
    assert float(lenses["b"]["fit_radius_error"]) == pytest.approx((high - low) / 2, rel=0.02)


def test_the_files(folder, estimator, fits):
    benchmark(folder, estimator)
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == {
        "catalogue", "lenses.csv", "summary.csv", "table.md", "comparison.png", "config.yaml"
    }  # fmt: skip
    text = (out / "table.md").read_text()
    assert "a referee, not the truth" in text
    assert "lenssbi benchmark" in text
    assert "**no published fit: 1**" in text
    assert yaml.safe_load((out / "config.yaml").read_text())["methods"] == ["network", "fit"]
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "catalogue" / "catalogue.ecsv").exists(), "so that `lenssbi report` can show the stamps"


def test_a_second_run_asks_and_fits_nothing_twice(folder, estimator, fits, monkeypatch):
    first = benchmark(folder, estimator, "--json")
    fits.clear()
    monkeypatch.setattr("lenssbi.pipelines.catalogue.ask.answers", lambda *_: pytest.fail("asked again"))
    again = benchmark(folder, estimator, "--json")
    assert fits == ["a"], "the one that failed is tried again"
    assert json.loads(again.stdout)["items"] == json.loads(first.stdout)["items"]


def test_the_network_alone_fits_nothing(folder, estimator, fits):
    done = benchmark(folder, estimator, "--set", "methods=[network]", "--json")
    assert done.exit_code == 0, done.output
    assert fits == []
    assert not any(name.startswith("fit_") for name in json.loads(done.stdout)["items"][0])


def test_the_fit_alone_is_compared_alone(folder, estimator, fits):
    done = benchmark(folder, estimator, "--set", "methods=[fit]", "--count", "1", "--json")
    assert done.exit_code == 0, done.output
    assert fits == ["b"]
    assert {line["method"] for line in json.loads(done.stdout)["table"]} == {"fit"}


def test_a_stamp_that_cannot_be_read_is_a_row(folder, estimator):
    (folder / "stamps" / "a.fits").write_bytes(b"no FITS file")
    done = benchmark(folder, estimator, "--set", "methods=[network]", "--json")
    assert done.exit_code == 3
    lenses = table(folder / "out" / "lenses.csv")
    assert lenses["a"]["network_status"].startswith(Status.NOT_FITS.value)
    assert lenses["b"]["network_status"] == "done"


def test_for_people_the_tables_are_shown(folder, estimator):
    done = benchmark(folder, estimator, "--set", "methods=[network]")
    assert "one lens galaxy: 1" in done.stdout
    assert "a referee, not the truth" in done.stdout
    assert "table.md" in done.stdout


def test_paths_are_seen_from_the_working_directory_too(folder, estimator, monkeypatch):
    monkeypatch.chdir(folder)
    config = RealConfig(stamps="stamps", published="published.csv", estimator=str(estimator), methods=("network",))
    assert len(run(config, folder / "out", base=folder / "configs").stamps) == 3


def _no_stamp(folder):
    (folder / "stamps" / "a.fits").unlink()


def _no_row(folder):
    ring_file(folder / "stamps" / "stranger.fits")


def _another_table(folder):
    (folder / "published.csv").write_text("lens,radius\na,1.0\n")


def _no_folder(folder):
    (folder / "stamps").rename(folder / "elsewhere")


def _no_table(folder):
    (folder / "published.csv").unlink()


def _no_key(folder):
    text = (folder / "configs" / "q1.yaml").read_text()
    (folder / "configs" / "q1.yaml").write_text(text + "stamp: here\n")


WRONG = {
    "a missing stamp": (_no_stamp, "there is no stamp a.fits, which"),
    "an unknown id": (_no_row, "there is no row for the stamp"),
    "a table of another form": (_another_table, "not a table of published values"),
    "no folder": (_no_folder, "../stamps: there is no such file or folder, seen from"),
    "no table": (_no_table, "../published.csv: there is no such file or folder"),
    "an unknown key": (_no_key, "unknown key, did you mean stamps"),
}


@pytest.mark.parametrize(("damage", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_does_not_fit_is_one_sentence(folder, estimator, damage, said):
    damage(folder)
    done = benchmark(folder, estimator)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not (folder / "out").exists(), "refused before anything is made"


def test_the_two_kinds_of_benchmark_are_told_apart(folder, tmp_path):
    assert is_real(folder / "configs" / "q1.yaml")
    (tmp_path / "other.yaml").write_text("methods: {}\nsuites: {}\n")
    assert not is_real(tmp_path / "other.yaml")
    (tmp_path / "more.yaml").write_text("extends: configs/q1.yaml\nmethods: [network]\n")
    assert is_real(tmp_path / "more.yaml"), "what it extends counts"


def test_a_folder_that_cannot_be_written(folder, estimator):
    (folder / "file").write_text("")
    config = RealConfig(stamps=folder / "stamps", published=folder / "published.csv", estimator=str(estimator))
    with pytest.raises(InputError, match="cannot be written"):
        run(config, folder / "file" / "out")
