"""A training that was killed ends as one that was not."""

import random
import time
from multiprocessing import get_context

from lenssbi.estimators.metrics import FILE as METRICS
from lenssbi.estimators.state import load_state
from lenssbi.pipelines.train import run

EPOCHS = 12


def epochs(folder):
    """Epochs that the run in `folder` has written down."""
    path = folder / METRICS
    return len(path.read_text().splitlines()) - 1 if path.exists() else 0


def test_killed_at_random_and_continued_it_ends_with_the_same_bits(rings, tmp_path, plan):
    config, out = plan(max_epochs=EPOCHS), tmp_path / "killed"
    # forked, since torch, sbi and lightning take seconds to import
    process = get_context("fork").Process(target=run, args=(config, rings, out))
    process.start()
    wanted, deadline = random.randint(1, EPOCHS // 2), time.monotonic() + 120
    while epochs(out) < wanted and time.monotonic() < deadline:
        assert process.is_alive()
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.1))  # about an epoch: anywhere in it, also while a file is being written
    process.kill()
    process.join()
    assert wanted <= load_state(out).epoch < EPOCHS
    run(config, rings, out)
    run(config, rings, tmp_path / "whole")
    killed, whole = load_state(out), load_state(tmp_path / "whole")
    assert killed.losses == whole.losses
    assert killed.tensors.keys() == whole.tensors.keys()
    for name, tensor in whole.tensors.items():
        assert tensor.numpy().tobytes() == killed.tensors[name].numpy().tobytes(), name
    weights = [(folder / "weights.safetensors").read_bytes() for folder in (out, tmp_path / "whole")]
    assert weights[0] == weights[1]
