"""Transposes that cancel, or that have more axes than a target takes."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..graph.view import View
from ..graph.weights import with_inputs_as_weights, with_weights_as_inputs
from .base import GraphPass
from .node_pass import Answer, Draft, NodePass
from .pixel_shuffle import Chain, chain_to


@dataclass(frozen=True)
class _Transpose(GraphPass):
    """Transposes pushed through the graph until they meet their opposite: ONNX Runtime's optimizer.

    ``onnxruntime/core/optimizer/transpose_optimization`` moves a Transpose past whatever works in
    any order of axes, weighing what it costs. Its basic level writes standard operators alone, and
    with them its other exact rewrites: constants folded, Pad and bias put into convolutions.

    Converters from channels-last frameworks leave a Transpose on both sides of whatever works along
    the last axis. They are no pair that a clean-up could take out, since something stands between;
    each is refused where Transpose is missing, and copies the whole map where it is not.
    """

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


MOST = 4  # axes


def _transpose_rank(node: onnx.NodeProto, view: View) -> Answer:
    """Reshape, Transpose, Reshape over five axes or more as one over four at most.

    Without it: ShuffleNet's channel shuffle, which Lite-HRNet and PP-TinyPose have in every block,
    goes through tensors of five axes in PyTorch, (N, groups, C / groups, H, W). NNAPI's Reshape and
    Transpose stop at four ("Transpose only supports 1-4d shape"): 49 such nodes cut this project's
    TinyPose into 18 partitions there, and into one when they are gone.

    Axes that stay neighbours in the Transpose are one axis as far as memory goes, and axes of size
    1 are none: (0, 2, 1, 3, 4) over (N, g, c, H, W) is (0, 2, 1, 3) over (N, g, c, H W). Exact to
    the bit.

    Declined: sizes that are not known (one may be open), middle tensors that something else reads,
    and orders in which more than four groups of axes change places; ``pixel_shuffle`` takes the
    common one.
    """
    chain = chain_to(node, view)
    if chain is None or len(chain.middle) <= MOST:
        return None
    groups = merged(chain)
    after = view.shape(node.output[0])
    if len(groups) > MOST:
        return f"{len(groups)} groups of axes change places"
    sizes = [_size([chain.middle[axis] for axis in group]) for group in sorted(groups)]
    final = [size if isinstance(size, int) else -1 for size in after or ()]
    if after is None or sizes.count(-1) > 1 or final.count(-1) > 1:
        return "more than one size is not known"
    draft = Draft(node, view)
    before = draft.op("Reshape", chain.source, draft.ints(*sizes, role="shape"))
    order = [sorted(groups).index(group) for group in groups]
    moved = draft.op("Transpose", before, perm=order)
    draft.op("Reshape", moved, draft.ints(*final, role="shape"), final=True)
    return draft


def merged(chain: Chain) -> list[tuple[int, ...]]:
    """Groups of axes that stay neighbours, in the order of the Transpose's output."""
    axes = [axis for axis in chain.axes if chain.middle[axis] != 1]
    inner = sorted(axes)
    groups: list[list[int]] = []
    for axis in axes:
        place = inner.index(axis)
        if groups and place and inner[place - 1] == groups[-1][-1]:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return [tuple(group) for group in groups]


def _size(sizes: list[int | None]) -> int:
    """Product of the sizes, -1 where one of them is not known."""
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else -1


TRANSPOSE_RANK = NodePass(
    "transpose_rank",
    "Transposes over five axes or more, between Reshapes, over four at most",
    ("Reshape",),
    _transpose_rank,
)
