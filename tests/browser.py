"""A real browser for the tests of pages: headless, without a network, and strict about what a page does in it.

The browser is the program that the environment variable LENSSBI_BROWSER names, or the first of `PROGRAMS` on the path, or the one that
playwright installed. Where there is none the tests are skipped, but not in continuous integration (the variable CI): there they fail.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING = "no browser: install chromium, or name one with LENSSBI_BROWSER"
TIMEOUT = 20_000  # ms that the browser may take for one thing, on a busy machine
# root has no sandbox; the rest is for machines without a GPU and with little shared memory
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@dataclass
class Watched:
    """A page of a browser, and what it did that a page of ours must not do.

    Parameters
    ----------
    page
        Playwright's.
    errors
        Messages of the console that are errors or warnings, and errors that no script caught.
    dialogs
        Texts of alerts and the like.
    requests
        Addresses that it asked for, but for files given to `open` and data that are in the page.
    """

    page: "Page"
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def open(self, path: Path) -> "Page":
        """Open a file."""
        self.opened.append(path.absolute().as_uri())
        self.page.goto(self.opened[-1])
        return self.page

    def assert_quiet(self) -> None:
        """Fail where the page complained, opened a dialog, or asked for anything that is not in it."""
        assert self.errors == []
        assert self.dialogs == []
        assert [address for address in self.requests if address not in self.opened] == []

    def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _request(self, request) -> None:
        if not request.url.startswith("data:"):
            self.requests.append(request.url)


@contextmanager
def browser() -> Iterator["Browser"]:
    """Start the browser; skip where there is none, or fail in continuous integration."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    with sync_playwright() as playwright:
        program = _program() or playwright.chromium.executable_path
        if not Path(program).exists():
            _missing(MISSING)
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@contextmanager
def watched(started: "Browser", width: int = 1400, height: int = 900, scripts: bool = True) -> Iterator[Watched]:
    """A new page of `width` by `height` pixels whose every misdeed is noted."""
    context = started.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=scripts, offline=True
    )
    context.set_default_timeout(TIMEOUT)
    found = Watched(context.new_page())
    found.page.on("dialog", found._dialog)
    found.page.on("request", found._request)
    found.page.on("pageerror", lambda error: found.errors.append(str(error)))
    found.page.on("console", lambda said: found.errors.append(said.text) if said.type in ("error", "warning") else None)
    yield found
    context.close()


def wait_until(page: "Page", expression: str) -> None:
    """Ask until an expression of the page is true.

    Playwright's `wait_for_function` evaluates a string within the page once the first answer was no, which a page whose
    Content-Security-Policy has no 'unsafe-eval' refuses; asked from outside, as here, it may.
    """
    end = time.monotonic() + TIMEOUT / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {TIMEOUT / 1000:g} s: {expression}"
        page.wait_for_timeout(20)


def _program() -> str | None:
    named = os.environ.get("LENSSBI_BROWSER")
    return named or next(filter(None, map(shutil.which, PROGRAMS)), None)


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
