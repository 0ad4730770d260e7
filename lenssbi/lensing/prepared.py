"""Trees of dataclasses that are prepared for many evaluations.

A deflector or a light profile with much to compute before the first angle has a method `prepared()`, which returns the same object with
that work done. `prepared(tree)` calls it for everything in a tree.
"""

from __future__ import annotations

from typing import TypeVar

from lenssbi.batching import map_tree

T = TypeVar("T")


def prepared(tree: T) -> T:
    """The tree with everything in it prepared that can be; its results are the same, computed faster."""
    if hasattr(tree, "prepared"):
        return tree.prepared()
    return map_tree(tree, lambda array: array, prepared)
