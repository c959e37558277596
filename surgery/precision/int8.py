"""``surgery.precision=int8``: static quantisation with QuantizeLinear and DequantizeLinear pairs.

Weights are symmetric with one scale a channel, activations asymmetric with one scale a tensor laid
over the measured range (Nagel et al., "A White Paper on Neural Network Quantization", 2021,
sections 2 and 3). Signed 8-bit integers both, which every run time with QDQ support takes. The
quantiser is ONNX Runtime's (``onnxruntime.quantization``).

One scale for a whole weight, the quantiser's default, spends its 255 steps on the largest channel;
and a few layers, the heads above all, lose more than all others together. So layers are ordered by
the noise that each makes alone, and as few as will do are left in float32, until the loss measured
on held-back pictures is under the bound (``surgery.precision.sensitivity``).

Approximate. The loss and the layers left out stand in the ledger and the report; where it stays
beyond the bound the verdict says so.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from postprocess.errors import InputError

from ..graph.view import opset_of
from ..support.quiet import silent
from .nodes import described, finished
from .ranges import Ranges, calibration_data

LEAST_OPSET = 13  # the first with one scale a channel


def to_int8(graph: onnx.ModelProto, ranges: Ranges, keep: Collection[str] = ()) -> onnx.ModelProto:
    """Return ``graph`` quantised, with float32 inputs and outputs.

    Args:
        graph: whose nodes have names.
        ranges: of :func:`~.ranges.tensor_ranges`.
        keep: names of nodes that stay in float32.

    Raises:
        InputError: the graph's opset has no scale for each channel.
    """
    if opset_of(graph) < LEAST_OPSET:
        raise InputError(
            f"surgery.precision=int8 expects opset {LEAST_OPSET} or later, the graph is of opset "
            f"{opset_of(graph)}: set surgery.opset={LEAST_OPSET}"
        )
    with silent():
        quantizer = QDQQuantizer(
            described(graph),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8,
            tensors_range=calibration_data(ranges),
            nodes_to_quantize=[],
            nodes_to_exclude=list(keep),
            op_types_to_quantize=sorted({**QDQRegistry, **QLinearOpsRegistry}),
            extra_options={},
        )
        quantizer.quantize_model()
    return finished(graph, quantizer.model.model)
