"""Docstrings are read as Markdown: what Sphinx calls roles becomes code, and so does `ratios[j][i]`, which looks like a link."""

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:py:)?(?:func|class|mod|meth|attr|data|exc|obj):`~?([^`]+)`")
DOUBLE = re.compile(r"``([^`\n]+)``")
INDEXED = re.compile(r"(?<![`\w])(\w+\[\w+\]\[\w+\])(?!`)")


class Roles(griffe.Extension):
    """Rewrites every docstring that was read."""

    def on_instance(self, *, node: Any, obj: griffe.Object, agent: Any, **kwargs: Any) -> None:
        """Called for each module, class, function and attribute."""
        if obj.docstring is not None:
            for pattern in (ROLE, DOUBLE, INDEXED):
                obj.docstring.value = pattern.sub(r"`\1`", obj.docstring.value)
