"""Names that stay the same from run to run: nodes by module path, weights by what uses them.

Exporters number nodes and tensors with counters that depend on what the process did before, so the
same network would give another file each time, and a name in a report could not be found again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import onnx

from .modules import module_of, subgraphs
from .schemas import schema_at

# A name such as dla.base.level0.0.weight comes from the network and stays.
_PARAMETER = re.compile(r"[A-Za-z_]\w*(\.\w+)+")
_FORMAL = {"W": "weight", "B": "bias", "R": "recurrence"}


def stable_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of ``model`` with stable names; graph inputs and outputs keep theirs.

    A node is called ``<module path>/<operator>``, numbered from the second one on; its outputs
    carry its name. Weights that have a parameter's dotted name keep it, others get
    ``<node>.<role>`` of their first use (``dla.base.level0/Conv.weight``). Weights are put in the
    order of their first use.
    """
    renamed = onnx.ModelProto()
    renamed.CopyFrom(model)
    _Renaming(renamed).graph(renamed.graph, {}, "")
    return renamed


def fresh(wanted: str, taken: set[str], first: int = 1) -> str:
    """Return ``wanted``, numbered from ``first`` on where it is taken; it is taken from now on."""
    name, count = wanted, first
    while name in taken:
        name = f"{wanted}_{count}"
        count += 1
    taken.add(name)
    return name


class _Renaming:
    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self._opsets = {entry.domain: entry.version for entry in model.opset_import}
        self._taken = {value.name for value in (*graph.input, *graph.output)}
        self._node_names: set[str] = set()

    def graph(self, graph: onnx.GraphProto, outer: Mapping[str, str], prefix: str) -> None:
        """Rename ``graph`` in place; ``outer`` maps the names that it sees from outside."""
        names = dict(outer)
        fixed = {} if prefix else {v.name: v.name for v in (*graph.input, *graph.output)}
        names.update(fixed)
        if prefix:
            for value in graph.input:
                names[value.name] = fresh(f"{prefix}/{value.name}", self._taken)
        tensors = {tensor.name for tensor in graph.initializer}
        tensors |= {tensor.values.name for tensor in graph.sparse_initializer}
        order: list[str] = []
        for name in sorted(tensors):
            if name not in fixed and _PARAMETER.fullmatch(name):
                names[name] = fresh(name, self._taken)
        for node in graph.node:
            stem = f"{module_of(node)}/{node.op_type}" if module_of(node) else node.op_type
            node.name = fresh(f"{prefix}/{stem}" if prefix else stem, self._node_names)
            for position, name in enumerate(node.input):
                if name in tensors:
                    if name not in order:
                        order.append(name)
                    if name not in names:
                        role = f"{node.name}.{self._role(node, position)}"
                        names[name] = fresh(role, self._taken)
            for subgraph in subgraphs(node):
                self.graph(subgraph, names, f"{node.name}.{subgraph.name or 'body'}")
            for position, name in enumerate(node.output):
                if name and name not in fixed:
                    suffix = f".{position}" if len(node.output) > 1 else ""
                    names[name] = fresh(f"{node.name}{suffix}", self._taken)
        for name in sorted(tensors - names.keys()):
            names[name] = fresh(f"{prefix}/{name}" if prefix else name, self._taken)
        self._apply(graph, names, order)

    def _apply(self, graph: onnx.GraphProto, names: Mapping[str, str], order: list[str]) -> None:
        for node in graph.node:
            node.input[:] = [names.get(name, name) if name else "" for name in node.input]
            node.output[:] = [names.get(name, name) if name else "" for name in node.output]
        place = {name: position for position, name in enumerate(order)}
        weights = sorted(
            graph.initializer, key=lambda tensor: (place.get(tensor.name, len(place)), tensor.name)
        )
        del graph.initializer[:]
        graph.initializer.extend(weights)
        for holder in (graph.initializer, graph.input, graph.output, graph.value_info):
            for item in holder:
                item.name = names.get(item.name, item.name)
        for sparse in graph.sparse_initializer:
            sparse.values.name = names.get(sparse.values.name, sparse.values.name)
        infos = sorted(graph.value_info, key=lambda value: value.name)
        del graph.value_info[:]
        graph.value_info.extend(infos)

    def _role(self, node: onnx.NodeProto, position: int) -> str:
        """What the operator calls its input ``position``: ``weight`` for W of Conv."""
        version = self._opsets.get(node.domain, 1)
        schema = schema_at(node.op_type, version, node.domain)
        if schema is None or not schema.inputs:
            return str(position)
        formals = schema.inputs
        formal = formals[min(position, len(formals) - 1)].name
        variadic = len(node.input) > len(formals) and position >= len(formals) - 1
        several = f".{position}" if variadic else ""
        return _FORMAL.get(formal, formal.lower()) + several
