"""Deformable convolutions as nodes of run times' own plugins, and as the standard's.

================  ====================================  ===========================================
preset            node                                  attributes, after the plugin's own sources
================  ====================================  ===========================================
``tensorrt``      ``trt.plugins::DCNv2``                ``stride``, ``padding``, ``dilation``,
                                                        ``groups``, ``deformable_group``: integers
``mmdeploy``      ``mmdeploy::                          ``stride``, ``padding``, ``dilation``:
                  MMCVModulatedDeformConv2d``           pairs; ``groups``, ``deform_groups``
================  ====================================  ===========================================

Both take input, offset, mask, weight and bias, as DCNv2 in torch does. ``DCNv2`` is what
CaoWGG/TensorRT-CenterNet adds to onnx-tensorrt (``onnx-tensorrt/builtin_op_importers.cpp``), which
looks nodes up by name in whatever domain; ``trt.plugins`` is ONNX Runtime's name for plugins of
TensorRT. The other is registered by open-mmlab/mmdeploy (``csrc/mmdeploy/backend_ops``); mmcv
itself (``mmcv/ops/modulated_deform_conv.py``) writes it with its own domain, ``mmcv``.

ONNX's own ``DeformConv`` (opset 19) computes the same, so :func:`standard` makes a graph of it that
ONNX Runtime runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from postprocess.errors import InputError

TENSORRT = ("trt.plugins", "DCNv2")
MMDEPLOY = ("mmdeploy", "MMCVModulatedDeformConv2d")
MMCV = ("mmcv", "MMCVModulatedDeformConv2d")
PLUGINS = (TENSORRT, MMDEPLOY, MMCV)
# Stands for the sums of `dcn.shifted` (rewrites/dcn/shift/sums_node.py) until they are written.
SHIFTED = ("surgery", "ShiftedDeformConv")
DEFORM_CONV_OPSET = 19
PLUGIN_INPUTS = 5
TENSORRT_ATTRIBUTES = ("stride", "padding", "dilation", "groups", "deformable_group")
MMCV_ATTRIBUTES = ("stride", "padding", "dilation", "groups", "deform_groups")


def standard(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with DeformConv in place of plugin nodes, for run times without them.

    The graph is of opset 19 then if it was of an older one: that is a graph to compare with, whose
    operators mean the same in both, not one to ship. A model without such nodes is returned as it
    is. Nodes of :data:`SHIFTED` become what they are equal to while no offset is too large.
    """
    if not any(_is_known(node) for node in model.graph.node):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.node[:]
    for node in model.graph.node:
        made.graph.node.extend(_standard(node, made.graph) if _is_known(node) else [node])
    imports = {entry.domain: entry.version for entry in model.opset_import}
    for domain, _ in (*PLUGINS, SHIFTED):
        imports.pop(domain, None)
    imports[""] = max(imports.get("", 0), DEFORM_CONV_OPSET)
    del made.opset_import[:]
    made.opset_import.extend(helper.make_opsetid(*entry) for entry in imports.items())
    made.ir_version = max(made.ir_version, helper.find_min_ir_version_for(list(made.opset_import)))
    return made


def is_plugin(node: onnx.NodeProto) -> bool:
    """Whether a node is a deformable convolution of a run time's plugin."""
    return (node.domain, node.op_type) in PLUGINS


def as_deform_conv(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return the plugin's node as DeformConv, with the same name and outputs.

    Raises:
        InputError: its inputs or attributes are not those that the plugin's sources document.
    """
    where = f"node {node.name or node.output[0]!r} ({node.domain}::{node.op_type})"
    if not PLUGIN_INPUTS - 1 <= len(node.input) <= PLUGIN_INPUTS or not all(node.input[:4]):
        raise InputError(
            f"{where} expects input, offset, mask, weight and at most a bias, got "
            f"{', '.join(node.input)}"
        )
    image, offset, mask, weight, *bias = node.input
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    known = TENSORRT_ATTRIBUTES if node.op_type == TENSORRT[1] else MMCV_ATTRIBUTES
    for name, value in given.items():
        if name not in known:
            raise InputError(f"{where} has attribute {name!r}, expected {', '.join(known)}")
        pair = not isinstance(value, int) and "group" not in name
        values = list(value) if pair and isinstance(value, Sequence) else [value]
        least = 0 if name == "padding" else 1
        right = all(isinstance(each, int) and each >= least for each in values)
        if not right or len(values) != (2 if pair else 1):
            form = "an integer" if "group" in name else "an integer or a pair"
            raise InputError(f"{where}: {name} expects {form} from {least} on, got {value!r}")
    attributes = deform_conv_attributes(node.op_type, **given)
    inputs = [image, weight, offset, *(bias or [""]), mask]
    return helper.make_node("DeformConv", inputs, node.output, node.name, **attributes)


def _is_known(node: onnx.NodeProto) -> bool:
    return is_plugin(node) or (node.domain, node.op_type) == SHIFTED


def _standard(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes of the standard that compute what ``node`` does; new constants go into ``graph``."""
    if (node.domain, node.op_type) != SHIFTED:
        return [as_deform_conv(node)]
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return _standard_sums(node, given, graph)


def _standard_sums(
    node: onnx.NodeProto, given: Mapping[str, Any], graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    image, offset, weight, bias, *mask = node.input
    pads, spans = given["pads"], len(given["spans"]) // 4
    attributes = {
        **{name: given[name] for name in ("kernel_shape", "strides", "dilations", "group")},
        "pads": [*pads, *pads],
        "offset_group": spans // (given["kernel_shape"][0] * given["kernel_shape"][1]),
    }
    nodes = []
    if given["masked"]:
        base = node.output[0]
        ends = {"start": 0, "middle": 2 * spans, "end": given["channels"], "axis": 1}
        for name, value in ends.items():
            tensor = numpy_helper.from_array(np.array([value], np.int64), f"{base}.{name}")
            graph.initializer.append(tensor)
        start, middle, end, axis = (f"{base}.{name}" for name in ends)
        cuts = {"offset": (start, middle), "logits": (middle, end)}
        nodes = [
            helper.make_node("Slice", [offset, *cut, axis], [f"{base}.{name}"])
            for name, cut in cuts.items()
        ]
        nodes.append(helper.make_node("Sigmoid", [f"{base}.logits"], [f"{base}.mask"]))
        offset, mask = f"{base}.offset", [f"{base}.mask"]
    inputs = [image, weight, offset, bias, *mask]
    return [*nodes, helper.make_node("DeformConv", inputs, node.output, node.name, **attributes)]


def deform_conv_attributes(
    operator: str,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    deformable_group: int = 1,
    deform_groups: int = 1,
) -> dict[str, Any]:
    """DeformConv's attributes for a plugin's; what is left out is what the plugin takes for it."""
    if padding is None:
        padding = 1 if operator == TENSORRT[1] else 0
    pads = _pair(padding)
    return {
        "strides": _pair(stride),
        "pads": [*pads, *pads],
        "dilations": _pair(dilation),
        "group": groups,
        "offset_group": max(deformable_group, deform_groups),
    }


def _pair(value: int | Sequence[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
