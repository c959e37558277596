"""One node that stands for the sums of `dcn.shifted` while a graph is exported and simplified.

A network's sums are thousands of nodes, over which exporters and optimisers would take minutes.
:func:`expand` writes them at the end; until then passes fold BatchNormalization into one weight.
The node's inputs are image, offset, weight, bias and, where the offset does not hold it, the mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from postprocess.errors import InputError

from ....graph.modules import MODULE_KEY
from ....graph.names import stable_names
from ....graph.plugins import SHIFTED
from ..deform_layer import DeformLayer
from ..geometry import Geometry
from ..node import Attributes, emit
from .graph_value import Value, Writer
from .reach import Span
from .sums import ShiftedSums, Sizes


def sizes_of(layer: DeformLayer, spans: tuple[Span, ...]) -> Sizes:
    """Sizes of a recognised layer whose taps have ``spans``."""
    own = layer.offset_convolution
    channels = 2 * len(spans) if own is None else own.out_channels
    return Sizes(layer.geometry, spans, channels, own is not None and layer.modulated)


def emit_sums(
    sizes: Sizes,
    image: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
) -> Tensor:
    """Return what stands for the node's output in an export."""
    geometry = sizes.geometry
    bias = weight.new_zeros(geometry.out_channels) if bias is None else bias
    given = [image, offset, weight, bias, *([] if mask is None else [mask])]
    attributes: Attributes = {
        "kernel_shape": geometry.kernel,
        "strides": geometry.stride,
        "pads": geometry.padding,
        "dilations": geometry.dilation,
        "group": geometry.groups,
        "in_channels": geometry.in_channels,
        "spans": [end for span in sizes.spans for end in span],
        "channels": sizes.channels,
        "masked": int(sizes.masked),
    }
    return emit("::".join(SHIFTED), given, attributes, geometry.out_channels)


def expand(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with the sums in their nodes' places; a model without any as it is.

    The sums equal the nodes where no offset lies beyond its tap's span.

    Raises:
        InputError: a weight of a node is not an initializer.
    """
    if not any((node.domain, node.op_type) == SHIFTED for node in model.graph.node):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in model.graph.node:  # an exporter gives equal weights one tensor and many names
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if (node.domain, node.op_type) == SHIFTED:
            writer = _written(node, weights)
            graph.initializer.extend(writer.weights)
            nodes += writer.nodes
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input} | {v.name for v in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    imports = [entry for entry in made.opset_import if entry.domain != SHIFTED[0]]
    del made.opset_import[:]
    made.opset_import.extend(imports)
    return stable_names(made)


def _written(node: onnx.NodeProto, weights: Mapping[str, onnx.TensorProto]) -> Writer:
    """The nodes and weights that take a node's place, the last with its output."""
    image, offset, weight, bias, *mask = node.input
    for name in (weight, bias):
        if name not in weights:
            raise InputError(f"{node.op_type} {node.name!r}: {name!r} is not a constant")
    tensors = [torch.tensor(numpy_helper.to_array(weights[n])) for n in (weight, bias)]
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    sums = ShiftedSums(_sizes(given, int(tensors[0].shape[0])), *tensors)
    writer = Writer(node.output[0])
    inputs = [Value(writer, name) for name in (image, offset, *mask)]
    sums.forward(*inputs, *([] if mask else [None]))
    writer.nodes[-1].output[0] = node.output[0]
    path = [entry for entry in node.metadata_props if entry.key == MODULE_KEY]
    for one in writer.nodes:
        one.metadata_props.extend(path)
    return writer


def _sizes(given: Mapping[str, Any], out_channels: int) -> Sizes:
    ends = given["spans"]
    spans = tuple(Span(*ends[i : i + 4]) for i in range(0, len(ends), 4))
    kernel = given["kernel_shape"]
    geometry = Geometry(
        out_channels,
        given["in_channels"],
        (kernel[0], kernel[1]),
        (given["strides"][0], given["strides"][1]),
        (given["pads"][0], given["pads"][1]),
        (given["dilations"][0], given["dilations"][1]),
        given["group"],
        len(spans) // (kernel[0] * kernel[1]),
    )
    return Sizes(geometry, spans, given["channels"], bool(given["masked"]))
