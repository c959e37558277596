"""onnxslim: clean-ups that onnxscript does not do, such as Transpose pairs and Reshape chains."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from .base import EVERY_OPSET


@dataclass(frozen=True)
class _Slim:
    name: str = "slim"
    summary: str = "fusions, redundant Transpose, Reshape, Cast and Identity (onnxslim)"
    opsets: range = EVERY_OPSET
    exact: bool = True
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        import onnxslim  # half a second to import

        slimmed: onnx.ModelProto = onnxslim.slim(model)
        return slimmed


SLIM = _Slim()
