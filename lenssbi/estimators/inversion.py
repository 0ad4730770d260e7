"""Draws from a flow in fewer steps: the inverse of a masked autoregressive transformation.

    x_i = f^-1(y_i; phi_i(x_before i, context))

Zuko inverts a transformation of k passes by k evaluations of its whole network with every output, since it starts without any x. But a
hidden unit depends on a few x only, those that its masks leave, and does not change once they are known. So it is computed once, in the
first pass that knows them, and those that depend on the context alone once for all draws. The result is that of
`zuko.transforms.AutoregressiveTransform` up to rounding (Papamakarios et al. 2017, section 3; Durkan et al. 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from zuko.flows import MaskedAutoregressiveTransform
from zuko.nn import MaskedLinear
from zuko.transforms import MonotonicRQSTransform
from zuko.utils import unpack

CHUNK = 16  # stamps processed at a time, so that their draws fit into a core's cache


class _Layer(NamedTuple):
    """A masked layer whose inputs and outputs are in the order of the passes that know them.

    `inputs[j]` and `outputs[j]` are the numbers of those that are known in pass j.
    """

    weight: Tensor
    bias: Tensor
    inputs: list[int]
    outputs: list[int]


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
    steps = [(module, _layers(module, context.shape[-1])) for module in reversed(transforms.transforms)]
    parts = zip(context.split(CHUNK), values.split(CHUNK, dim=1), strict=True)
    return torch.cat([_chunk(steps, *part) for part in parts], dim=1)


def _chunk(steps: Sequence[tuple[nn.Module, list[_Layer] | None]], context: Tensor, values: Tensor) -> Tensor:
    for module, layers in steps:
        values = module(context).inv(values) if layers is None else _inverse(module, layers, context, values)
    return values


def _inverse(module: Any, layers: list[_Layer], context: Tensor, values: Tensor) -> Tensor:
    fixed, state, activation = [], context, module.hyper[1]
    for layer in layers:  # what the context adds to every unit, and the units that need nothing else
        fixed.append(linear(state, layer.weight[:, : layer.inputs[0]], layer.bias))
        state = activation(fixed[-1][:, : layer.outputs[0]])
    places = module.order.argsort(stable=True)
    pending = values[..., places].split(module.order.bincount().tolist(), dim=-1)
    found = _univariate(module, fixed[-1][None, :, : layers[-1].outputs[0]], pending[0])
    known = [values[..., :0]] * (len(layers) - 1)  # units that depend on some x
    for step in range(1, module.passes):
        state = found
        for i, (layer, constant) in enumerate(zip(layers, fixed, strict=True)):
            rows = slice(layer.outputs[step - 1], layer.outputs[step])
            new = linear(state, layer.weight[rows, layer.inputs[0] : layer.inputs[step]]).add_(constant[:, rows])
            if layer is not layers[-1]:
                known[i] = state = torch.cat([known[i], activation(new)], dim=-1)
        found = torch.cat([found, _univariate(module, new, pending[step])], dim=-1)
    return found[..., places.argsort()]


def _layers(module: nn.Module, contexts: int) -> list[_Layer] | None:
    """The layers of a masked autoregressive transformation with so many contexts, None for another module."""
    if not isinstance(module, MaskedAutoregressiveTransform) or module.order is None:
        return None
    order, layers = module.order, []
    masked = [layer for layer in module.hyper if isinstance(layer, MaskedLinear)]
    passes = torch.arange(module.passes, device=order.device)[:, None]
    level = torch.cat([order + 1, order.new_zeros(contexts)])  # first pass that knows an input
    for layer in masked:
        last = layer is masked[-1]
        after = order.repeat_interleave(module.total) if last else (layer.mask * level).amax(dim=1)
        columns, rows = level.argsort(stable=True), after.argsort(stable=True)
        weight = (layer.mask * layer.weight)[rows][:, columns]
        inputs, outputs = ((one <= passes).sum(dim=1).tolist() for one in (level, after))
        layers.append(_Layer(weight, layer.bias[rows], inputs, outputs))
        level = after
    return layers


def _univariate(module: MaskedAutoregressiveTransform, phi: Tensor, values: Tensor) -> Tensor:
    """Inverse images of values (draw, batch, p) under transformations of parameters (draw or 1, batch, p * total)."""
    phi, kind = phi.unflatten(-1, (-1, module.total)), module.univariate
    splines = isinstance(kind, partial) and kind.func is MonotonicRQSTransform and set(kind.keywords) == {"slope"}
    if splines and phi.device.type == "cpu" and phi.dtype in (torch.float32, torch.float64) and not phi.requires_grad:
        from lenssbi.estimators.spline_inverse import invert_splines  # numba takes a second to import

        return invert_splines(phi, values, 5.0, kind.keywords["slope"])
    return kind(*unpack(phi, module.shapes)).inv(values)
