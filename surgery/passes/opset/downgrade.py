"""A graph in an older opset, one version after the other, by the operators' own schemas.

An operator that changed in a version says in its schema (onnx.defs) how: most only take more types
since, or have a new attribute whose default means what they did before. Those are written in the
older version as they are. For the others :mod:`.forms` has the older form, and an operator that is
defined as a function of others (HardSwish, Gelu, GroupNormalization) is replaced by those first.
What has no older form is refused by name. Types are left to the checker, which knows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
from onnx import helper, inliner

from postprocess.errors import InputError

from ...graph.modules import subgraphs
from ...graph.schemas import schema_at
from ...graph.shapes import infer
from ...graph.view import View, opset_of
from ..node_pass import Draft
from .form import Form
from .forms import FORMS, REDEFINED

_Graphs = Iterator[onnx.GraphProto]


def downgraded(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return ``model`` in the older ``opset``; it is left as it is itself.

    Raises:
        InputError: a node has no form in ``opset``.
    """
    made = _without_functions(model, opset)
    for version in range(opset_of(model), opset, -1):
        view = View(made)
        for graph in _graphs(made.graph):
            nodes: list[onnx.NodeProto] = []
            for node in list(graph.node):
                nodes += _older(node, version, view, made)
            copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
            del graph.node[:]
            graph.node.extend(copies)
        for entry in made.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = version - 1
    return made


def _older(
    node: onnx.NodeProto, version: int, view: View, model: onnx.ModelProto
) -> list[onnx.NodeProto]:
    """What a node of opset ``version`` is in the one before; new weights go to ``model``."""
    if node.domain not in ("", "ai.onnx"):
        return [node]
    new = _schema(node, version)
    if new is None or new.since_version != version:
        return [node]
    form: Form | None = FORMS.get((node.op_type, version))
    if form is not None:
        draft = Draft(node, view)
        nodes = form(node, draft, view)
        if isinstance(nodes, str):
            raise InputError(f"{_place(node)}: {nodes}")
        model.graph.initializer.extend(draft.weights)
        return nodes
    old = _schema(node, version - 1)
    if old is None:
        raise InputError(f"{_place(node)} exists from opset {version} on")
    _adjust(node, new, old)
    return [node]


def _adjust(node: onnx.NodeProto, new: onnx.defs.OpSchema, old: onnx.defs.OpSchema) -> None:
    """Write a node by the rules of its operator's older version, in place."""
    for attribute in list(node.attribute):
        if attribute.name not in old.attributes:
            value = helper.get_attribute_value(attribute)
            if value != _default(new, attribute.name) and not _neutral(attribute.name, value):
                shown = value.decode() if isinstance(value, bytes) else value
                raise InputError(
                    f"{_place(node)} has {attribute.name}={shown}, which it takes from opset "
                    f"{new.since_version} on"
                )
            node.attribute.remove(attribute)
    given = {attribute.name for attribute in node.attribute}
    for name in old.attributes:
        if name in new.attributes and name not in given:
            meant = _default(new, name)
            if meant is not None and meant != _default(old, name):
                node.attribute.append(helper.make_attribute(name, meant))
    while node.input and not node.input[-1]:
        del node.input[-1]
    if not old.min_input <= len(node.input) <= old.max_input:
        raise InputError(
            f"{_place(node)} has {len(node.input)} inputs, before opset {new.since_version} it "
            f"takes {old.min_input} to {old.max_input}"
        )


def _neutral(name: str, value: Any) -> bool:
    """Whether an attribute says nothing: a dilation of 1 along each axis."""
    return name == "dilations" and set(value) <= {1}


def _default(schema: onnx.defs.OpSchema, name: str) -> Any:
    value = schema.attributes[name].default_value if name in schema.attributes else None
    return helper.get_attribute_value(value) if value is not None and value.type else None


def _without_functions(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """A copy in which operators that ``opset`` lacks are written as what they are defined to be."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    current = opset_of(model)
    for _ in range(4):  # a function may use others: Gelu has CastLike
        foreign = {
            node.op_type
            for graph in _graphs(made.graph)
            for node in graph.node
            if node.domain in ("", "ai.onnx") and _is_lacking(node, current, opset)
        }
        if not foreign:
            break
        _state_types(made)
        names = [("", name) for name in sorted(foreign)]
        made = inliner.inline_selected_functions(made, names, inline_schema_functions=True)
    return made


def _state_types(model: onnx.ModelProto) -> None:
    """Write down the types of all tensors, weights too: some functions depend on them."""
    inferred = list(infer(model).graph.value_info)
    del model.graph.value_info[:]
    model.graph.value_info.extend(inferred)
    model.graph.value_info.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in model.graph.initializer
    )


def _is_lacking(node: onnx.NodeProto, current: int, opset: int) -> bool:
    """Whether a function has to stand for the node, since nothing else does."""
    if opset < REDEFINED.get(node.op_type, 0):
        return True
    new = _schema(node, current)
    if new is None or (node.op_type, new.since_version) in FORMS:
        return False
    # Properties of the C++ class that onnx's stub does not list.
    kinds = ("has_function", "has_context_dependent_function")
    return _schema(node, opset) is None and any(getattr(new, kind, False) for kind in kinds)


def _schema(node: onnx.NodeProto, version: int) -> onnx.defs.OpSchema | None:
    return schema_at(node.op_type, version)


def _graphs(graph: onnx.GraphProto) -> _Graphs:
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _graphs(inner)


def _place(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]!r}"
