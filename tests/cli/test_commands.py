"""What every command promises: help at once, one sentence and exit code 2 for a mistake, one JSON object on stdout."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from lenssbi.config import ConfigError
from lenssbi.pipelines.results import ItemResult, RunResult
from lenssbi.posteriors import Summary
from lenssbi.status import InputError, ItemError, Status
from lenssbi_cli.console import command
from lenssbi_cli.main import COMMANDS, PANELS, app

RUNNER = CliRunner()
ROOT = Path(__file__).parents[2]
NAMES = list(COMMANDS)


def run(*arguments):
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def check_refused(result, *words):
    """Exit code 2, nothing on stdout, one line on stderr that says what is wrong."""
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0]


def test_the_program_introduces_itself():
    result = run("--help")
    assert result.exit_code == 0
    for name in NAMES:
        assert name in result.stdout
    assert run("--version").stdout.startswith("lenssbi 0.")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_and_json(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout
    assert "--quiet" in result.stdout
    example, _, keys = " ".join(result.stdout.rpartition("Example: lenssbi ")[2].split()).partition(
        "Keys of the YAML file:"
    )
    assert example.split()[0] == name
    for word in example.split():
        assert not word.startswith("--") or re.search(rf"{word}\b", result.stdout.rpartition("Example")[0])
    assert (("--config" in result.stdout) | ("YAML file" in result.stdout.partition("Keys")[0])) <= bool(keys)
    for path in re.findall(r"(?:docs|configs)/[\w/.]*\w", example + keys):
        assert (ROOT / path).exists()


def test_the_installed_program_runs():
    program = Path(sys.executable).with_name("lenssbi")
    assert subprocess.run([program, "--version"], capture_output=True, check=True).stdout.startswith(b"lenssbi")


def test_options_of_one_name_are_the_same_everywhere():
    """In name, type, default and help text; what a command writes or reads has a help of its own."""
    from typer.main import get_command

    own = {"--out", "--data", "--json", "--count", "--repeat", "--limit", "--noise", "--psf", "--prior"}
    known = {}
    for name, verb in get_command(app).commands.items():
        for option in verb.params:
            if option.param_type_name == "option" and option.opts[0] not in own:
                said = (
                    option.opts,
                    str(option.type_descriptor.annotation),
                    option.default,
                    option.help,
                    option.multiple,
                )
                first = known.setdefault(option.opts[0], (name, said))
                assert said == first[1], f"{option.opts[0]} of {name} and {first[0]}"
    assert {"--seed", "--workers", "--config", "--set", "--estimator", "--quiet"} <= known.keys()


def test_the_help_groups_the_commands_by_task():
    shown = run("--help").stdout
    places = [shown.index(f" {panel} ") for panel in PANELS]
    assert places == sorted(places)
    for name in NAMES:
        assert re.search(rf"^│ {name} ", shown, re.MULTILINE), name


class TestBadInput:
    def test_unknown_key_names_the_nearest(self, tmp_path):
        config = tmp_path / "run.yaml"
        config.write_text("instrument:\n  psf_fwmh: 0.2\n")
        result = run("simulate", config, "--out", tmp_path / "set.h5")
        check_refused(result, "run.yaml", "psf_fwmh", "did you mean psf_fwhm?")

    def test_value_out_of_range(self, tmp_path):
        out = tmp_path / "set.h5"
        check_refused(run("simulate", "--out", out, "--set", "instrument.psf_fwhm=-1"), "psf_fwhm", "greater than 0")
        assert not out.exists()

    def test_set_without_a_value(self, tmp_path):
        check_refused(run("simulate", "--out", tmp_path / "set.h5", "--set", "seed"), "--set seed", "key.subkey=value")

    def test_missing_config(self, tmp_path):
        check_refused(run("simulate", tmp_path / "no.yaml", "--out", tmp_path / "set.h5"), "no.yaml")

    def test_unknown_choice_is_refused_by_the_parser(self, tmp_path):
        result = run("refine", "a.fits", "--out", tmp_path, "--prior", "flat")
        assert result.exit_code == 2
        assert "cnn-gaussian" in result.stderr

    def test_a_stamp_that_shows_no_lens_galaxy(self, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr("lenssbi.pipelines.refine.run", lambda *_, config, **__: asked.append(config) or 1 / 0)
        run("refine", "a.fits", "--out", tmp_path, "--lens-light", "none")
        run("refine", "a.fits", "--out", tmp_path)
        assert [config.lens_light for config in asked] == ["none", "auto"]
        assert "auto" in run("refine", "a.fits", "--out", tmp_path, "--lens-light", "some").stderr

    def test_what_the_user_knows_of_a_lens(self, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr("lenssbi.pipelines.refine.run", lambda *_, config, **__: asked.append(config) or 1 / 0)
        known = ("--fix", "centre_x=0", "--fix", "centre_y=-0.05", "--gaussian", "einstein_radius=1.2,5e-2")
        run("refine", "a.fits", "--out", tmp_path, *known)
        expected = {"centre_x": (0.0, 0.0), "centre_y": (-0.05, 0.0), "einstein_radius": (1.2, 0.05)}
        assert asked[0].prior.gaussian == expected

    @pytest.mark.parametrize(
        ("option", "said", "words"),
        [
            ("--fix", "centre=0", ("centre", "einstein_radius")),
            ("--fix", "centre_x", ("NAME=VALUE",)),
            ("--fix", "centre_x=left", ("NAME=VALUE",)),
            ("--fix", "a.b=1", ("NAME=VALUE",)),
            ("--fix", "centre_x=nan", ("finite",)),
            ("--fix", "einstein_radius=9", ("between 0.2 and 3.2",)),
            ("--gaussian", "einstein_radius=1.2", ("NAME=MEAN,SIGMA",)),
            ("--gaussian", "einstein_radius=1.2,0", ("--fix",)),
        ],
    )
    def test_what_cannot_be_known_of_a_lens(self, option, said, words, tmp_path):
        check_refused(run("refine", "a.fits", "--out", tmp_path / "out", option, said), *words)

    def test_what_is_known_of_all_lenses_of_a_catalogue(self, tmp_path, monkeypatch):
        """The options of a fit mean in a catalogue what they mean in `refine`."""
        asked = []
        monkeypatch.setattr("lenssbi.pipelines.catalogue.run", lambda *_, config, **__: asked.append(config) or 1 / 0)
        known = ("--fix", "shear1=0", "--gaussian", "shear2=0,0.02", "--model-error", "ellipticity=0.03", "--seed", 4)
        run("catalogue", "a.fits", "--out", tmp_path, *known, "--lens-light", "none", "--set", "fit.mesh.pixels=100")
        (config,) = asked
        assert config.fit.prior.gaussian == {"shear1": (0.0, 0.0), "shear2": (0.0, 0.02)}
        assert (config.fit.model_error.ellipticity, config.fit.lens_light) == (0.03, "none")
        assert (config.fit.mesh.pixels, config.seed) == (100, 4)

    @pytest.mark.parametrize("verb", ["refine", "catalogue"])
    def test_no_folder_to_write_to(self, verb):
        check_refused(run(verb, "a.fits"), "--out")

    @pytest.mark.parametrize("verb", ["refine", "catalogue"])
    def test_missing_input(self, verb, tmp_path):
        refused = run(
            verb, tmp_path / "no.fits", "--out", tmp_path / "out", *(["--prior", "blind"] * (verb == "refine"))
        )
        check_refused(refused, "no.fits")

    def test_missing_estimator(self, tmp_path):
        (tmp_path / "a.fits").touch()
        check_refused(run("predict", tmp_path / "a.fits", "--estimator", tmp_path / "none"), "none")

    def test_missing_set(self, tmp_path):
        missing = tmp_path / "no.h5"
        check_refused(run("train", "--data", missing, "--out", tmp_path / "run"), "no.h5")
        check_refused(run("calibrate", tmp_path / "run", "--data", missing), "run")

    def test_checking_what_nobody_writes(self, tmp_path):
        (tmp_path / "notes.txt").write_text("hello")
        check_refused(run("check", tmp_path / "notes.txt"), "notes.txt", "give")
        check_refused(run("check", tmp_path / "nothing.h5"), "there is no such file")

    def test_checking_a_broken_set(self, tmp_path):
        (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n cut short")
        check_refused(run("check", tmp_path / "broken.h5"), "broken.h5", "again")


class TestScreen:
    """The console's promises, on commands that do nothing else."""

    @staticmethod
    def invoke(body, *arguments):
        toy = typer.Typer(pretty_exceptions_enable=False)

        @toy.command()
        def verb(as_json: bool = False, quiet: bool = False) -> None:
            with command(as_json, quiet) as screen:
                body(screen)

        return RUNNER.invoke(toy, list(arguments))

    def test_stdout_is_one_object(self):
        def body(screen):
            print("a library chats")
            screen.progress(1, 2, "working")
            screen.result({"values": np.array([1.5, np.nan]), "path": Path("a"), "levels": (1, 2)}, "not for programs")

        result = self.invoke(body, "--as-json")
        assert json.loads(result.stdout) == {"values": [1.5, None], "path": "a", "levels": [1, 2]}
        assert "a library chats" in result.stderr
        assert "working" in result.stderr

    def test_quiet_is_quiet(self):
        def body(screen):
            screen.progress(1, 2, "working")
            screen.result({}, "a table")

        result = self.invoke(body, "--quiet")
        assert (result.stdout, result.stderr) == ("", "")

    @pytest.mark.parametrize(
        "error", [InputError("mend it"), ConfigError("mend it"), ItemError(Status.NO_PSF, "a.fits", "mend it")]
    )
    def test_a_mistake_is_one_sentence(self, error):
        def body(screen):
            raise error

        check_refused(self.invoke(body), "lenssbi:", "mend it")

    def test_a_bug_keeps_its_traceback(self):
        def body(screen):
            raise RuntimeError("a bug")

        result = self.invoke(body)
        assert result.exit_code == 1
        assert isinstance(result.exception, RuntimeError)

    def test_an_interrupt_says_how_to_go_on(self):
        def body(screen):
            raise KeyboardInterrupt

        result = self.invoke(body)
        assert result.exit_code == 130
        assert "run the same command again to continue" in result.stderr

    def test_failed_items_are_exit_code_3(self):
        good = ItemResult("a.fits", "done", {"q": Summary(0.8, 0.7, 0.9, 0.8, 0.1, "")}, truth={"q": 0.75})
        bad = ItemResult("b.fits", Status.NO_PSF.value)

        def body(screen):
            screen.finish(RunResult((good, bad), 1.0, {}, "out"))

        result = self.invoke(body)
        assert result.exit_code == 3
        assert "1 of 2 stamps done" in result.stdout
        assert "0.800 +0.100 -0.100" in result.stdout
        assert "the file has no PSF" in result.stdout
        assert len(json.loads(self.invoke(body, "--as-json").stdout)["items"]) == 2
