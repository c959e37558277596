"""The first module whose result an exported graph does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..graph.modules import module_of
from ..graph.run import Array, run
from ..measure.arrays import difference, within


def first_divergence(
    graph: onnx.ModelProto,
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    feeds: Mapping[str, Array],
    noise: float | None,
) -> str:
    """Say where the graph leaves the module: ``, first in module 'neck' (node 'neck/Resize')``.

    Modules are taken in the order in which they end. One whose result is that of no node of its own
    is the place; "" where there is none, or where the graph cannot be run with all its tensors.

    Args:
        inputs: of the module; feeds: the same for the graph.
        noise: rounding relative to a tensor's scale; None for that of float32.
    """
    nodes: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.graph.node:
        path = module_of(node)
        while path:
            nodes.setdefault(path, []).append(node)
            path = path.rpartition(".")[0]
    try:
        tensors = _all_tensors(graph, feeds)
    except InputError:
        return ""
    for path, expected in _results(module, inputs):
        made = [name for node in nodes.get(path, ()) for name in node.output if name in tensors]
        alike = [tensors[name] for name in made if tensors[name].shape == expected.shape]
        if made and not any(_equal(expected, array, noise) for array in alike):
            return f", first in module {path!r} (node {nodes[path][-1].name!r})"
    return ""


def _equal(expected: Array, found: Array, noise: float | None) -> bool:
    gap = difference(expected, found)
    return within(gap, None if noise is None else noise * gap.scale)


def _all_tensors(graph: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    shown = onnx.ModelProto()
    shown.CopyFrom(graph)
    known = {value.name for value in shown.graph.output}
    names = [n for node in shown.graph.node for n in node.output if n and n not in known]
    sequences = {v.name for v in shown.graph.value_info if not v.type.HasField("tensor_type")}
    names = [name for name in names if name not in sequences]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return run(shown, feeds)


def _results(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[tuple[str, Array]]:
    """Tensors that modules return, by path, in the order in which the modules end."""
    found: list[tuple[str, Array]] = []
    paths = {child: path for path, child in module.named_modules() if path}

    def note(child: nn.Module, given: Any, result: Any) -> None:
        if isinstance(result, Tensor) and not any(path == paths[child] for path, _ in found):
            found.append((paths[child], result.detach().float().numpy(force=True).copy()))

    hooks = [child.register_forward_hook(note) for child in paths]
    try:
        with torch.no_grad():
            module(*(tensor.clone() for tensor in inputs))
    finally:
        for hook in hooks:
            hook.remove()
    return found
