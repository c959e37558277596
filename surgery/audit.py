"""What a target makes of a graph: which nodes run there, which are refused, why, and at what cost.

A refused node costs more than itself: the graph is cut there, and tensors travel between devices.
So the audit counts partitions as ONNX Runtime forms them, and the share of multiply-adds outside.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper, inliner

from postprocess.errors import InputError

from .graph.files import check_domains, load_onnx
from .graph.macs import multiply_adds
from .graph.modules import all_nodes, module_of, subgraphs
from .graph.partitions import partitions
from .graph.shapes import infer, shape_of, shapes, skeleton
from .targets import Target
from .targets.verdict import Verdict, Verdicts

# Sizes assumed for dynamic axes that the caller does not fix.
BATCH, SIDE = 1, 256


@dataclass(frozen=True)
class Refusal:
    """A node that the target does not run.

    Attributes:
        module: path of the module that made it, "" where the graph does not say.
        macs: its multiply-adds.
    """

    name: str
    operator: str
    module: str
    reason: str
    macs: int


@dataclass(frozen=True)
class Audit:
    """The findings for one graph and one target.

    Attributes:
        nodes: number of nodes, those of subgraphs included, constants not.
        histogram: nodes by operator, most frequent first; ``domain:Operator`` outside ``ai.onnx``.
        refused: nodes that the target does not run, in graph order.
        notes: conditions of operators in use that were not checked, by operator.
        findings: what is wrong with the graph as a whole.
        partitions: number of nodes of each run of the graph on the target.
        macs: multiply-adds of the whole graph; of nodes with unknown shapes, none.
        uncounted: nodes whose multiply-adds depend on shapes that are not known.
        parameters, parameter_bytes: of the weights.
        inputs, outputs: name -> type and shape, as ``float32[1, 3, height, width]``.
        assumed: sizes that symbols of dynamic axes were given to count multiply-adds.
    """

    target: str
    target_summary: str
    source: str
    opset: int
    nodes: int
    histogram: Mapping[str, int]
    refused: tuple[Refusal, ...]
    notes: Mapping[str, str]
    findings: tuple[str, ...]
    partitions: tuple[int, ...]
    macs: int
    uncounted: int
    parameters: int
    parameter_bytes: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    assumed: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Whether the target runs the whole graph as it is."""
        return not self.refused and not self.findings

    @property
    def refused_share(self) -> float:
        """Share of the multiply-adds in refused nodes, 0 to 1."""
        return sum(node.macs for node in self.refused) / self.macs if self.macs else 0.0

    @property
    def summary(self) -> str:
        """The answer in one line."""
        count = len(self.partitions)
        parts = f"{count} partition{'' if count == 1 else 's'}"
        if not self.refused:
            return f"{self.target} runs all {self.nodes} nodes, in {parts}"
        runs = self.nodes - len(self.refused)
        return (
            f"{self.target} runs {runs} of {self.nodes} nodes, in {parts}; "
            f"{self.refused_share:.1%} of the multiply-adds are in refused nodes"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        values = asdict(self)
        values |= {"ok": self.ok, "summary": self.summary, "refused_share": self.refused_share}
        return values


def audit(
    model: onnx.ModelProto | str | Path, target: Target, sizes: Mapping[str, int] | None = None
) -> Audit:
    """Hold a graph against what a target takes.

    Args:
        model: a graph, or the file of one; its weights' values are not looked at.
        target: what to hold it against.
        sizes: sizes of dynamic axes by symbol, for counting; 1 for a first axis and 256 for others
            by default.

    Raises:
        InputError: the file is not a usable ONNX model, see :func:`~surgery.graph.files.load_onnx`.
    """
    if isinstance(model, onnx.ModelProto):
        check_domains(model, f"graph {model.graph.name!r}")
    else:
        model = load_onnx(model)
    bare = _inlined(skeleton(model))
    dynamic = _symbols(bare)
    assumed = {symbol: (sizes or {}).get(symbol, size) for symbol, size in dynamic.items()}
    bare = infer(bare, assumed)
    known = shapes(bare)
    verdicts = Verdicts(bare, target)
    rated = [(node, _verdict(node, verdicts)) for node in all_nodes(bare.graph)]
    rated = [(node, verdict) for node, verdict in rated if node.op_type != "Constant"]
    macs = [multiply_adds(node, known) for node, _ in rated]
    refused = tuple(
        Refusal(_name(node), _operator(node), module_of(node), verdict.reason, count or 0)
        for (node, verdict), count in zip(rated, macs, strict=True)
        if verdict.reason
    )
    runs = {id(node): not verdict.reason for node, verdict in rated}
    counts = Counter(_operator(node) for node, _ in rated)
    sizes_of = [(math.prod(t.dims), t.data_type) for t in model.graph.initializer]
    return Audit(
        target=target.name,
        target_summary=target.summary,
        source=target.source,
        opset=_opset(model),
        nodes=len(rated),
        histogram=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        refused=refused,
        notes=dict(sorted({_operator(n): v.note for n, v in rated if v.note}.items())),
        findings=tuple(_findings(model, target, dynamic)),
        partitions=tuple(
            partitions(
                [node for node in bare.graph.node if id(node) in runs],
                lambda node: runs[id(node)],
            )
        ),
        macs=sum(count or 0 for count in macs),
        uncounted=sum(count is None for count in macs),
        parameters=sum(count for count, _ in sizes_of),
        parameter_bytes=sum(math.ceil(count * _width(kind)) for count, kind in sizes_of),
        inputs=_ports(model, model.graph.input),
        outputs=_ports(model, model.graph.output),
        assumed=assumed,
    )


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    return inliner.inline_local_functions(model) if model.functions else model


def _verdict(node: onnx.NodeProto, verdicts: Verdicts) -> Verdict:
    """A node with subgraphs runs where all that is inside runs."""
    verdict = verdicts.of(node)
    if verdict.reason:
        return verdict
    for inner in (inner for subgraph in subgraphs(node) for inner in all_nodes(subgraph)):
        reason = verdicts.of(inner).reason
        if reason:
            return Verdict(f"{_operator(inner)} inside: {reason}")
    return verdict


def _findings(model: onnx.ModelProto, target: Target, dynamic: Mapping[str, int]) -> list[str]:
    found = []
    low, high = target.opset
    if not low <= _opset(model) <= high:
        found.append(f"opset {_opset(model)} is outside {low} to {high}: export with surgery.opset")
    if dynamic and not target.dynamic_shapes:
        found.append(f"dynamic axes ({', '.join(dynamic)}): {target.name} needs fixed sizes")
    listed = {t.name for t in model.graph.initializer} & {v.name for v in model.graph.input}
    if listed:
        found.append(
            f"{len(listed)} weights are listed as inputs, so that nothing can be folded: "
            "the pass 'initializers' frees them"
        )
    return found


def _symbols(model: onnx.ModelProto) -> dict[str, int]:
    """Symbols of the inputs' dynamic axes with the size assumed for each; unnamed ones get one."""
    weights = {tensor.name for tensor in model.graph.initializer}
    symbols: dict[str, int] = {}
    for value in model.graph.input:
        if value.name in weights:
            continue
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


def _operator(node: onnx.NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}:{node.op_type}"


def _name(node: onnx.NodeProto) -> str:
    return node.name or next(iter(node.output), "")


def _opset(model: onnx.ModelProto) -> int:
    versions = [e.version for e in model.opset_import if e.domain in ("", "ai.onnx")]
    return versions[0] if versions else 0


def _width(kind: int) -> float:
    """Bytes per element; 4-bit types share a byte."""
    try:
        size = helper.tensor_dtype_to_np_dtype(kind).itemsize
    except (KeyError, TypeError) as error:
        raise InputError(f"a weight is of the unknown element type {kind}") from error
    return 0.5 if TensorProto.DataType.Name(kind) in ("INT4", "UINT4", "FLOAT4E2M1") else size
