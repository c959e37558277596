"""Facts about a graph that hold for every target: nodes, multiply-adds, sizes, ports, parameters.

Found once for all targets of an audit. Convolutions and matrix products count as multiply-adds;
everything else costs memory traffic rather than arithmetic and counts as none.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper, inliner

from postprocess.errors import InputError

from ..graph.modules import all_nodes, module_of, subgraphs
from ..graph.shapes import Shape, infer, inputs_of, shape_of, skeleton
from ..graph.view import View, downstream, upstream
from ..support.ledger import LEDGER_KEY, STRATEGY_KEY

# Sizes assumed for dynamic axes that the caller does not fix.
BATCH, SIDE = 1, 256
# Operators that read a picture elsewhere than a convolution does: a layer that holds one of them,
# or another package's operator, still samples.
_SAMPLING = frozenset(
    {"DeformConv", "GridSample", "Gather", "GatherElements", "GatherND", "Slice", "Pad"}
)


@dataclass(frozen=True)
class Profile:
    """Facts about one graph; nodes are identified by ``id``.

    Attributes:
        view: of the graph without its large weights, functions inlined, shapes inferred.
        nodes: of the graph itself, in order, without constants.
        every: those of subgraphs too.
        macs: multiply-adds of each of ``every``; None where shapes are not known.
        head, tail: ``nodes`` that do not multiply, and no node upstream, or downstream, of them.
        dynamic: symbols of the inputs' dynamic axes, those without a name given one.
        assumed: the sizes that they were given to count.
        exported: whether this project's export wrote the graph.
        deformable: paths of the modules that were deformable layers, as the export's ledger says,
            and hold nodes that sample.
        parameters, parameter_bytes: of the weights.
        inputs, outputs: name -> type and shape, as ``float32[1, 3, height, width]``.
    """

    view: View
    nodes: tuple[onnx.NodeProto, ...]
    every: tuple[onnx.NodeProto, ...]
    macs: Mapping[int, int | None]
    head: frozenset[int]
    tail: frozenset[int]
    opset: int
    dynamic: tuple[str, ...]
    assumed: Mapping[str, int]
    exported: bool
    deformable: frozenset[str]
    parameters: int
    parameter_bytes: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def histogram(self) -> dict[str, int]:
        """Nodes by operator, most frequent first."""
        counts = Counter(operator_of(node) for node in self.every)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def profile(model: onnx.ModelProto, sizes: Mapping[str, int] | None = None) -> Profile:
    """Look a graph over.

    Args:
        model: left as it is; its weights' values are not looked at.
        sizes: sizes of dynamic axes by symbol.

    Raises:
        InputError: a weight is of an unknown element type.
    """
    bare = _inlined(skeleton(model))
    dynamic = _symbols(bare)
    assumed = {symbol: (sizes or {}).get(symbol, size) for symbol, size in dynamic.items()}
    bare = infer(bare, assumed)
    view = View(bare, inferred=True)
    every = tuple(node for node in all_nodes(bare.graph) if node.op_type != "Constant")
    nodes = tuple(node for node in bare.graph.node if node.op_type != "Constant")
    macs = {id(node): multiply_adds(node, view.shapes) for node in every}

    def multiplies(node: onnx.NodeProto) -> bool:
        inner = [n for graph in subgraphs(node) for n in all_nodes(graph)]
        return any(macs.get(id(n), 0) != 0 for n in (node, *inner))

    idle = [node for node in nodes if not multiplies(node)]
    notes = {entry.key: entry.value for entry in model.metadata_props}
    widths = [(math.prod(t.dims), t.data_type) for t in model.graph.initializer]
    return Profile(
        view=view,
        nodes=nodes,
        every=every,
        macs=macs,
        head=frozenset(map(id, idle)) & _without(nodes, upstream(nodes, multiplies)),
        tail=frozenset(map(id, idle)) & _without(nodes, downstream(nodes, multiplies)),
        opset=view.opset,
        dynamic=tuple(dynamic),
        assumed=assumed,
        exported=STRATEGY_KEY in notes,
        deformable=_deformable(notes.get(LEDGER_KEY, "[]"), every),
        parameters=sum(count for count, _ in widths),
        parameter_bytes=sum(math.ceil(count * _width(kind)) for count, kind in widths),
        inputs=_ports(model, model.graph.input),
        outputs=_ports(model, model.graph.output),
    )


def operator_of(node: onnx.NodeProto) -> str:
    """``Operator``, or ``domain:Operator`` outside ``ai.onnx``."""
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}:{node.op_type}"


def name_of(node: onnx.NodeProto) -> str:
    """Name of a node, that of its first output where it has none."""
    return node.name or next(iter(node.output), "")


def _deformable(ledger: str, nodes: Iterable[onnx.NodeProto]) -> frozenset[str]:
    """Module paths of layers in a ledger, as JSON, that still sample; none in what is no ledger.

    The ledger's paths start at the network, a graph's may start at a child of it: both are given.
    """
    try:
        places = [
            str(entry["where"])
            for entry in json.loads(ledger)
            if entry["fired"] and str(entry["name"]).startswith("dcn.")
        ]
    except (ValueError, TypeError, KeyError):  # anybody may write metadata
        return frozenset()
    sampling = {f"{module_of(node)}." for node in nodes if _samples(node)}
    paths = {*places, *(place.partition(".")[2] for place in places if "." in place)}
    return frozenset(p for p in paths if any(each.startswith(f"{p}.") for each in sampling))


def _samples(node: onnx.NodeProto) -> bool:
    return node.op_type in _SAMPLING or node.domain not in ("", "ai.onnx")


def _without(nodes: Iterable[onnx.NodeProto], flags: Iterable[bool]) -> frozenset[int]:
    return frozenset(id(node) for node, flag in zip(nodes, flags, strict=True) if not flag)


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return inliner.inline_local_functions(model) if model.functions else model
    except (RuntimeError, onnx.checker.ValidationError) as error:
        cause = " ".join(str(error).split())
        raise InputError(f"the model's own functions cannot be put in place: {cause}") from error


def _symbols(model: onnx.ModelProto) -> dict[str, int]:
    """Symbols of the inputs' dynamic axes with the size assumed for each; unnamed ones get one."""
    symbols: dict[str, int] = {}
    for value in inputs_of(model):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value"):
                dim.dim_param = dim.dim_param or f"{value.name}_dim_{axis}"
                symbols.setdefault(dim.dim_param, BATCH if axis == 0 else SIDE)
    return symbols


def _ports(model: onnx.ModelProto, values: Any) -> dict[str, str]:
    weights = {tensor.name for tensor in model.graph.initializer}
    ports = {}
    for value in values:
        if value.name not in weights:
            kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
            kind = {"float": "float32", "double": "float64"}.get(kind, kind)
            shape = ", ".join("?" if dim is None else str(dim) for dim in shape_of(value) or ())
            ports[value.name] = f"{kind}[{shape}]"
    return ports


def _width(kind: int) -> float:
    """Bytes per element; 4-bit types share a byte."""
    try:
        size = helper.tensor_dtype_to_np_dtype(kind).itemsize
    except (KeyError, TypeError) as error:
        raise InputError(f"a weight is of the unknown element type {kind}") from error
    return 0.5 if TensorProto.DataType.Name(kind) in ("INT4", "UINT4", "FLOAT4E2M1") else size


# Position of the weight among the inputs.
_FILTERED = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "DeformConv": 1, "FusedConv": 1}
_PRODUCTS = {"MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
COUNTED = frozenset({*_FILTERED, *_PRODUCTS, "ConvTranspose", "Gemm"})


def multiply_adds(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    """Return the multiply-adds of ``node``; None where a shape that decides it is not known."""
    if node.op_type in _FILTERED:  # per output element: one filter (M, C/groups, kh, kw)
        weight = _sizes(node.input, _FILTERED[node.op_type], shapes)
        out = _sizes(node.output, 0, shapes)
        return None if weight is None or out is None else math.prod(out) * math.prod(weight[1:])
    if node.op_type == "ConvTranspose":  # per input element: one filter (C, M/groups, kh, kw)
        weight, given = _sizes(node.input, 1, shapes), _sizes(node.input, 0, shapes)
        return None if weight is None or given is None else math.prod(given) * math.prod(weight[1:])
    if node.op_type == "Gemm":
        out, left = _sizes(node.output, 0, shapes), _sizes(node.input, 0, shapes)
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        if out is None or left is None or not left:
            return None
        return math.prod(out) * left[0 if transposed else -1]
    if node.op_type in _PRODUCTS:
        out, left = _sizes(node.output, 0, shapes), _sizes(node.input, 0, shapes)
        return None if out is None or not left else math.prod(out) * left[-1]
    return 0


def _sizes(
    names: Sequence[str], position: int, shapes: Mapping[str, Shape]
) -> tuple[int, ...] | None:
    shape = shapes.get(names[position]) if position < len(names) else None
    if shape is None:
        return None
    sizes = tuple(dim for dim in shape if isinstance(dim, int))
    return sizes if len(sizes) == len(shape) else None
