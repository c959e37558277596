"""The choice among strategies follows what the rewrites state of themselves."""

from __future__ import annotations

import pytest

from surgery.config.surgery import DEFAULT_OPSET, DcnConfig
from surgery.job.strategy import auto, choose, traits_by_strategy
from surgery.targets.registry import load_target


@pytest.mark.parametrize(
    ("target", "name"),
    [("onnxruntime", "native"), ("openvino", "decomposed"), ("portable", "distilled")],
)
def test_auto_takes_the_most_accurate_that_the_target_runs(target: str, name: str) -> None:
    assert auto(load_target(target))[0] == name


def test_auto_for_some_layers_is_decided_like_auto_for_all() -> None:
    asked = DcnConfig(name="plain", layers={"neck.*": "auto"})
    strategy = choose(asked, load_target("openvino"), "dynamo", None)
    assert strategy.rewrites == {"neck.*": "dcn.decomposed", "*": "dcn.plain"}
    assert strategy.opset == DEFAULT_OPSET["dynamo"]


def test_what_leaves_convolutions_says_so_and_what_samples_does_not() -> None:
    leaving = {name for name, traits in traits_by_strategy().items() if traits.leaves is not None}
    assert {"plain", "folded", "calibrated", "distilled"} <= leaving
    assert not {"native", "decomposed", "shifted", "custom", "keep"} & leaving
