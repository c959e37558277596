"""What every conversion of a graph's precision needs: nodes by name, and metadata carried over."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnxruntime.quantization.onnx_model import ONNXModel

from postprocess.errors import InputError

from ..graph.modules import carry_modules
from ..graph.shapes import infer
from ..graph.storage import loaded, settle
from ..graph.weights import array_of, with_weights_as_inputs

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that a sensitivity analysis looks at one by one: the multiply-adds are theirs."""

ONNX_DOMAINS = ("", "ai.onnx")
QUANTISED = ("QuantizeLinear", "DequantizeLinear", "ConvInteger", "MatMulInteger")
HALVES = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)


def named(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which every node has a name of its own.

    Raises:
        InputError: a node is of another domain than ONNX's own, so that its types are not known,
            or the graph is of reduced precision already.
    """
    if has := _reduced_already(graph):
        raise InputError(
            f"surgery.precision expects a graph in float32, this one has {has}: leave "
            "surgery.precision out, or start from the file before it was reduced"
        )
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    taken: set[str] = set()
    for index, node in enumerate(copy.graph.node):
        if node.domain not in ONNX_DOMAINS:
            raise InputError(
                f"surgery.precision expects ONNX's own operators, got {node.domain}::"
                f"{node.op_type}: reduce the precision in the run time that has it, with "
                "surgery.precision=fp32 here"
            )
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{index}"
        taken.add(node.name)
    return copy


def _reduced_already(graph: onnx.ModelProto) -> str:
    """What a graph of reduced precision is known by, or ""."""
    for node in graph.graph.node:
        if node.op_type in QUANTISED or node.op_type.startswith("QLinear"):
            return f"{node.op_type} nodes"
    halves = [each for each in graph.graph.initializer if each.data_type in HALVES]
    return f"weights in {onnx.TensorProto.DataType.Name(halves[0].data_type)}" if halves else ""


def weighted(graph: onnx.ModelProto) -> list[str]:
    """Names of the nodes with weights, in the graph's order."""
    return [node.name for node in graph.graph.node if node.op_type in WEIGHTED]


def described(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy with every weight in it and the type and shape of every tensor.

    It may be larger than what can be serialised, so that a converter must not infer shapes itself.
    """
    copy = loaded(graph)
    del copy.graph.value_info[:]
    copy.graph.value_info.extend(infer(graph).graph.value_info)
    return copy


def finished(before: onnx.ModelProto, after: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``after`` in topological order, with the header and module paths of ``before``."""
    ordered = ONNXModel(after)
    ordered.topological_sort()
    model: onnx.ModelProto = ordered.model
    carry_modules(before, model)
    model.graph.name = before.graph.name
    for field in ("metadata_props", "producer_name", "producer_version"):
        model.ClearField(field)
    model.metadata_props.extend(before.metadata_props)
    model.producer_name = before.producer_name
    model.producer_version = before.producer_version
    del model.graph.value_info[:]  # of types that are no longer true
    settle(model)
    onnx.checker.check_model(with_weights_as_inputs(model), full_check=True)
    return model


def weights_of(graph: onnx.ModelProto, names: Iterable[str]) -> dict[str, float]:
    """Largest absolute value of each float32 initializer among ``names``."""
    wanted = set(names)
    return {
        tensor.name: float(abs(array_of(tensor)).max(initial=0.0))
        for tensor in graph.graph.initializer
        if tensor.name in wanted and tensor.data_type == onnx.TensorProto.FLOAT
    }
