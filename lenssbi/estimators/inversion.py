"""Draws from a flow in fewer steps: the inverse of a masked autoregressive transformation.

    x_i = f^-1(y_i; phi_i(x_before i, context))

Zuko inverts a transformation of k passes by k evaluations of its whole network with every output, since it starts without any x. In
pass j only the dimensions of order j are new, so only their outputs and splines are computed; those of order 0 depend on the context
alone, so one evaluation serves all draws; and what the context adds to the first layer is computed once for each stamp. The result is
that of `zuko.transforms.AutoregressiveTransform` up to rounding (Papamakarios et al. 2017, section 3; Durkan et al. 2019).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from zuko.flows import MaskedAutoregressiveTransform
from zuko.utils import unpack


def inverse(flow: nn.Module, context: Tensor, values: Tensor) -> Tensor:
    """The inverse images of `values` under the transformation of a flow.

    Parameters
    ----------
    flow
        A `zuko.lazy.Flow` of masked autoregressive and unconditional transformations.
    context
        Contexts, shape (batch, k).
    values
        Values in the space of the base distribution, shape (draw, batch, p).

    Returns
    -------
    Values in the space of the data, shape (draw, batch, p).
    """
    transforms: Any = flow.transform
    for module in reversed(transforms.transforms):
        if isinstance(module, MaskedAutoregressiveTransform) and module.order is not None:
            values = _inverse(module, context, values)
        else:
            values = module(context).inv(values)
    return values


def _inverse(module: MaskedAutoregressiveTransform, context: Tensor, values: Tensor) -> Tensor:
    first, *hidden, last = module.hyper
    count, order = values.shape[-1], module.order.tolist()
    entry = first.mask * first.weight
    of_context = linear(context, entry[:, count:], first.bias)
    rows = (last.mask * last.weight).unflatten(0, (count, module.total))
    biases = last.bias.unflatten(0, (count, module.total))
    found = torch.empty_like(values)
    for step in range(module.passes):
        before, here = ([i for i, place in enumerate(order) if wanted(place)] for wanted in (step.__gt__, step.__eq__))
        state = of_context + linear(found[..., before], entry[:, before]) if before else of_context
        for layer in hidden:
            state = layer(state)
        phi = linear(state, rows[here].flatten(0, 1), biases[here].flatten()).unflatten(-1, (len(here), module.total))
        transform = module.univariate(*unpack(phi, module.shapes))
        found[..., here] = transform.inv(values[..., here])
    return found
