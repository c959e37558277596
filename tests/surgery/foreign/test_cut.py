"""A cut is found by name, must separate, and takes with it exactly what it needs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from postprocess.errors import InputError
from surgery.foreign.cut import extract, resolve, separate
from surgery.graph.run import random_feeds, run

from .conftest import Operate, Save, manifest
from .graphs import SIDE, Builder, centernet, plain, port, trunk


def test_tensors_and_nodes_are_found_by_name_each_once(save: Save) -> None:
    found = save(centernet())
    assert resolve(found, ["tensor/b:0", "node/wh", "wh"]) == ("tensor/b:0", "wh")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tensor/c:0", r"no tensor or node 'tensor/c:0'; did you mean 'tensor/[ab]:0'\?"),
        ("image:0", "the graph's input"),
        ("hm.weight", "a weight"),
        ("top", "several outputs: name one of 'scores', 'places'"),
    ],
)
def test_a_name_that_cannot_be_cut_at_is_told_why(name: str, told: str, save: Save) -> None:
    found = save(centernet())
    with pytest.raises(InputError, match=told):
        resolve(found, [name])


def test_a_name_inside_a_subgraph_is_told_to_be_there(save: Save) -> None:
    model = plain()
    model.graph.node.append(
        helper.make_node(
            "If",
            ["yes"],
            ["chosen"],
            name="choose",
            **{
                f"{branch}_branch": helper.make_graph(
                    [helper.make_node("Relu", ["hm"], [f"inner_{branch}"])],
                    branch,
                    [],
                    [port(f"inner_{branch}", [None] * 4)],
                )
                for branch in ("then", "else")
            },
        )
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    with pytest.raises(InputError, match="inside a subgraph of node 'choose'"):
        resolve(save(model), ["inner_then"])


def test_a_cut_that_does_not_separate_names_what_is_missing(save: Save) -> None:
    found = save(centernet())
    line = r"does not separate .* output 'boxes' also needs 'sizes'"
    with pytest.raises(InputError, match=line):
        separate(found, ["tensor/b:0"])
    with pytest.raises(InputError, match="also needs 'wh'"):
        separate(found, ["tensor/b:0"], known=["hm", "wh"])
    assert separate(found, ["tensor/b:0", "tensor/a:0"]) == []


def test_a_cut_in_the_middle_of_a_skip_connection_does_not_separate(save: Save) -> None:
    build = Builder()
    first = build.conv("image", (3, 8), "c1")
    second = build.conv(first, (8, 8), "c2")
    build.node("Add", [first, second], "sum")
    build.conv("sum", (8, 3), "hm")
    sides = [1, 3, SIDE, SIDE]
    found = save(build.model([port("image", sides)], [port("hm", sides)]))
    with pytest.raises(InputError, match="output 'hm' also needs 'c1'"):
        separate(found, ["c2"])


def test_an_output_that_needs_nothing_of_the_cut_is_left_out_with_a_word(
    save: Save, operate: Operate
) -> None:
    assert separate(save(plain()), ["hm"]) == ["wh"]
    bundle = operate(plain(), "model.cut=[hm]", "model.decoder={name: keypoints, heatmap: hm}")
    left = [e for e in manifest(bundle)["ledger"] if e["name"] == "cut" and not e["fired"]]
    assert [(entry["where"], entry["reason"]) for entry in left] == [
        ("wh", "this output needs nothing of the cut: left out")
    ]


def test_a_shape_taken_of_the_network_needs_no_cut(save: Save) -> None:
    build = Builder()
    feature = trunk(build, "image")
    build.conv(feature, (8, 3), "hm")
    build.node("Shape", [feature], "sides")
    no_channels = build.weight(np.int64([1, 0, 1, 1]), "no_channels")
    three = build.weight(np.int64([0, 3, 0, 0]), "three")
    build.node("Mul", ["sides", no_channels], "other_sides")
    build.node("Add", ["other_sides", three], "sides_of_hm")
    build.node("Expand", ["hm", "sides_of_hm"], "out")
    outputs = [port("out", [None] * 4)]
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], outputs))
    assert separate(found, ["hm"]) == []


def test_the_part_before_the_cut_is_what_the_cut_needs_and_no_more(save: Save) -> None:
    model = centernet()
    found = save(model)
    part = extract(found, ["sizes", "hm"])
    assert [value.name for value in part.graph.output] == ["sizes", "hm"]
    read = {name for node in part.graph.node for name in node.input}
    assert {tensor.name for tensor in part.graph.initializer} == read & {
        tensor.name for tensor in model.graph.initializer
    }
    assert not {node.op_type for node in part.graph.node} & {"TopK", "Gather", "ReduceMax"}
    whole = onnx.ModelProto.FromString(model.SerializeToString())
    whole.graph.output.extend(part.graph.output)
    feeds = random_feeds(model)
    for name, array in run(part, feeds).items():
        np.testing.assert_array_equal(array, run(whole, feeds, [name])[name])


def test_the_order_of_the_cut_is_that_of_the_outputs(operate: Operate) -> None:
    for order in (["hm", "wh"], ["wh", "hm"]):
        bundle = operate(plain(), f"model.cut=[{','.join(order)}]")
        outputs = manifest(bundle)["graphs"]["backbone"]["outputs"]
        assert [each["name"] for each in outputs] == order


def test_a_constant_cannot_be_cut_at(save: Save) -> None:
    model = plain()
    model.graph.node.append(helper.make_node("Neg", ["hm.bias"], ["constant"], name="negate"))
    model.graph.output.append(port("constant", [3]))
    with pytest.raises(InputError, match="'constant' does not depend on an input"):
        separate(save(model), ["constant"])
