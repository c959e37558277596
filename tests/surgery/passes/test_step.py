"""Approximate passes are measured, broken graphs repaired first, parts at fault left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from surgery.passes import Check, run_passes
from surgery.passes.base import EVERY_OPSET
from surgery.passes.fold import FOLD
from surgery.passes.step import Judge, perform
from surgery.support.ledger import Ledger

from .graphs import graph


@dataclass(frozen=True)
class Scale:
    """Multiplies the graph's weight."""

    factor: float
    name: str = "scale"
    summary: str = "made for a test"
    opsets: range = EVERY_OPSET
    exact: bool = False
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        return None

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        (weight,) = model.graph.initializer
        values = numpy_helper.to_array(weight) * np.float32(self.factor)
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
        return model


@dataclass(frozen=True)
class Parts(Scale):
    """As many steps as parts; those at fault spoil the weight."""

    guilty: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    exact: bool = True

    def parts(self) -> list[str]:
        return [*"abcdefgh"]

    def without(self, parts: Collection[str]) -> Parts:
        return replace(self, skipped=tuple(parts))

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        model.graph.node[0].name = "renamed"
        model.graph.node[0].doc_string = "touched"  # a change that is not wrong
        spoilt = set(self.guilty) - set(self.skipped)
        return Scale.apply(self, model) if spoilt else model


@pytest.fixture
def product() -> onnx.ModelProto:
    return graph(
        [helper.make_node("Mul", ["x", "w"], ["y"], name="mul")],
        {"x": [1, 4]},
        weights={"w": np.arange(1, 5, dtype=np.float32)},
    )


@pytest.fixture
def mixed() -> onnx.ModelProto:
    """A division of a whole number by a float, which ONNX Runtime refuses to load."""
    model = graph(
        [
            helper.make_node("Cast", ["x"], ["i"], name="cast", to=onnx.TensorProto.INT64),
            helper.make_node("Div", ["i", "w"], ["y"], name="div"),
        ],
        {"x": [1, 4]},
        weights={"w": np.full(4, 2, np.float32)},
    )
    float32 = onnx.TensorProto.FLOAT  # nothing infers the shape of what is wrong
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", float32, [1, 4]))
    return model


def judged(model: onnx.ModelProto, tolerance: float = 0.05) -> Judge:
    return Judge(Check.random(model), tolerance)


def test_approximate_pass_is_kept_with_its_measured_difference(product: onnx.ModelProto) -> None:
    after, (line,) = perform(Scale(1.01), product, judged(product))
    assert after is not product
    assert (line.fired, line.exact) == (True, False)
    assert line.effect is not None
    assert line.effect["largest_difference"] == pytest.approx(0.01, rel=1e-3)


def test_approximate_pass_beyond_the_tolerance_is_taken_back(product: onnx.ModelProto) -> None:
    after, (line,) = perform(Scale(1.01), product, judged(product, 0.005))
    assert after is product
    assert line.reason == (
        "taken back: outputs differ by 0.01 of their largest value, surgery.passes.tolerance is "
        "0.005"
    )


def test_tolerance_is_not_for_exact_passes(product: onnx.ModelProto) -> None:
    exact = replace(Scale(1.01), exact=True)
    _, (line,) = perform(exact, product, judged(product, 10.0))
    assert line.reason.startswith("taken back: output 'y' differs by")


@pytest.mark.parametrize("guilty", ["a", "h", "d"])
def test_parts_at_fault_are_left_out_each_with_a_line(
    product: onnx.ModelProto, guilty: str
) -> None:
    step = Parts(2.0, name="many", guilty=(guilty,))
    after, (part, whole) = perform(step, product, judged(product))
    assert part.name == f"many/{guilty}"
    assert part.reason.startswith("left out: output 'y' differs by")
    assert whole.fired
    assert after.graph.node[0].doc_string == "touched"


def test_pass_that_is_wrong_without_any_of_its_parts_is_taken_back(
    product: onnx.ModelProto,
) -> None:
    step = Parts(2.0, name="many", guilty=("none of them",))
    after, (line,) = perform(step, product, judged(product))
    assert after is product
    assert line.reason.startswith("taken back: ")


def test_optimizer_without_its_constant_folding_still_folds_batchnorm() -> None:
    weights = {name: np.ones(4, np.float32) for name in ("scale", "shift", "mean", "var")}
    model = graph(
        [
            helper.make_node("Conv", ["x", "w"], ["a"], name="conv"),
            helper.make_node(
                "BatchNormalization", ["a", *weights], ["y"], name="norm", epsilon=1e-5
            ),
        ],
        {"x": [1, 3, 5, 5]},
        weights={"w": np.ones((4, 3, 1, 1), np.float32), **weights},
    )
    step = FOLD.without(["constant folding", "common subexpressions"])
    after, (line,) = perform(step, model, judged(model))
    assert line.fired
    assert [node.op_type for node in after.graph.node] == ["Conv"]


def test_graph_that_does_not_run_is_repaired_first_and_the_ledger_says_what_was_not_compared(
    mixed: onnx.ModelProto,
) -> None:
    check = Check.random(mixed)
    assert "bound to different types" in check.unusable(mixed)
    ledger = Ledger()
    order = ("slim", "element_types", "dead")
    after = run_passes(mixed, ledger=ledger, check=check, order=order)
    first = ledger.entries[0]
    assert (first.name, first.fired) == ("element_types", True)
    assert first.reason.startswith("now it runs; its outputs are compared with nothing, since")
    assert not check.unusable(after)


def test_pass_that_repairs_nothing_vouches_for_nothing(mixed: onnx.ModelProto) -> None:
    ledger = Ledger()
    after = run_passes(
        mixed, ledger=ledger, check=Check.random(mixed), order=("initializers", "slim")
    )
    assert after is mixed
    assert not ledger.fired()
