"""Draws in fewer steps against Zuko's own inverse, and against the transformation itself."""

import pytest
import torch

from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.flow import build_flow
from lenssbi.estimators.inversion import inverse
from lenssbi.estimators.network import NetworkConfig

LAYOUT = NetworkConfig(widths=(4, 8), blocks=(1, 1), squeeze=4, dense=16, dropout=0.0)


@pytest.fixture(params=[3, 7])
def flow(request):
    torch.manual_seed(1)
    config = DensityConfig(kind="nsf", transforms=3, hidden=16, bins=5, context=6)
    density = build_flow(config, LAYOUT, (16, 16), request.param)
    for weight in density.net.parameters():  # as after a training: far from the identity
        torch.nn.init.normal_(weight, std=0.4)
    return density.net.net.double()


def count_of(flow):
    return flow.transform.transforms[1].order.numel()


def test_it_is_zukos_inverse(flow):
    context = torch.randn(4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    normal = torch.randn(50, 4, count_of(flow), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        ours, theirs = inverse(flow, context, normal), flow(context).transform.inv(normal)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_transformation_takes_it_back(flow):
    context = torch.randn(4, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    normal = torch.randn(50, 4, count_of(flow), generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    with torch.no_grad():
        back = flow(context).transform(inverse(flow, context, normal))
    torch.testing.assert_close(back, normal, rtol=1e-7, atol=1e-7)
