"""Every file in configs/ is what its folder says."""

from pathlib import Path

import pytest

from lenssbi.config import load_config
from lenssbi.estimators.plan import TrainConfig
from lenssbi.instrument import Camera
from lenssbi.pipelines.benchmark.config import BenchmarkConfig
from lenssbi.refinement.config import RefineConfig
from lenssbi.rendering.simulation import SimulateConfig

CONFIGS = Path(__file__).parent.parent / "configs"
KINDS = {
    "instrument": Camera,
    "populations": SimulateConfig,
    "estimator": TrainConfig,
    "runs": TrainConfig,
    "refinement": RefineConfig,
}
BENCHMARKS = {"estimators.yaml", "refinement.yaml", "model_error.yaml", "paper.yaml"}
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_configuration_loads(path):
    kind = BenchmarkConfig if path.name in BENCHMARKS else KINDS[path.relative_to(CONFIGS).parts[0]]
    load_config(path, kind)


def test_there_are_configurations_of_every_kind():
    assert {path.relative_to(CONFIGS).parts[0] for path in FILES} == set(KINDS)
