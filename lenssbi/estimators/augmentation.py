"""The eight symmetries of the square, applied to stamps and to what they show.

A turn of the sky by an angle a takes theta to exp(i a) theta, so it leaves the Einstein radius and the slope alone and turns a
spin-2 quantity twice as far: e -> exp(2 i a) e, hence a quarter turn changes the sign of e1 and of e2. Mirroring x,
theta -> -conj(theta), takes an orientation phi to pi - phi: e -> conj(e), the sign of e2 changes.

Rows of an image run bottom to top and columns left to right, so an anticlockwise quarter turn is the *clockwise*
`rot90` of the array as it is printed, row 0 on top.
"""

import torch
from torch import Tensor

SPIN_TWO = (("e1", "e2"), ("shear1", "shear2"))
VECTORS = (("centre_x", "centre_y"),)


def turn(images: Tensor, quarters: int, mirrored: bool) -> Tensor:
    """Mirror x of images (..., y, x) if asked, then turn them anticlockwise by so many quarter turns."""
    if mirrored:
        images = images.flip(-1)
    return torch.rot90(images, -quarters, dims=(-2, -1))


def signs(names: tuple[str, ...], quarters: int, mirrored: bool) -> Tensor:
    """Factors, shape (parameter,), that `turn` puts on each parameter's value.

    Raises
    ------
    ValueError
        For a parameter that is a component of a vector, which a turn mixes with the other component.
    """
    vectors = [name for pair in VECTORS for name in pair if name in names]
    if vectors:
        raise ValueError(f"a turned stamp mixes {' and '.join(vectors)}: set augment to false for them")
    factors = torch.ones(len(names))
    for first, second in SPIN_TWO:
        for name in {first, second} & set(names):
            quarter = -1.0 if quarters % 2 else 1.0
            factors[names.index(name)] = quarter * (-1.0 if mirrored and name == second else 1.0)
    return factors


def augment(
    images: Tensor, targets: Tensor, names: tuple[str, ...], middle: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Give each stamp of a batch one of the eight symmetries at random.

    Parameters
    ----------
    images
        Prepared images, shape (batch, 1, n, n).
    targets
        Targets, shape (batch, parameter).
    names
        Of the parameters.
    middle
        The target of the physical value 0, shape (parameter,): the sign changes about it.
    generator
        Source of randomness, on the CPU.

    Returns
    -------
    Images and targets, new tensors of the same shapes.
    """
    chosen = torch.randint(8, (len(images),), generator=generator)
    images, targets = images.clone(), targets.clone()
    for symmetry in range(1, 8):
        rows = (chosen == symmetry).nonzero().squeeze(1).to(images.device)
        quarters, mirrored = symmetry % 4, symmetry >= 4
        factors = signs(names, quarters, mirrored).to(targets)
        images[rows] = turn(images[rows], quarters, mirrored)
        targets[rows] = torch.where(factors < 0, 2 * middle.to(targets) - targets[rows], targets[rows])
    return images, targets
