"""Join two graphs: outputs of one become inputs of the other."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from postprocess.errors import InputError

from .lookup import among
from .names import fresh
from .rename import substituted
from .shapes import inputs_of, shape_of, type_and_shape
from .view import all_names


def merge(
    first: onnx.ModelProto, second: onnx.ModelProto, connect: Mapping[str, str]
) -> onnx.ModelProto:
    """Return ``first`` followed by ``second``.

    Args:
        first, second: left as they are.
        connect: input of ``second`` by output of ``first``.

    Raises:
        InputError: an unknown name, a type or shape that does not fit, two opsets of one domain,
            or an input or output that both graphs have.
    """
    _check_connections(first, second, connect)
    _check_opsets(first, second)
    second = _apart(first, second, connect)
    merged = onnx.ModelProto()
    merged.CopyFrom(first)
    merged.ir_version = max(first.ir_version, second.ir_version)
    domains = {entry.domain for entry in first.opset_import}
    merged.opset_import.extend(e for e in second.opset_import if e.domain not in domains)
    known = {(f.domain, f.name) for f in first.functions}
    merged.functions.extend(f for f in second.functions if (f.domain, f.name) not in known)
    graph, behind = merged.graph, second.graph
    kept = [value for value in graph.output if value.name not in connect]
    joined = [value for value in graph.output if value.name in connect]
    del graph.output[:]
    graph.output.extend([*kept, *behind.output])
    graph.value_info.extend([*joined, *behind.value_info])
    graph.node.extend(behind.node)
    graph.initializer.extend(behind.initializer)
    graph.sparse_initializer.extend(behind.sparse_initializer)
    graph.input.extend(value for value in behind.input if value.name not in connect)
    return merged


def _check_connections(
    first: onnx.ModelProto, second: onnx.ModelProto, connect: Mapping[str, str]
) -> None:
    if not connect:
        raise InputError("connect expects an input of the second graph by output of the first")
    outputs = {value.name: value for value in first.graph.output}
    inputs = {value.name: value for value in inputs_of(second)}
    for output, name in connect.items():
        source = outputs[among(output, outputs, "output of the first graph")]
        target = inputs[among(name, inputs, "input of the second graph")]
        if list(connect.values()).count(name) > 1:
            raise InputError(f"connect feeds input {name!r} twice")
        if not _fits(source, target):
            raise InputError(
                f"output {output!r} is {type_and_shape(source)}, input {name!r} expects "
                f"{type_and_shape(target)}"
            )
    _check_ends(first, second, connect)


def _fits(source: onnx.ValueInfoProto, target: onnx.ValueInfoProto) -> bool:
    """Whether element types are equal and no two sizes contradict each other."""
    if source.type.tensor_type.elem_type != target.type.tensor_type.elem_type:
        return False
    given, wanted = shape_of(source), shape_of(target)
    if given is None or wanted is None:
        return True
    return len(given) == len(wanted) and not any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(given, wanted, strict=True)
    )


def _check_ends(
    first: onnx.ModelProto, second: onnx.ModelProto, connect: Mapping[str, str]
) -> None:
    """Refuse names that inputs or outputs of the merged graph would have twice."""
    fed = set(connect.values())
    inputs = [value.name for value in inputs_of(first)]
    inputs += [value.name for value in inputs_of(second) if value.name not in fed]
    outputs = [value.name for value in first.graph.output if value.name not in connect]
    outputs += [value.name for value in second.graph.output]
    for what, names in (("input", inputs), ("output", outputs)):
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise InputError(f"both graphs have an {what} {twice[0]!r}: rename it in one of them")


def _check_opsets(first: onnx.ModelProto, second: onnx.ModelProto) -> None:
    versions = {entry.domain or "ai.onnx": entry.version for entry in first.opset_import}
    for entry in second.opset_import:
        domain = entry.domain or "ai.onnx"
        if versions.get(domain, entry.version) != entry.version:
            raise InputError(
                f"the first graph is of opset {versions[domain]} of {domain}, the second of "
                f"{entry.version}: convert one of them (a step {{opset: {entry.version}}})"
            )


def _apart(
    first: onnx.ModelProto, second: onnx.ModelProto, connect: Mapping[str, str]
) -> onnx.ModelProto:
    """``second`` with its connected inputs called as in ``first``, and nothing else as there."""
    taken, own = all_names(first), all_names(second)
    names = {name: output for output, name in connect.items()}
    ends = {value.name for value in second.graph.output}
    everywhere = taken | own
    for name in sorted((own & taken) - set(names)):
        names[name] = fresh(name, everywhere)
    clash = sorted(ends & set(names) - set(connect.values()))
    if clash:
        raise InputError(
            f"output {clash[0]!r} of the second graph has the name of a tensor of the first: "
            "rename it in one of them"
        )
    renamed = substituted(second, names)
    labels = {node.name for node in first.graph.node}
    for node in renamed.graph.node:
        if node.name:
            node.name = fresh(node.name, labels)
    return renamed
