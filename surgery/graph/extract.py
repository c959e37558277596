"""Take the part of a graph between given tensors, as a graph of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import onnx

from postprocess.errors import InputError

from .lookup import made, tensor
from .run import Array, run
from .view import View, reads

Describe = Callable[[str], onnx.ValueInfoProto]


def extract(
    model: onnx.ModelProto,
    outputs: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
) -> onnx.ModelProto:
    """Return the part of ``model`` that makes ``outputs`` of ``inputs``.

    Args:
        model: left as it is.
        outputs: names of tensors; all outputs of the graph by default.
        inputs: names of tensors at which the part begins; the graph's own inputs that are needed
            by default.

    Raises:
        InputError: an unknown name, an input that is not needed, or one that is needed and missing.
    """
    view = View(model)
    ends = tuple(view.outputs) if outputs is None else made(view, outputs, "outputs")
    if inputs is None:
        return part(view, ends)
    starts = tuple(dict.fromkeys(tensor(view, name, "inputs") for name in inputs))
    weights = [name for name in starts if name in view.fixed]
    if weights:
        raise InputError(f"inputs names {weights[0]!r}, a weight: it comes along by itself")
    _check_starts(view, starts, ends)
    return part(view, ends, starts)


def part(
    view: View,
    outputs: Sequence[str],
    inputs: Sequence[str] = (),
    describe: Describe | None = None,
) -> onnx.ModelProto:
    """Return what ``outputs`` need, as it is in the file, looking back no farther than ``inputs``.

    Args:
        view: of the graph, which is left as it is.
        outputs: of the part, in order.
        inputs: tensors that become inputs, in order; behind them come inputs of the graph that are
            needed besides.
        describe: type and shape of a tensor by name; as the view knows them by default.
    """
    describe = describe or view.info
    model = view.model
    kept = sorted(view.upstream(outputs, stop=inputs))
    taken = onnx.ModelProto()
    taken.CopyFrom(_header(model))
    graph = taken.graph
    graph.name = model.graph.name or "backbone"
    graph.node.extend(view.nodes[position] for position in kept)
    read = {name for node in graph.node for name in reads(node)}
    own = read - set(inputs)
    graph.initializer.extend(t for t in model.graph.initializer if t.name in own)
    graph.sparse_initializer.extend(
        t for t in model.graph.sparse_initializer if t.values.name in own
    )
    graph.input.extend(describe(name) for name in inputs)
    graph.input.extend(value for value in model.graph.input if value.name in own)
    graph.output.extend(describe(name) for name in outputs)
    inner = {name for node in graph.node for name in node.output} - set(outputs)
    graph.value_info.extend(value for value in model.graph.value_info if value.name in inner)
    return taken


def _header(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without its graph."""
    header = onnx.ModelProto(ir_version=model.ir_version)
    header.producer_name, header.producer_version = model.producer_name, model.producer_version
    header.opset_import.extend(model.opset_import)
    header.metadata_props.extend(model.metadata_props)
    header.functions.extend(model.functions)
    return header


def _check_starts(view: View, starts: Sequence[str], ends: Sequence[str]) -> None:
    """Refuse a start that is not needed, and ways that lead around the starts."""
    nodes = [view.nodes[position] for position in view.upstream(ends, stop=starts)]
    read = {name for node in nodes for name in reads(node)}
    for name in starts:
        if name in ends:
            raise InputError(f"{name!r} is named among inputs and outputs: no node lies between")
        if name not in read:
            raise InputError(f"inputs names {name!r}, which {_listed(ends)} does not need")
    missing = [name for name in view.inputs if name in read and name not in starts]
    if missing:
        raise InputError(
            f"{_listed(ends)} also needs {_listed(missing)} besides the named inputs: add it to "
            "inputs, or begin farther down"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def tensors(
    model: onnx.ModelProto, feeds: Mapping[str, Array], names: Sequence[str]
) -> dict[str, Array]:
    """Values of tensors of the main graph, inputs and weights included, in ONNX Runtime."""
    view = View(model)
    inner = [name for name in dict.fromkeys(names) if name in view.maker]
    found = run(part(view, inner), feeds) if inner else {}
    return {name: found[name] if name in found else feeds[name] for name in names}
