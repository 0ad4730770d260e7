"""Every file in configs/ is what its folder says."""

from pathlib import Path

import pytest

from lenssbi.batch import ClusterConfig
from lenssbi.config import load_config
from lenssbi.estimators.plan import TrainConfig
from lenssbi.instrument import Camera
from lenssbi.pipelines.benchmark.config import BenchmarkConfig
from lenssbi.refinement.config import RefineConfig
from lenssbi.rendering.simulation import SimulateConfig

CONFIGS = Path(__file__).parent.parent / "configs"
KINDS = {
    "cluster": ClusterConfig,
    "instrument": Camera,
    "populations": SimulateConfig,
    "estimator": TrainConfig,
    "runs": TrainConfig,
    "refinement": RefineConfig,
}
BENCHMARKS = {f"runs/{name}.yaml" for name in ("estimators", "refinement", "model_error", "paper")}
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_configuration_loads(path):
    name = path.relative_to(CONFIGS)
    load_config(path, BenchmarkConfig if name.as_posix() in BENCHMARKS else KINDS[name.parts[0]])


def test_there_are_configurations_of_every_kind():
    assert {path.relative_to(CONFIGS).parts[0] for path in FILES} == set(KINDS)
