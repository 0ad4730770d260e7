"""HTML pages: single files that contain their figures and need no network.

A page is a Jinja2 template that extends `templates/page.html.j2` (title, contents, style). All values are escaped, an undefined name in a
template raises, and the policy of the page forbids a browser to load or to run anything. A template with a script fills the block
`policy` with the hash of the script (the filter `hashed`), which permits only this text, and passes data with the filter `tojson`, in
which HTML finds no markup.
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
    """A section of a page in the table of contents: the name for links, and the title."""

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
    """A PNG figure as a data URL.

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
    """Hash of an inline script for a Content-Security-Policy (W3C, CSP level 3, section 2.3.1)."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def write(text: str, path: Path) -> Path:
    """Write the text of a page, completely or not at all, and return the path.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    with atomic(path) as temporary:
        # the name of a file may contain invalid characters
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return path
