"""Weights that do not fit into a graph lie in files, and nothing else about the graph changes."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import DTypeLike, NDArray
from onnx import numpy_helper

from postprocess.errors import InputError
from surgery.graph.run import opened, run
from surgery.graph.storage import save, settle
from surgery.graph.weights import array_of, has_outside, outside
from surgery.passes import PASSES, Check, run_passes
from surgery.passes.opset import at_opset
from surgery.support import scratch
from surgery.support.child import run_in_child
from surgery.support.ledger import Ledger

from .graphs import graph

LIMIT = 8000  # bytes


@pytest.fixture
def small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of 8 kB in the place of 2 GB."""
    monkeypatch.setattr(scratch, "_limit", LIMIT)


def network() -> onnx.ModelProto:
    """Two convolutions of 14 kB, a BatchNormalization, a pair of Transpose and a small bias."""
    random = np.random.default_rng(0)
    ones = np.ones(20, np.float32)
    return graph(
        """net (float[N,20,8,8] x) => (float[N,20,8,8] y) {
          a = Conv <pads = [1, 1, 1, 1]> (x, first, bias)
          b = BatchNormalization (a, scale, shift, mean, var)
          c = Transpose <perm = [0, 2, 3, 1]> (b)
          d = Relu(c)
          e = Transpose <perm = [0, 3, 1, 2]> (d)
          y = Conv <pads = [1, 1, 1, 1]> (e, second)
        }""",
        first=random.standard_normal((20, 20, 3, 3)).astype(np.float32),
        second=random.standard_normal((20, 20, 3, 3)).astype(np.float32),
        bias=ones,
        scale=ones * 2,
        shift=ones / 3,
        mean=ones / 5,
        var=ones,
    )


def feeds() -> dict[str, NDArray[np.float32]]:
    return {"x": np.random.default_rng(1).standard_normal((2, 20, 8, 8)).astype(np.float32)}


def assert_same(found: NDArray[np.float32]) -> None:
    """Hold an output against that of the graph with its weights inside."""
    expected = run(network(), feeds())["y"]
    # other kernels and folded weights round otherwise: measured 1e-6 of the largest value
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-6 * np.abs(expected).max())


@pytest.mark.usefixtures("small_room")
def test_large_weights_leave_the_graph_and_it_computes_the_same() -> None:
    whole, model = network(), settle(network())
    assert set(outside(model)) == {"first", "second"}
    assert len(model.SerializeToString()) < LIMIT < len(whole.SerializeToString())
    np.testing.assert_array_equal(run(model, feeds())["y"], run(whole, feeds())["y"])


def test_they_come_back_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(scratch, "_limit", LIMIT)
        model = settle(network())
    assert has_outside(model)
    assert settle(model) == network()


@pytest.mark.usefixtures("small_room")
def test_a_session_holds_the_weights_that_were_mapped_for_it() -> None:
    session = opened(settle(network()), threads=1)
    gc.collect()
    (found,) = session.run(None, feeds())
    assert_same(found)


@pytest.mark.usefixtures("small_room")
@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64", "bool"])
def test_values_of_every_type_are_found_in_a_file(dtype: DTypeLike) -> None:
    values = np.random.default_rng(2).integers(0, 2, (90, 100)).astype(dtype)
    model = settle(graph("net (float[1] x) => (float[1] y) { y = Neg(x) }", w=values, v=values))
    assert has_outside(model)
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(array_of(tensor), values)


@pytest.mark.usefixtures("small_room")
def test_what_onnx_runtime_and_onnx_read_is_what_was_written(tmp_path: Path) -> None:
    model = network()
    files = save(model, tmp_path / "net.onnx")
    assert [file.name for file in files] == ["net.onnx", "net.onnx.data"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx", "net.onnx.data"]
    onnx.checker.check_model(tmp_path / "net.onnx", full_check=True)
    read = {t.name: numpy_helper.to_array(t) for t in onnx.load(files[0]).graph.initializer}
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(read[tensor.name], numpy_helper.to_array(tensor))
    assert not any(map(has_outside, [model]))  # the one in memory is left as it is


@pytest.mark.usefixtures("small_room")
@pytest.mark.parametrize("name", sorted(PASSES.names()))
def test_no_pass_fails_for_weights_in_files(name: str) -> None:
    model, ledger = settle(network()), Ledger()
    run_passes(model, ledger=ledger, check=Check(feeds()), order=[name])
    assert not [entry.reason for entry in ledger if "taken back" in entry.reason]
    inside = Ledger()
    run_passes(network(), ledger=inside, check=Check(feeds()), order=[name])
    assert name == "slim" or len(ledger.fired()) == len(inside.fired())


@pytest.mark.usefixtures("small_room")
def test_onnxslim_is_left_out_with_a_word() -> None:
    ledger = Ledger()
    run_passes(settle(network()), ledger=ledger, check=Check(feeds()), order=["slim"])
    (entry,) = ledger
    assert "onnxslim wants them in the graph" in entry.reason


@pytest.mark.usefixtures("small_room")
def test_passes_in_a_child_leave_their_weights_to_the_parent() -> None:
    model = run_passes(
        settle(network()), ledger=Ledger(), check=Check(feeds()), order=["fold"], safe=True
    )
    assert [node.op_type for node in model.graph.node].count("BatchNormalization") == 0
    assert len(outside(model)) == 2
    assert_same(run(model, feeds())["y"])


@pytest.mark.usefixtures("small_room")
@pytest.mark.parametrize("opset", [13, 21])
def test_the_opset_changes_and_the_weights_stay(opset: int) -> None:
    model = at_opset(settle(network()), opset)
    assert set(outside(model)) == {"first", "second"}
    assert [value.name for value in model.graph.input] == ["x"]
    assert_same(run(model, feeds())["y"])


def _in_child(model: onnx.ModelProto) -> onnx.ModelProto:
    return settle(model)


@pytest.mark.usefixtures("small_room")
def test_a_child_has_the_parent_s_room() -> None:
    model = run_in_child("settle", _in_child, network())
    assert set(outside(model)) == {"first", "second"}
    np.testing.assert_array_equal(run(model, feeds())["y"], run(network(), feeds())["y"])


@pytest.mark.usefixtures("small_room")
def test_constants_that_cannot_leave_are_told() -> None:
    model = graph("net (float[1] x) => (float[1] y) { y = Neg(x) }")
    value = numpy_helper.from_array(np.zeros(LIMIT, np.float32), "value")
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["c"], value=value))
    with pytest.raises(InputError, match=r"holds 32,000 bytes in Constant nodes.*at most 8,000"):
        settle(model)
