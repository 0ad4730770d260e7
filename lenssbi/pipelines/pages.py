"""Pages for people: one HTML file with its figures in it, which needs no network and runs nothing but what it names.

A page is a Jinja2 template that extends `templates/page.html.j2` (title, contents, look). Values are escaped wherever they come from, a
name that a template misspells raises, and the page's own policy forbids a browser to load or to run anything. A template that has a script
fills the block `policy` with the script's hash (the filter `hashed`), which lets the browser run that text and no other, and hands it data
with the filter `tojson`, which leaves nothing in them that HTML reads as markup.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from lenssbi.files import atomic
from lenssbi.status import InputError

TEMPLATES = Path(__file__).parent / "templates"


class Section(NamedTuple):
    """A part of a page that its contents list: the name that links lead to, and the title."""

    name: str
    title: str


def render(folder: Path, template: str, **values: Any) -> str:
    """Fill a template.

    Parameters
    ----------
    folder
        Folder of the template; the templates of `TEMPLATES` can be used in it too.
    template
        Name of the template's file.
    values
        Values of the template's variables; text among them is escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"inlined": inlined, "hashed": hashed}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment.get_template(template).render(**values)


def inlined(path: Path) -> str:
    """A PNG figure as the address of an image that is in the page itself.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): run the same command again") from error
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def hashed(script: str) -> str:
    """The source that a Content-Security-Policy allows one inline script by (W3C, CSP level 3, section 2.3.1)."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def write(text: str, path: Path) -> Path:
    """Write the text of a page, whole or not at all, and return the path.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    with atomic(path) as temporary:
        # a file's name may hold what is no character
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return path
