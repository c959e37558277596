"""Transposes pushed through the graph until they meet their opposite: ONNX Runtime's optimizer.

``onnxruntime/core/optimizer/transpose_optimization`` moves a Transpose past whatever works in any
order of axes, weighing what it costs. Its basic level writes standard operators alone, and with
them its other exact rewrites: constants folded, Pad and bias put into convolutions.

Converters from channels-last frameworks leave a Transpose on both sides of whatever works along the
last axis. They are no pair that a clean-up could take out, since something stands between; each is
refused where Transpose is missing, and copies the whole map where it is not.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..graph.weights import with_inputs_as_weights, with_weights_as_inputs
from .base import GraphPass


@dataclass(frozen=True)
class _Transpose(GraphPass):
    name: str = "transpose"
    summary: str = "Transpose pushed along and cancelled, Pad into convolutions (ONNX Runtime)"

    def check(self, model: onnx.ModelProto) -> str | None:
        present = any(node.op_type == "Transpose" for node in model.graph.node)
        return None if present else "the graph has no Transpose"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "optimized.onnx"
            options.optimized_model_filepath = str(path)
            bare = with_weights_as_inputs(model)
            onnxruntime.InferenceSession(
                bare.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            optimized = with_inputs_as_weights(onnx.load(path), model)
        used = {entry.domain.removeprefix("ai.onnx") for entry in model.opset_import}
        imported = [e for e in optimized.opset_import if e.domain.removeprefix("ai.onnx") in used]
        del optimized.opset_import[:]
        optimized.opset_import.extend(imported)
        _name_nodes(optimized.graph)
        return optimized


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Give nodes that the optimizer left without a name that of their first output."""
    taken = {node.name for node in graph.node}
    for node in graph.node:
        if not node.name and node.output and node.output[0] not in taken:
            node.name = node.output[0]


TRANSPOSE = _Transpose()
