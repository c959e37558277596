"""Names of inputs and outputs that meet no other name while an exporter works.

torch calls values after operators (``softmax``), parameters and buffers (``mean``), and its
exporters give one name to two values where an output asks for one that is taken. They are therefore
given names that nothing else has, and the graph gets the names that were asked for afterwards.
"""

from __future__ import annotations

from dataclasses import replace

import onnx
import onnx_ir as ir

from postprocess.errors import InputError

from ...graph.names import fresh
from ...graph.rename import substituted
from ...graph.view import all_names
from .base import Request

_INPUT, _OUTPUT = "surgery_input_{}", "surgery_output_{}"


def neutral(request: Request) -> Request:
    """Return ``request`` with inputs and outputs under names that no network uses."""
    inputs = tuple(_INPUT.format(i) for i in range(len(request.input_names)))
    outputs = tuple(_OUTPUT.format(i) for i in range(len(request.output_names)))
    names = dict(
        zip((*request.input_names, *request.output_names), (*inputs, *outputs), strict=True)
    )
    dynamic = {names[name]: axes for name, axes in request.dynamic.items()}
    return replace(request, input_names=inputs, output_names=outputs, dynamic=dynamic)


def named(model: onnx.ModelProto, request: Request) -> onnx.ModelProto:
    """Return what was exported for :func:`neutral` of ``request`` with the names of ``request``.

    Other tensors that have one of them get another.

    Raises:
        InputError: the graph has more or fewer outputs than ``request``.
    """
    if len(model.graph.output) != len(request.output_names):
        raise InputError(
            f"expected the {len(request.output_names)} outputs {', '.join(request.output_names)}, "
            f"the exported graph has {len(model.graph.output)}: does forward return a tuple of as "
            "many tensors?"
        )
    names = {_INPUT.format(i): name for i, name in enumerate(request.input_names)}
    found = zip(model.graph.output, request.output_names, strict=True)
    names.update({value.name: name for value, name in found})
    taken = all_names(model) | set(names.values())
    others = {name: fresh(name, taken) for name in names.values() if name in all_names(model)}
    return substituted(model, {**others, **names})


def untangle(graph: ir.Graph, output_names: tuple[str, ...]) -> None:
    """Give every value of ``graph`` a name of its own and every output a node, in place.

    An output that is an input, a weight or another output comes from an Identity.
    """
    taken = {str(value.name) for value in graph.inputs} | set(graph.initializers)
    taken |= set(output_names)
    for node in graph.all_nodes():
        for value in node.outputs:
            if value.name:
                value.name = fresh(value.name, taken)
    seen: set[int] = set()
    for position, name in enumerate(output_names[: len(graph.outputs)]):
        value = graph.outputs[position]
        if value.is_graph_input() or value.is_initializer() or id(value) in seen:
            node = ir.node("Identity", [value])
            graph.append(node)
            made = node.outputs[0]
            made.type, made.shape = value.type, value.shape
            graph.outputs[position] = value = made
        seen.add(id(value))
        value.name = name
