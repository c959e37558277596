"""DeformConv in a file as GridSample or Gathers: held against two kernels of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from postprocess.errors import InputError
from surgery.graph.plugins import MMCV, MMDEPLOY, TENSORRT, standard
from surgery.graph.run import run
from surgery.passes.registry import PASSES as PASSED

from .graphs import graph, node, operators, passed


def deform(
    groups: int, group: int, stride: int, dilation: int, mask: bool, bias: bool
) -> onnx.ModelProto:
    generator = np.random.default_rng(0)
    side = (8 + 2 - dilation * 2 - 1) // stride + 1
    weights = {"w": generator.standard_normal((4, 4 // group, 3, 3)).astype(np.float32)}
    inputs = {"x": (2, 4, 8, 8), "o": (2, 18 * groups, side, side)}
    names = ["x", "w", "o", "-", "-"]
    if bias:
        weights["b"], names[3] = generator.standard_normal(4).astype(np.float32), "b"
    if mask:
        inputs["m"], names[4] = (2, 9 * groups, side, side), "m"
    made = node(
        "DeformConv", " ".join(names), kernel_shape=[3, 3], pads=[1] * 4, strides=[stride] * 2,
        dilations=[dilation] * 2, offset_group=groups, group=group,
    )  # fmt: skip
    return graph([made], inputs, weights=weights, opset=19)


PASSES = ("deform_sampled", "deform_gathered")
FORMS = [  # groups, group, stride, dilation, mask, bias
    (1, 1, 1, 1, True, True),
    (1, 1, 2, 1, True, False),
    (2, 1, 1, 2, True, True),
    (1, 2, 1, 1, False, True),
    (2, 2, 2, 1, False, False),
]


def feeds_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Inputs of size 3: offsets of several pixels, far beyond the border too."""
    generator = np.random.default_rng(1)
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    return {
        name: (3 * generator.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def assert_same(found: np.ndarray, expected: np.ndarray, noise: float = 3e-6) -> None:
    # float32 noise of both: 1.5e-5 at a largest value of 90, over the five forms
    np.testing.assert_allclose(found, expected, rtol=0, atol=noise * np.abs(expected).max())


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize(("groups", "group", "stride", "dilation", "mask", "bias"), FORMS)
def test_offsets_of_several_pixels_give_what_the_kernels_give(
    name: str, groups: int, group: int, stride: int, dilation: int, mask: bool, bias: bool
) -> None:
    model = deform(groups, group, stride, dilation, mask, bias)
    after, reason = passed(model, name)
    assert not reason
    assert "DeformConv" not in operators(after)
    feeds = feeds_of(model)
    found = run(after, feeds)["y"]
    assert_same(found, run(model, feeds)["y"])
    if group == 1:  # the reference implementation knows one group alone
        assert_same(found, ReferenceEvaluator(model).run(None, feeds)[0])


def plugin(operator: tuple[str, str], opset: int, **attributes: Any) -> onnx.ModelProto:
    """Two plugin nodes in a row, offsets of the second made of the first's output."""
    generator = np.random.default_rng(2)
    weights = {
        "w": generator.standard_normal((4, 4, 3, 3)) / 6,
        "b": generator.standard_normal(4),
        "wo": generator.standard_normal((18, 4, 3, 3)) / 6,
        "wm": generator.standard_normal((9, 4, 3, 3)) / 6,
    }
    nodes = []
    for source, made in (("x", "h"), ("h", "y")):
        for each, kernel in (("offset", "wo"), ("mask", "wm")):
            pads = {"pads": [1] * 4}
            nodes.append(node("Conv", f"{source} {kernel}", f"{made}.{each}", **pads))
        inputs = f"{source} {made}.offset {made}.mask w b"
        nodes.append(node(operator[1], inputs, made, domain=operator[0], **attributes))
    value = helper.make_tensor_value_info
    tensors = [
        numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()
    ]
    ports = [value(name, TensorProto.FLOAT, [1, 4, 8, 8]) for name in ("x", "y")]
    inner = helper.make_graph(nodes, "plugins", ports[:1], ports[1:], tensors)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(operator[0], 1)]
    return helper.make_model(inner, opset_imports=opsets, ir_version=8)


MMCV_FORM = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1}


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        (MMDEPLOY, {**MMCV_FORM, "deform_groups": 1}),
        (MMCV, {**MMCV_FORM, "deform_groups": 1}),
        (TENSORRT, {"stride": 1, "padding": 1, "dilation": 1, "deformable_group": 1}),
    ],
)
@pytest.mark.parametrize(("name", "opset"), [("deform_gathered", 11), ("deform_sampled", 16)])
def test_plugin_nodes_in_a_row_become_what_they_compute_at_the_files_own_opset(
    name: str, opset: int, operator: tuple[str, str], attributes: dict[str, Any]
) -> None:
    model = plugin(operator, opset, **attributes)
    after, reason = passed(model, name)
    assert not reason
    assert {each.domain for each in after.graph.node} == {""}
    assert {entry.version for entry in after.opset_import if not entry.domain} == {opset}
    feeds = feeds_of(model)
    # the first node's noise moves the places of the second: 4.8e-6 measured
    assert_same(run(after, feeds)["y"], run(model, feeds)["y"], noise=1e-5)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"stride": [1, 1, 1]}, "stride expects an integer or a pair"),
        ({"stride": "same"}, "stride expects"),
        ({"padding": [-1, 0]}, "padding expects"),
        ({"groups": [1, 1]}, "groups expects an integer from 1"),
        ({"deformable_group": 1}, "attribute 'deformable_group', expected stride"),
    ],
)
def test_attributes_that_the_plugin_does_not_document_are_one_line(
    attributes: dict[str, Any], said: str
) -> None:
    model = plugin(MMDEPLOY, 13, **attributes)
    for name in PASSES:
        reason = PASSED.get(name).check(model)
        assert reason is not None
        assert said in reason
        assert "\n" not in reason
    with pytest.raises(InputError, match="MMCVModulatedDeformConv2d"):
        standard(model)


def test_an_input_of_one_row_is_gathered() -> None:
    made = node("DeformConv", "x w o", kernel_shape=[1, 3], pads=[0, 1, 0, 1])
    model = graph(
        [made], {"x": (1, 4, 1, 8), "o": (1, 6, 1, 8)}, opset=19,
        weights={"w": np.ones((4, 4, 1, 3), np.float32)},
    )  # fmt: skip
    assert "one row" in passed(model, "deform_sampled")[1]
    after, reason = passed(model, "deform_gathered")
    assert not reason
    feeds = feeds_of(model)
    assert_same(run(after, feeds)["y"], run(model, feeds)["y"])


def test_open_sizes_are_declined() -> None:
    made = node("DeformConv", "x w o", kernel_shape=[3, 3], pads=[1] * 4)
    model = graph(
        [made], {"x": (1, 4, "h", "w"), "o": (1, 18, "h", "w")}, opset=19,
        weights={"w": np.ones((4, 4, 3, 3), np.float32)},
    )  # fmt: skip
    assert "fix them first" in passed(model, "deform_sampled", {"h": 8, "w": 8})[1]
