"""Every file in configs/ is what its folder says."""

from pathlib import Path

import pytest

from lenssbi.batch import ClusterConfig
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.real.config import RealConfig, is_real
from lenssbi.config import load_config
from lenssbi.estimators.plan import TrainConfig
from lenssbi.instrument import Camera
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
BENCHMARKS = {
    f"runs/{name}.yaml" for name in ("estimators", "observed", "observed_fits", "refinement", "model_error", "paper")
}
REAL = {"runs/euclid_q1.yaml"}
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_configuration_loads(path):
    name = path.relative_to(CONFIGS)
    special = dict.fromkeys(BENCHMARKS, BenchmarkConfig) | dict.fromkeys(REAL, RealConfig)
    load_config(path, special.get(name.as_posix(), KINDS[name.parts[0]]))
    assert is_real(path) == (name.as_posix() in REAL)


def test_there_are_configurations_of_every_kind():
    assert {path.relative_to(CONFIGS).parts[0] for path in FILES} == set(KINDS)


def test_the_defaults_are_written_out():
    import yaml

    written = yaml.safe_load((CONFIGS / "refinement" / "default.yaml").read_text())
    assert written == RefineConfig().model_dump(mode="json"), "configs/refinement/default.yaml says that it is complete"
