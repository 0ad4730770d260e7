"""The README's example in Python runs as it stands, with a quick fit in the place of a good one."""

import re
from pathlib import Path

from lenssbi.config import load_config
from lenssbi.pipelines import refine, simulate
from lenssbi.posteriors import load_samples
from lenssbi.rendering.simulation import SimulateConfig

ROOT = Path(__file__).parents[2]
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
QUICK = {"mesh": {"pixels": 64}, "start": {"candidates": 64}, "sampler": {"max_evaluations": 150}}


def test_the_example_in_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    real = refine.refine_stamp

    def quick(stamp, config, **options):
        parts = {name: getattr(config, name).model_copy(update=values) for name, values in QUICK.items()}
        return real(stamp, config.model_copy(update=parts), **options)

    monkeypatch.setattr(refine, "refine_stamp", quick)
    population = ROOT / "configs/populations/euclid_vis_sie.yaml"
    simulate.run(load_config(population, SimulateConfig, ["rendering.engine=batched"]), Path("walk/test.h5"), 1, seed=2)
    exec(compile(EXAMPLE, "README.md", "exec"), {"__name__": "__main__"})
    told = capsys.readouterr().out
    written = {name for name in re.findall(r"walk/[\w.]+", EXAMPLE) if name != "walk/test.h5"}
    assert written
    for name in written:
        assert Path(name).stat().st_size > 0, name
    posterior = load_samples(next(name for name in written if name.endswith(".h5")))
    radius = posterior.summary()["einstein_radius"]
    assert f"{radius.median:.3f}" in told, "what it prints is what it saves"
