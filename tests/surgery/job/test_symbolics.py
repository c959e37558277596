"""What a target lacks is written in other operators from the start, where a symbolic can."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from surgery.export.export import export_onnx
from surgery.export.symbolics import DEFAULT
from surgery.job.symbolics import joined, needed
from surgery.targets.audit import audit
from surgery.targets.registry import load_target
from surgery.targets.target import Rule


def exported(symbolics: tuple[str, ...], opset: int) -> set[str]:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Hardswish(), nn.Conv2d(4, 3, 1)).eval()
    model = export_onnx(
        net,
        (torch.zeros(1, 3, 4, 4),),
        input_names=["x"],
        output_names=["y"],
        opset=opset,
        exporter="torchscript",
        symbolics=symbolics,
    )
    return {node.operator for node in audit(model, load_target("nnapi")).refused}


def test_activation_that_a_target_lacks_is_written_in_operators_that_it_has() -> None:
    assert exported(DEFAULT, 17) == {"HardSwish"}
    chosen = needed(load_target("nnapi"), 17)
    assert chosen["hardswish.decomposed"] == "for target nnapi, which has no HardSwish"
    assert exported(joined(DEFAULT, chosen, 17), 17) == set()


def test_target_that_runs_the_operator_needs_nothing() -> None:
    assert "hardswish.decomposed" not in needed(load_target("qnn"), 17)


def test_nothing_is_chosen_whose_own_operators_the_target_lacks() -> None:
    nnapi = load_target("nnapi")
    assert nnapi.operators is not None
    without = {name: rule for name, rule in nnapi.operators.items() if name != "Clip"}
    assert "hardswish.decomposed" not in needed(replace(nnapi, operators=without), 17)
    assert needed(replace(nnapi, operators={"Conv": Rule()}), 17) == {}


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (DEFAULT, {"hardswish.decomposed"}),  # what is on anyway makes way
        (("mine",), {"mine"}),  # what was asked for stays
    ],
)
def test_of_two_that_write_one_operator_one_is_left(asked: tuple[str, ...], kept: set[str]) -> None:
    from surgery.export.symbolics import SYMBOLICS

    own = replace(SYMBOLICS.get("hardswish"), name="mine", opsets=range(11, 24))  # type: ignore[type-var]
    with SYMBOLICS.override({"mine": own}):
        names = joined(asked, {"hardswish.decomposed": "for a target"}, 13)
        writers = {name for name in names if "aten::hardswish" in SYMBOLICS.get(name).operators}
    assert writers == kept
