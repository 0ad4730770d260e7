"""Links of a page, which are restricted to files in the catalogue's folder.

A catalogue may come from others. The path of a posterior or a figure in it becomes a link only if it is below the folder of the
catalogue: no absolute path, no `..`, no drive, no scheme. Every part is percent-encoded (RFC 3986, section 2.1), including colons, so
that no part can be a scheme, a query or a fragment.
"""

from __future__ import annotations

from urllib.parse import quote


def link(path: str, prefix: str | None = "") -> str | None:
    """The address of a file of the catalogue, relative to the page; None if there is no file or no link.

    Parameters
    ----------
    path
        Path relative to the catalogue's folder, with forward slashes.
    prefix
        Relative path from the page to that folder; None for no links.

    Examples
    --------
    >>> link("lenses/lens 1.h5"), link("javascript:alert(1)"), link("../x.h5"), link("x.h5", "run")
    ('lenses/lens%201.h5', 'javascript%3Aalert%281%29', None, 'run/x.h5')
    """
    if not path or prefix is None or path.startswith("/") or "\\" in path or not path.isprintable():
        return None
    parts = [part for part in (*prefix.split("/"), *path.split("/")) if part not in ("", ".")]
    if not parts or ".." in parts:
        return None
    return "/".join(quote(part, safe="", errors="replace") for part in parts)
