"""Take a node out: what read its output reads its input instead."""

from __future__ import annotations

import onnx

from postprocess.errors import InputError
from postprocess.registry import suggestion

from .lookup import among
from .rename import reading
from .shapes import described
from .view import View, reads


def remove(model: onnx.ModelProto, node: str, by: str | None = None) -> onnx.ModelProto:
    """Return ``model`` without a node.

    Args:
        model: left as it is.
        node: its name, or the name of a tensor that it makes.
        by: the input that stands in for its output; by default the only one that is no weight.

    Raises:
        InputError: no such node or several, several outputs that are read, or no input to stand in.
    """
    view = View(model)
    position = position_of(view, node)
    gone = view.nodes[position]
    label = gone.name or gone.output[0]
    used = [name for name in gone.output if name in view.readers or name in view.outputs]
    if len(used) > 1:
        raise InputError(
            f"node {label!r} makes {', '.join(used)}: one input cannot stand in for all"
        )
    source = _stand_in(view, gone, by)
    removed = onnx.ModelProto()
    removed.CopyFrom(model)
    graph = removed.graph
    del graph.node[position]
    for name in used:
        reading(graph, {name: source})
        if name in view.outputs:
            _hand_over(graph, view, source, name)
    _drop_weights(graph, gone)
    return described(removed)


def position_of(view: View, name: str) -> int:
    """Return the position of the node called ``name``, or of the one that makes it."""
    found = [i for i, node in enumerate(view.nodes) if name and node.name == name]
    if not found and name in view.maker:
        found = [view.maker[name]]
    if len(found) > 1:
        raise InputError(f"{len(found)} nodes are called {name!r}: name a tensor that one makes")
    if not found:
        known = [*(node.name for node in view.nodes if node.name), *view.maker]
        raise InputError(f"there is no node {name!r}{suggestion(name, known)}")
    return found[0]


def _stand_in(view: View, node: onnx.NodeProto, by: str | None) -> str:
    label = node.name or node.output[0]
    inputs = [name for name in node.input if name]
    if by is not None:
        return among(by, map(str, inputs), f"input of node {label!r}")
    data = [name for name in inputs if name not in view.constants]
    if len(data) != 1:
        listed = ", ".join(map(repr, data or inputs)) or "none"
        raise InputError(
            f"node {label!r} ({node.op_type}) has {len(data)} inputs that are no weights "
            f"({listed}): say with by: which one stands in for its output"
        )
    return str(data[0])


def _hand_over(graph: onnx.GraphProto, view: View, source: str, output: str) -> None:
    """Let what made ``source`` make the graph's output; an input gets an Identity behind it."""
    if source not in view.maker or source in view.outputs:
        node = onnx.NodeProto(op_type="Identity", name=f"{output}/Identity")
        node.input.append(source)
        node.output.append(output)
        graph.node.append(node)
        return
    for node in graph.node:
        node.output[:] = [output if name == source else name for name in node.output]
    reading(graph, {source: output})


def _drop_weights(graph: onnx.GraphProto, node: onnx.NodeProto) -> None:
    """Remove the weights of ``node`` that nothing reads any more, in place."""
    read = {name for other in graph.node for name in reads(other)}
    read |= {value.name for value in graph.output}
    weights = {tensor.name for tensor in graph.initializer}
    unused = weights & set(node.input) - read
    for holder in (graph.initializer, graph.input):
        kept = [item for item in holder if item.name not in unused]
        del holder[:]
        holder.extend(kept)
