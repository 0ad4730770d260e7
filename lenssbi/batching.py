"""Batches of objects: trees of frozen dataclasses with arrays that have the batch on their first axis.

A `LensSystem` of arrays of shape (n, 1, 1) is n systems; a number is shared by all of them. The functions below go through
dataclasses and tuples down to the arrays. A dataclass with arrays that are not all batched (a table that many systems share) has its own
methods `take_rows(index)`, `only_row()` and, as a class method, `join_rows(parts, counts)`, and its `structure` defines what it can be
joined with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
Leaf = (int, float, complex, str, bytes, type(None))


def take(tree: T, index: Any) -> T:
    """The items `index` (an integer array or a mask of the library of the arrays) of a batch, again as a batch."""
    if hasattr(tree, "take_rows"):
        return tree.take_rows(index)
    return map_tree(tree, lambda array: array[index], lambda node: take(node, index))


def item(tree: T, index: int) -> T:
    """Item `index` of a batch by itself, its numbers Python's."""
    return _only(take(tree, np.array([index])))


def _only(tree: T) -> T:
    """The one item of a batch of one."""
    if hasattr(tree, "only_row"):
        return tree.only_row()
    return map_tree(tree, lambda array: array[0].item() if array[0].size == 1 else array[0], _only)


def join(trees: Sequence[T], counts: Sequence[int]) -> T:
    """Batches of `counts` items, of one structure, one after the other.

    Raises
    ------
    ValueError
        If their structures differ.
    """
    first = trees[0]
    if len(trees) == 1:
        return first
    if any(type(tree) is not type(first) for tree in trees) and not all(_number_or_array(t) for t in trees):
        raise ValueError(
            f"batches of different structure cannot be joined: {sorted({type(t).__name__ for t in trees})}"
        )
    if hasattr(first, "join_rows"):
        return type(first).join_rows(trees, counts)
    if isinstance(first, tuple):
        if len({len(tree) for tree in trees}) > 1:  # type: ignore[arg-type]
            raise ValueError("batches of different structure cannot be joined")
        return tuple(join(parts, counts) for parts in zip(*trees, strict=True))  # type: ignore[call-overload, return-value]
    if dataclasses.is_dataclass(first):
        names = [f.name for f in dataclasses.fields(first) if f.init]
        return _rebuild(first, {name: join([getattr(t, name) for t in trees], counts) for name in names})
    if all(isinstance(tree, Leaf) and tree == first for tree in trees):
        return first
    if not all(_number_or_array(tree) for tree in trees):
        raise ValueError("batches of different structure cannot be joined")
    full: list[Any] = [
        np.full((count, 1, 1), tree) if isinstance(tree, Leaf) else tree
        for tree, count in zip(trees, counts, strict=True)
    ]
    return np.concatenate(full)  # type: ignore[return-value]


def structure(tree: Any) -> Any:
    """Properties that batches must have in common to be joined: types, lengths, names; hashable."""
    if isinstance(tree, tuple):
        return tuple(structure(value) for value in tree)
    if hasattr(tree, "join_rows"):
        return type(tree), tree.structure
    if dataclasses.is_dataclass(tree):
        return type(tree), tuple(structure(getattr(tree, f.name)) for f in dataclasses.fields(tree) if f.init)
    return tree if isinstance(tree, str | bytes | type(None)) else "number"


def map_tree(tree: T, array: Callable[[Any], Any], node: Callable[[Any], Any] | None = None) -> T:
    """The tree with `array` applied to its arrays and, if given, `node` to the dataclasses and tuples directly below."""

    def descend(value: Any) -> Any:
        if isinstance(value, tuple) or dataclasses.is_dataclass(value):
            return node(value) if node is not None else map_tree(value, array)
        return value if isinstance(value, Leaf) else array(value)

    if isinstance(tree, tuple):
        return tuple(descend(value) for value in tree)  # type: ignore[return-value]
    if dataclasses.is_dataclass(tree):
        return _rebuild(tree, {f.name: descend(getattr(tree, f.name)) for f in dataclasses.fields(tree) if f.init})
    return descend(tree)


def _rebuild(tree: T, values: dict[str, Any]) -> T:
    """A dataclass with other values, without the checks of its constructor."""
    new = object.__new__(type(tree))
    for name, value in values.items():
        object.__setattr__(new, name, value)
    return new


def _number_or_array(value: Any) -> bool:
    return isinstance(value, int | float | complex) or hasattr(value, "shape")
