"""Two graphs become one that gives what they give one after the other."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from postprocess.errors import InputError
from surgery.graph import merge, rename, split

from .graphs import branching, graph, inputs, names, network, outputs


def tail(kind: str = "float[N,4,8,8]", opset: int = 17) -> onnx.ModelProto:
    """A second graph whose inner names are taken in the first one."""
    return graph(
        f"tail ({kind} x) => (float[N,4,8,8] y) {{ [act] b = Neg(x) [end] y = Mul(b, w) }}",
        opset,
        w=np.float32(3),
    )


def test_onnx_refuses_names_that_both_graphs_use() -> None:
    with pytest.raises(ValueError, match="overlapping names"):
        onnx.compose.merge_models(network(), tail(), [("heat", "x")])


def test_onnx_joins_shapes_that_contradict_each_other() -> None:
    other = rename(tail("float[N,4,16,16]"), {"b": "c", "w": "v"})
    for node in other.graph.node:
        node.name = f"{node.name}_2"
    onnx.compose.merge_models(network(), other, [("heat", "x")])  # no word
    with pytest.raises(InputError, match=r"'heat' is float32 \(N,4,8,8\), input 'x' expects"):
        merge(network(), other, {"heat": "x"})


def test_a_merged_graph_gives_what_the_two_give() -> None:
    first, second = network(), tail()
    merged = merge(first, second, {"heat": "x"})
    assert names(merged) == (["image", "scale"], ["size", "y"])
    assert len({node.name for node in merged.graph.node}) == len(merged.graph.node)
    feeds = inputs(first)
    before, found = outputs(first, feeds), outputs(merged, feeds)
    np.testing.assert_array_equal(found["size"], before["size"])
    np.testing.assert_array_equal(found["y"], outputs(second, {"x": before["heat"]})["y"])


def test_the_parts_of_a_split_merge_to_the_whole() -> None:
    model = network()
    first, second = split(model, ["b"])
    feeds = inputs(model)
    found = outputs(merge(first, second, {"b": "b"}), feeds)
    np.testing.assert_array_equal(found["size"], outputs(model, feeds)["size"])


def test_a_subgraph_of_the_second_graph_keeps_to_its_own() -> None:
    head = graph("head (float[2] x) => (float[2] z) { a = Exp(x) z = Identity(a) }")
    model = branching()
    merged = merge(head, model, {"z": "x"})
    feeds = inputs(head)
    expected = outputs(model, {"x": outputs(head, feeds)["z"]})
    np.testing.assert_array_equal(outputs(merged, feeds)["y"], expected["y"])


@pytest.mark.parametrize(
    ("second", "connect", "told"),
    [
        (tail(), {"heet": "x"}, "no output of the first graph 'heet'; did you mean 'heat'?"),
        (tail(), {"heat": "z"}, "no input of the second graph 'z'"),
        (tail(), {"heat": "x", "size": "x"}, "feeds input 'x' twice"),
        (tail(), {}, "connect expects an input"),
        (tail("float[N,4]"), {"heat": "x"}, "input 'x' expects float32 (N,4)"),
        (tail("float16[N,4,8,8]"), {"heat": "x"}, "input 'x' expects float16 (N,4,8,8)"),
        (tail(opset=13), {"heat": "x"}, "opset 17 of ai.onnx, the second of 13: convert one"),
        (rename(tail(), {"y": "size"}), {"heat": "x"}, "both graphs have an output 'size'"),
        (rename(tail(), {"y": "a"}), {"heat": "x"}, "output 'a' of the second graph has the name"),
    ],
)
def test_graphs_that_do_not_fit_are_told_why(
    second: onnx.ModelProto, connect: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError) as raised:
        merge(network(), second, connect)
    assert told in str(raised.value)


def test_an_unknown_shape_fits() -> None:
    second = tail()
    second.graph.input[0].type.tensor_type.ClearField("shape")
    merged = merge(network(), second, {"heat": "x"})
    assert merged.graph.output[1].type.tensor_type.elem_type == TensorProto.FLOAT
