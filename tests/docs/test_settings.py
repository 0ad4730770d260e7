"""Every key that a page tells its reader to set exists, and takes that value."""

import re
from pathlib import Path

import pytest

from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.real.config import RealConfig
from lenssbi.config import ConfigError, load_config
from lenssbi.estimators.plan import TrainConfig
from lenssbi.pipelines.catalogue import CatalogueConfig
from lenssbi.refinement.config import RefineConfig
from lenssbi.rendering.simulation import SimulateConfig

ROOT = Path(__file__).parents[2]
CLASSES = {
    "catalogue": (CatalogueConfig,),
    "refine": (RefineConfig,),
    "demo": (RefineConfig,),
    "train": (TrainConfig,),
    "simulate": (SimulateConfig,),
    "benchmark": (BenchmarkConfig, RealConfig),
}
START = {
    TrainConfig: ROOT / "configs/estimator/tiny.yaml",
    SimulateConfig: ROOT / "configs/populations/training_sie.yaml",
}
START |= {BenchmarkConfig: ROOT / "configs/runs/estimators.yaml", RealConfig: ROOT / "configs/runs/euclid_q1.yaml"}
SETTING = re.compile(r"--set[ =]+[\"']?(?P<item>[\w.]+=(?:\[[^\]]*\]|\{[^}]*\}|[^\s`\"')]+))")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = [*PAGES, *sorted((ROOT / "configs").rglob("*.yaml")), *sorted((ROOT / "notebooks").glob("*.ipynb"))]


def settings():
    for page in SOURCES:
        text = re.sub(r"\\\n\s*", "", page.read_text())
        for number, line in enumerate(text.splitlines(), 1):
            verb = re.search(r"lenssbi (\w+)", line)
            for found in SETTING.finditer(line):
                yield page.relative_to(ROOT).as_posix(), number, verb and verb[1], found["item"]


FOUND = list(settings())


def takes(cls, item):
    try:
        load_config(START.get(cls), cls, [item])
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(("page", "number", "verb", "item"), FOUND)
def test_a_setting_is_taken(page, number, verb, item):
    classes = CLASSES.get(verb) or [cls for several in CLASSES.values() for cls in several]
    assert any(takes(cls, item) for cls in classes), f"{page}: --set {item} is refused"


def test_settings_are_found():
    assert len(FOUND) >= 5
    assert any(item == "mass.model=power_law" for _, _, _, item in FOUND)


def test_a_wrong_setting_is_seen():
    assert not takes(RefineConfig, "mass.model=elliptical")
    assert not takes(RefineConfig, "mass.modell=sie")


@pytest.mark.parametrize("model", ["power_law", "power-law"])
def test_the_power_law_has_one_name(model):
    """Folders of version 0.1 say it with a hyphen."""
    assert load_config(None, RefineConfig, [f"mass.model={model}"]).mass.model == "power_law"
    assert load_config(None, TrainConfig, ["parameters=power_law"]).parameters == "power_law"
