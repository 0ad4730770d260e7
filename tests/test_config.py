"""YAML into typed configurations, and every mistake a sentence."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from lenssbi.config import Config, ConfigError, config_hash, dump_yaml, load_config


class Inner(Config):
    rate: float = 1e-3
    shape: tuple[int, int] = (2, 3)


class Outer(Config):
    train: Inner = Inner()
    name: str = "x"
    extra: Inner | None = None


def write(path, text):
    path.write_text(text)
    return path


def test_defaults_file_and_overrides_in_that_order(tmp_path):
    path = write(tmp_path / "a.yaml", "name: file\ntrain: {rate: 2e-3}\n")
    config = load_config(path, Outer, ["train.rate=3e-4", "train.shape=[5, 6]"])
    assert (config.name, config.train.rate, config.train.shape) == ("file", 3e-4, (5, 6))
    assert load_config(None, Outer) == Outer()


def test_extends_is_relative_and_merges_deeply(tmp_path):
    (tmp_path / "base").mkdir()
    write(tmp_path / "base" / "b.yaml", "name: base\ntrain: {rate: 0.5, shape: [7, 7]}\n")
    path = write(tmp_path / "a.yaml", "extends: base/b.yaml\ntrain: {rate: 0.25}\n")
    config = load_config(path, Outer)
    assert (config.name, config.train.rate, config.train.shape) == ("base", 0.25, (7, 7))


class Round(Config):
    kind: Literal["round"] = "round"
    radius: float = 1.0


class Square(Config):
    kind: Literal["square"] = "square"
    side: float = 2.0


class Drawing(Config):
    shape: Annotated[Round | Square, Field(discriminator="kind")] = Round()


def test_a_kind_that_is_left_out_is_the_defaults():
    assert load_config(None, Drawing, ["shape.radius=3"]).shape == Round(radius=3)
    assert load_config(None, Drawing, ["shape.kind=square", "shape.side=3"]).shape == Square(side=3)
    with pytest.raises(ConfigError, match=r"shape.*side: unknown key, did you mean"):
        load_config(None, Drawing, ["shape.side=3"])


def test_another_kind_takes_nothing_over(tmp_path):
    write(tmp_path / "round.yaml", "shape: {kind: round, radius: 3}\n")
    path = write(tmp_path / "square.yaml", "extends: round.yaml\nshape: {kind: square}\n")
    assert load_config(path, Drawing).shape == Square()
    again = write(tmp_path / "again.yaml", "extends: round.yaml\nshape: {kind: round}\n")
    assert load_config(again, Drawing).shape == Round(radius=3)


def test_what_is_dumped_loads_to_the_same(tmp_path):
    config = Outer(train=Inner(rate=0.1))
    path = write(tmp_path / "c.yaml", dump_yaml(config))
    assert load_config(path, Outer) == config
    assert config_hash(load_config(path, Outer)) == config_hash(config) != config_hash(Outer())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: {raet: 1}", ["train.raet", "unknown key", "rate"]),
        ("extra: {shap: [1, 2]}", ["extra.shap", "shape"]),
        ("nmae: y", ["nmae", "name"]),
        ("train: {rate: fast}", ["train.rate", "number", "fast"]),
        ("[1, 2]", ["mapping"]),
        ("a: [", ["not valid YAML", "line"]),
        ("extends: nowhere.yaml", ["nowhere.yaml", "cannot be read"]),
        ("extends: bad.yaml", ["circle"]),
    ],
)
def test_mistakes_name_the_file_and_the_remedy(tmp_path, text, words):
    path = write(tmp_path / "bad.yaml", text)
    with pytest.raises(ConfigError) as error:
        load_config(path, Outer)
    for word in [*words, ".yaml"]:
        assert word in str(error.value)


@pytest.mark.parametrize("item", ["train.rate", "=3", "name=[1"])
def test_bad_overrides(item):
    with pytest.raises(ConfigError, match="--set"):
        load_config(None, Outer, [item])
