"""Assignments as both exporters write them, in the operators that targets have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.passes import Check, run_passes
from surgery.support.ledger import Ledger

from .graphs import difference, graph, node, operators, passed, refusals

EXPORTERS = ("dynamo", "torchscript")
SCATTERS = {"NonZero", "GatherND", "ScatterND", "ScatterElements"}


class Apply(nn.Module):
    """A function of a picture as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def exported(function: Callable[[Tensor], Tensor], exporter: str) -> onnx.ModelProto:
    """The simplified graph of ``function``."""
    model = export_onnx(
        Apply(function).eval(),
        (torch.randn(1, 4, 8, 8),),
        input_names=["x"],
        output_names=["y"],
        exporter=exporter,
        verify=False,  # one of them does not run before the passes
    )
    return run_passes(model, ledger=Ledger(), check=None)


def squared_where_positive(x: Tensor) -> Tensor:
    y = x + 0
    mask = y > 0
    y[mask] = y[mask] * 2 + 1
    return y


def shifted_window(x: Tensor) -> Tensor:
    y = x + 0
    y[:, 1:3, 2:5] = x[:, 0:2, 0:3] * 3
    y[..., 0] = y[..., 1] - y[..., 0]
    return y


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_what_is_read_and_written_through_one_mask_is_computed_everywhere(exporter: str) -> None:
    before = exported(squared_where_positive, exporter)
    assert SCATTERS & set(operators(before)) == {"NonZero", "GatherND", "ScatterND"}
    assert "NonZero: not among its operators" in refusals(before, "nnapi")
    after, _ = passed(before, "masked_assignment")
    assert operators(after) == ["Greater", "Mul", "Add", "Where"]
    assert difference(before, after) == 0


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_assignment_to_a_window_is_slices_around_the_new_values(exporter: str) -> None:
    before = exported(shifted_window, exporter)
    assert SCATTERS & set(operators(before))
    assert any(line.startswith("Scatter") for line in refusals(before, "coreml"))
    after, _ = passed(before, "slice_assignment")
    assert not SCATTERS & set(operators(after))
    assert difference(before, after) == 0


def marked(x: Tensor) -> Tensor:
    mask = torch.zeros_like(x, dtype=torch.bool)
    mask[x > 0.5] = True
    return mask.float()


def test_mask_that_the_torchscript_exporter_writes_as_where_does_not_run_until_it_is_logic() -> (
    None
):
    before = exported(marked, "torchscript")
    picture = np.random.default_rng(0).standard_normal((1, 4, 8, 8)).astype(np.float32)
    with pytest.raises(InputError, match=r"Could not find an implementation for Where\(16\)"):
        run(before, {"x": picture})
    ledger = Ledger()
    after = run_passes(before, ledger=ledger, check=Check({"x": picture}), order=("boolean_where",))
    assert ledger.entries[0].fired
    assert "compared with nothing" in ledger.entries[0].reason
    assert "Where" not in operators(after)
    assert (run(after, {"x": picture})["y"] == (picture > 0.5)).all()


def test_the_same_mask_from_dynamo_is_logic_too_since_nothing_has_where_of_booleans() -> None:
    before = exported(marked, "dynamo")
    assert "NonZero" in operators(before)
    after, _ = passed(before, "masked_assignment")
    assert not {"NonZero", "Where", "ScatterND"} & set(operators(after))
    assert difference(before, after) == 0


PLACES = [node("NonZero", "m", "p"), node("Transpose", "p", "i", perm=[1, 0])]


def through_mask(written: list[onnx.NodeProto], kind: int = 1) -> onnx.ModelProto:
    dtype = np.float32 if kind == 1 else np.int32
    nodes = [node("Greater", "x zero", "m"), *PLACES, node("GatherND", "x i", "r"), *written]
    weights = {"zero": np.array(0, dtype), "ten": np.array(10, dtype)}
    kinds = {"x": kind, "y": kind}
    return graph([*nodes, node("ScatterND", "x i v")], {"x": [4, 5]}, weights=weights, kinds=kinds)


@pytest.mark.parametrize(
    ("written", "kind", "reason"),
    [
        ([node("CumSum", "r axis", "v")], 1, "CumSum, which mixes places"),
        ([node("Div", "ten r", "v")], TensorProto.INT32, "division outside the mask may divide"),
    ],
)
def test_what_cannot_be_computed_everywhere_is_declined(
    written: list[onnx.NodeProto], kind: int, reason: str
) -> None:
    model = through_mask(written, kind)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0, np.int64), "axis"))
    assert reason in passed(model, "masked_assignment")[1]


def test_infinity_outside_of_the_mask_is_not_chosen() -> None:
    model = through_mask([node("Div", "ten r", "v")])
    feeds = {"x": np.array([[0, 1, -2, 0, 4]] * 4, np.float32)}
    after, declined = passed(model, "masked_assignment")
    assert not declined
    assert run(after, feeds)["y"].tolist() == run(model, feeds)["y"].tolist()


def scatter(indices: object, updates: object) -> onnx.ModelProto:
    weights = {"i": np.array(indices), "u": np.array(updates, np.float32)}
    return graph([node("ScatterND", "x i u")], {"x": [3, 4]}, weights=weights)


def test_a_box_written_in_the_middle_is_surrounded_on_every_side() -> None:
    before = scatter([[[1, 1], [1, 2]]], [[5, 6]])
    after, _ = passed(before, "slice_assignment")
    assert operators(after).count("Concat") == 2
    assert difference(before, after) == 0


@pytest.mark.parametrize("size", [4, 7, 8])
@pytest.mark.parametrize("places", [slice(0, None, 2), slice(1, None, 3), slice(1, 4, 2)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_with_a_step_is_written_without_a_scatter(
    size: int, places: slice, axis: int
) -> None:
    sizes = [3, 2, 3]
    sizes[axis] = size
    chosen = [np.arange(side) for side in sizes]
    chosen[axis] = chosen[axis][places]
    chosen[0] = chosen[0][:2] if axis else chosen[0]  # a second axis that is not filled whole
    indices = np.stack(np.meshgrid(*chosen, indexing="ij"), -1)
    updates = np.arange(indices[..., 0].size, dtype=np.float32).reshape(indices.shape[:-1])
    before = graph([node("ScatterND", "x i u")], {"x": sizes}, weights={"i": indices, "u": updates})
    after, declined = passed(before, "slice_assignment")
    assert not declined
    assert "ScatterND" not in operators(after)
    assert difference(before, after) == 0


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_coordinates_added_to_every_second_number_need_no_scatter(exporter: str) -> None:
    def moved(x: Tensor) -> Tensor:
        y = x + 0
        y[..., ::2] += x[..., :1]
        y[..., 1::2] += x[..., 1:2]
        return y

    before = exported(moved, exporter)
    assert SCATTERS & set(operators(before))
    after, _ = passed(before, "slice_assignment")
    assert not SCATTERS & set(operators(after))
    assert difference(before, after) == 0


@pytest.mark.parametrize(
    ("indices", "updates"),
    [
        ([[1], [0]], np.ones((2, 4))),  # rows in another order
        ([[0, 1], [1, 2]], [7, 8]),  # a diagonal
    ],
)
def test_other_indices_are_declined(indices: object, updates: object) -> None:
    reason = passed(scatter(indices, updates), "slice_assignment")[1]
    assert "its indices are not those of a slice" in reason


def test_assignment_to_all_is_what_was_assigned() -> None:
    before = scatter([[0], [1], [2]], np.arange(12).reshape(3, 4))
    after, _ = passed(before, "slice_assignment")
    assert operators(after) == ["Identity"]
    assert difference(before, after) == 0


def test_indices_that_count_from_the_end_are_those_of_a_slice() -> None:
    before = scatter([[-2], [-1]], np.arange(8).reshape(2, 4))
    after, declined = passed(before, "slice_assignment")
    assert not declined
    assert "ScatterND" not in operators(after)
    assert difference(before, after) == 0


def test_what_adds_to_the_data_is_declined() -> None:
    model = scatter([[0], [1]], np.ones((2, 4)))
    model.graph.node[0].attribute.append(helper.make_attribute("reduction", "add"))
    assert "it adds to what is there" in passed(model, "slice_assignment")[1]
    masked = through_mask([node("Mul", "r ten", "v")])
    masked.graph.node[-1].attribute.append(helper.make_attribute("reduction", "add"))
    assert "it adds to what is there" in passed(masked, "masked_assignment")[1]


def elements(indices: object) -> onnx.ModelProto:
    weights = {"i": np.array(indices), "u": np.arange(6, dtype=np.float32).reshape(3, 2)}
    return graph([node("ScatterElements", "x i u", axis=1)], {"x": [3, 4]}, weights=weights)


def test_columns_written_element_by_element_are_slices_also_from_the_end() -> None:
    before = elements([[-3, -2]] * 3)
    after, declined = passed(before, "slice_assignment")
    assert not declined
    assert operators(after) == ["Slice", "Slice", "Concat"]
    assert difference(before, after) == 0


@pytest.mark.parametrize("indices", [[[2, 1]] * 3, [[1, 2], [0, 1], [1, 2]]])
def test_elements_in_another_order_or_in_other_places_are_declined(indices: object) -> None:
    reason = passed(elements(indices), "slice_assignment")[1]
    assert "its indices are not those of a slice" in reason


def test_a_mask_over_the_first_axes_covers_all_of_the_last() -> None:
    model = graph(
        [
            node("ReduceMax", "x axis", "peak", keepdims=0),
            node("Greater", "peak zero", "m"),
            *PLACES,
            node("GatherND", "x i", "r"),
            node("Neg", "r", "v"),
            node("ScatterND", "x i v"),
        ],
        {"x": [2, 3, 4]},
        weights={"axis": np.array([2]), "zero": np.float32(1)},
    )
    after, declined = passed(model, "masked_assignment")
    assert not declined
    assert not SCATTERS & set(operators(after))
    assert difference(model, after) == 0


def test_what_is_read_through_another_mask_is_declined() -> None:
    other = [
        node("Less", "x zero", "m2"),
        node("NonZero", "m2", "p2"),
        node("Transpose", "p2", "i2", perm=[1, 0]),
        node("GatherND", "x i2", "r2"),
        node("Neg", "r2", "v"),
    ]
    model = through_mask(other)
    feeds = Check({"x": np.array([[1, -1, 2, -2, 0]] * 4, np.float32)})
    ledger = Ledger()
    after = run_passes(model, ledger=ledger, check=feeds, order=("masked_assignment",))
    assert after is model
    assert "GatherND, which mixes places" in ledger.entries[0].reason
