"""``surgery.precision=fp16``: weights and arithmetic in float16, inputs and outputs in float32.

Half precision ends at 65504. A graph that is converted whole gives infinity or NaN where one of its
tensors goes beyond that, and nothing says so. Therefore the range of every tensor is measured on
the calibration pictures in float32, and a node whose tensors come near the end stays in float32,
with casts around it. The conversion itself is ONNX Runtime's
(``onnxruntime/transformers/float16.py``).

Approximate. The loss is measured on pictures that are held back, on the decoded result, and stands
in the ledger and the report with its bound; beyond the bound the verdict says so.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from .nodes import described, finished, weights_of
from .ranges import Ranges, largest

LARGEST = float(np.finfo(np.float16).max)
FLOAT, FLOAT16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
HEADROOM = 2.0  # other pictures than those measured may go so much further


def overflowing(graph: onnx.ModelProto, ranges: Ranges) -> dict[str, float]:
    """Nodes that float16 does not hold, and the largest absolute value at each.

    Args:
        graph: whose nodes have names.
        ranges: of :func:`~.ranges.tensor_ranges`.
    """
    names = {name for node in graph.graph.node for name in node.input}
    weights = weights_of(graph, names)
    found = {}
    for node in graph.graph.node:
        tensors = [*node.input, *node.output]
        peak = max((weights.get(name, largest(ranges, name)) for name in tensors), default=0.0)
        if not peak * HEADROOM <= LARGEST:
            found[node.name] = peak
    return found


def to_float16(graph: onnx.ModelProto, keep: Collection[str] = ()) -> onnx.ModelProto:
    """Return ``graph`` in float16, with float32 inputs and outputs.

    Args:
        graph: whose nodes have names.
        keep: names of nodes that stay in float32.
    """
    half = convert_float_to_float16(
        described(graph), keep_io_types=True, disable_shape_infer=True, node_block_list=list(keep)
    )
    _drop_round_trips(half.graph)
    return finished(graph, half)


def _drop_round_trips(graph: onnx.GraphProto) -> None:
    """Connect neighbours that stay in float32 directly, in place.

    The converter casts what every one of them makes to float16 and back, where it would overflow.
    """
    makers = {output: node for node in graph.node for output in node.output}
    outputs = {value.name for value in graph.output}
    direct: dict[str, str] = {}
    for node in graph.node:
        maker = makers.get(node.input[0]) if node.input else None
        if maker is None or not (_casts(node, FLOAT) and _casts(maker, FLOAT16)):
            continue
        if node.output[0] in outputs:
            del node.attribute[:]
            node.op_type, node.input[0] = "Identity", maker.input[0]
        else:
            direct[node.output[0]] = maker.input[0]
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = direct.get(name, name)
    used = {name for node in graph.node for name in node.input} | outputs
    for node in [node for node in graph.node if node.op_type == "Cast"]:
        if node.output[0] not in used:
            graph.node.remove(node)


def _casts(node: onnx.NodeProto, kind: int) -> bool:
    return node.op_type == "Cast" and any(a.name == "to" and a.i == kind for a in node.attribute)
