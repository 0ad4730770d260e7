"""The eight symmetries of the square, applied to stamps and to what they show.

A turn of the sky by an angle a takes theta to exp(i a) theta. The Einstein radius and the slope stay; a vector turns with the sky
and a spin-2 quantity twice as far, v -> exp(i spin a) v. Mirroring x, theta -> -conj(theta), takes an angle phi to pi - phi, so
v -> (-1)^spin conj(v). A quarter turn therefore takes a centre (x, y) to (-y, x) and e to -e.

Symmetry k mirrors if k >= 4, then turns anticlockwise by k mod 4 quarters; 0 changes nothing. Rows of an image run bottom to top
and columns left to right, so an anticlockwise quarter turn is the *clockwise* `rot90` of the array as it is printed, row 0 on top.
"""

import numpy as np
import torch
from torch import Tensor

from lenssbi.parameters import ParameterSpace

SYMMETRIES = 8
PAIRS = ((("e1", "e2"), 2), (("shear1", "shear2"), 2), (("centre_x", "centre_y"), 1))
"""The components of a complex quantity, and its spin."""


def middle_of(space: ParameterSpace) -> Tensor:
    """The target of the physical value 0 of each parameter, about which signs change; shape (parameter,)."""
    return torch.as_tensor(space.to_targets(np.zeros(len(space))), dtype=torch.float32)


def turn_images(images: Tensor, symmetry: int) -> Tensor:
    """Images of shape (..., n, n) under one of the symmetries 0-7."""
    if symmetry >= 4:
        images = images.flip(-1)
    return torch.rot90(images, -(symmetry % 4), dims=(-2, -1))


def turn_targets(targets: Tensor, names: tuple[str, ...], middle: Tensor, symmetry: int) -> Tensor:
    """What the images of `turn_images` show.

    Parameters
    ----------
    targets
        Targets, shape (..., parameter); both components of a vector have the same scale.
    names
        Names of the parameters.
    middle
        Target of the physical value 0, shape (parameter,); the symmetries change signs about it.
    symmetry
        Number of the symmetry, 0 to 7.

    Returns
    -------
    Targets, a new tensor of the same shape.

    Raises
    ------
    ValueError
        If there is one component of a vector without the other, with which a quarter turn mixes it.
    """
    sources, signs = _moves(names, symmetry)
    moved = targets[..., sources]
    negative = torch.tensor(signs, device=targets.device) < 0
    return torch.where(negative, 2 * middle.to(targets) - moved, moved)


def _moves(names: tuple[str, ...], symmetry: int) -> tuple[list[int], list[int]]:
    """For each parameter, the index of the parameter that it takes its value from, and the sign."""
    sources, signs = list(range(len(names))), [1] * len(names)
    for pair, spin in PAIRS:
        mirror = (-1) ** spin if symmetry >= 4 else 1
        turn = 1j ** (spin * (symmetry % 4))
        first, second = mirror * turn, (-mirror if symmetry >= 4 else 1) * 1j * turn  # images of 1 and i
        mixed = first.real == 0
        for k, name in enumerate(pair):
            if name not in names:
                continue
            partner = pair[k ^ mixed]
            if partner not in names:
                raise ValueError(f"a turned stamp mixes {' and '.join(pair)}: give both, or set augment to false")
            value = (first, second)[k ^ mixed]
            sources[names.index(name)] = names.index(partner)
            signs[names.index(name)] = int(value.imag if k else value.real)
    return sources, signs


def augment(
    images: Tensor, targets: Tensor, names: tuple[str, ...], middle: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Give each stamp of a batch one of the eight symmetries at random.

    Parameters
    ----------
    images
        Prepared images, shape (batch, 1, n, n).
    targets, names, middle
        Targets, names and the target of 0, as for `turn_targets`; shape (batch, parameter).
    generator
        Random number generator, on the CPU.

    Returns
    -------
    Images and targets, new tensors of the same shapes.
    """
    chosen = torch.randint(SYMMETRIES, (len(images),), generator=generator)
    images, targets = images.clone(), targets.clone()
    for symmetry in range(1, SYMMETRIES):
        rows = (chosen == symmetry).nonzero().squeeze(1).to(images.device)
        images[rows] = turn_images(images[rows], symmetry)
        targets[rows] = turn_targets(targets[rows], names, middle, symmetry)
    return images, targets
