"""Where a page may lead: to files inside the catalogue's folder, and nowhere else.

A catalogue is a file that others may have written. What it gives as the path of a posterior or a figure becomes a link only if it stays
below the catalogue's folder: no absolute path, no `..`, no drive, no scheme. Every part is percent-encoded (RFC 3986, section 2.1), the
colon among what is, so that nothing in it reads as a scheme, a query or a fragment.
"""

from __future__ import annotations

from urllib.parse import quote


def link(path: str, prefix: str | None = "") -> str | None:
    """The address of a file of the catalogue, relative to the page; None if there is no file or it is not to be linked.

    Parameters
    ----------
    path
        Path relative to the catalogue's folder, with forward slashes.
    prefix
        Relative path from the page to that folder; None if nothing is to be linked.

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
