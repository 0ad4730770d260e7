"""Progress, results, errors and exit codes of every command.

Results go to stdout, everything else to stderr; with `--json` stdout holds exactly one JSON object. Exit codes:

    0  done
    1  a bug (with its traceback)
    2  bad input: one sentence, no traceback
    3  finished, but some items failed (their rows say why)
    130  interrupted
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO

import typer

from lenssbi.status import InputError

from .progress import Bar, Log, progress_on_stderr

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lenssbi.pipelines.catalogue.result import CatalogueResult
    from lenssbi.pipelines.cutout import CutoutResult
    from lenssbi.pipelines.export import ExportResult
    from lenssbi.pipelines.results import RunResult

BAD_INPUT, SOME_FAILED, INTERRUPTED = 2, 3, 130


class Screen:
    """Output of one command.

    Parameters
    ----------
    as_json
        Whether to print the result as JSON.
    quiet
        Whether to print nothing but errors and, with `as_json`, the object.
    stdout
        Stream of the results.
    """

    def __init__(self, as_json: bool, quiet: bool, stdout: TextIO) -> None:
        self.as_json, self.quiet, self.stdout = as_json, quiet, stdout
        self._progress: Bar | Log | None = None

    def progress(self, done: int, total: int, text: str) -> None:
        """Show that `done` of `total` items are finished; `text` describes the present step."""
        if self.quiet:
            return
        if self._progress is None:
            self._progress = progress_on_stderr()
        self._progress.show(done, total, text)

    def result(self, value: Mapping[str, Any], *renderables: "RenderableType") -> None:
        """Print the result: `value` as JSON for a program, or `renderables` for a reader."""
        self.stop()
        if self.as_json:
            print(json.dumps(_plain(value), allow_nan=False), file=self.stdout, flush=True)
        elif not self.quiet:
            from rich.console import Console

            console = Console(file=self.stdout)
            if not console.is_terminal:  # a file or a pipe has no width
                console = Console(file=self.stdout, width=160)
            for renderable in renderables:
                # text is never wrapped, so that paths can be copied
                console.print(renderable, soft_wrap=isinstance(renderable, str), highlight=False)

    def finish(self, run: "RunResult | CatalogueResult") -> None:
        """Print the result of a run over stamps, and exit with code 3 if an item failed."""
        from .tables import run_table

        where = f"in {run.path}" if run.path else ""
        line = f"{run.count - run.failed:,} of {run.count:,} stamps done in {run.seconds:.1f} s {where}".strip()
        self.result(run.as_json(), run_table(run), line)
        self.leave(run)

    def leave(self, run: "RunResult | CatalogueResult | CutoutResult | ExportResult") -> None:
        """Exit with code 3 if an item failed."""
        if run.failed:
            raise typer.Exit(SOME_FAILED)

    def stop(self) -> None:
        """Remove the progress display."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


@contextmanager
def command(as_json: bool = False, quiet: bool = False) -> Iterator[Screen]:
    """Provide the screen of a command, and turn errors of its body into exit codes."""
    screen = Screen(as_json, quiet, sys.stdout)
    try:
        with redirect_stdout(sys.stderr):  # output of libraries must not mix with the JSON
            yield screen
    except _mistakes() as error:
        screen.stop()
        print(f"lenssbi: {error}", file=sys.stderr)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        screen.stop()
        print("lenssbi: interrupted: run the same command again to continue", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        screen.stop()


def _mistakes() -> tuple[type[Exception], ...]:
    """Exceptions for mistakes of the user; imported only after an error, so that `--help` does not wait for pydantic."""
    from lenssbi.config import ConfigError

    return InputError, ConfigError


def _plain(value: Any) -> Any:
    """`value` in the types of JSON: arrays and tuples become lists, paths text, and non-finite numbers null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str | bool | int) or value is None:
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
