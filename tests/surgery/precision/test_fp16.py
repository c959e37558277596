"""float16: inputs and outputs stay in float32, and so does what overflows."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from surgery.graph.run import run
from surgery.graph.storage import settle
from surgery.graph.weights import has_outside
from surgery.measure.arrays import difference
from surgery.precision.fp16 import overflowing, to_float16
from surgery.precision.ranges import tensor_ranges
from surgery.support import scratch

from .graphs import pictures, three_convolutions, weight_types

HALF = float(np.finfo(np.float16).eps)
DEPTH = 8  # roundings in a row, of weights and of activations


def test_weights_are_float16_and_inputs_and_outputs_are_not() -> None:
    half = to_float16(three_convolutions())
    assert set(weight_types(half).values()) == {TensorProto.FLOAT16}
    for value in (*half.graph.input, *half.graph.output):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT


def test_the_outputs_are_those_of_float32_up_to_rounding() -> None:
    graph, feeds = three_convolutions(), pictures(1)[0]
    found = difference(run(graph, feeds)["head"], run(to_float16(graph), feeds)["head"])
    assert 0 < found.max < DEPTH * HALF * found.scale


def test_a_layer_beyond_65504_breaks_float16_and_is_found_and_kept() -> None:
    graph, feeds = three_convolutions(gain=1e6), pictures(1)[0]
    expected = run(graph, feeds)["head"]
    broken = difference(expected, run(to_float16(graph), feeds)["head"])
    assert not broken.max < broken.scale / 4
    kept = overflowing(graph, tensor_ranges(graph, pictures()))
    assert set(kept) == {"second", "second.relu", "third"}
    cured = difference(expected, run(to_float16(graph, kept), feeds)["head"])
    assert cured.max < DEPTH * HALF * cured.scale


def test_nothing_is_kept_where_nothing_overflows() -> None:
    graph = three_convolutions()
    assert not overflowing(graph, tensor_ranges(graph, pictures()))


def test_weights_in_files_are_converted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    feeds = pictures()
    expected = run(to_float16(three_convolutions()), feeds[0])["head"]
    monkeypatch.setattr(scratch, "_limit", 1500)
    graph = settle(three_convolutions())
    assert has_outside(graph)
    assert not overflowing(graph, tensor_ranges(graph, feeds))
    half = to_float16(graph)
    assert has_outside(half)
    assert set(weight_types(half).values()) == {TensorProto.FLOAT16}
    np.testing.assert_array_equal(run(half, feeds[0])["head"], expected)
