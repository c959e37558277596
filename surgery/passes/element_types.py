"""Element types followed through a graph by its operators' signatures, and where they do not fit.

An operator's schema (onnx.defs) ties inputs and outputs that must be of one element type by a name
(``T``) and lists the types that each takes. :class:`Repair` walks the main graph in order, finds
what each tensor really is, and notes a cast wherever a signature is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..graph.schemas import schema_at
from ..graph.view import View
from .base import GraphPass

_FLOATS = (TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_BOOLEAN, _WHOLE, _FLOATING = range(3)
# What stands in for a type that an operator does not take, by category, the first that it takes.
_INSTEAD = {
    _BOOLEAN: (TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT),
    _WHOLE: (TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT, TensorProto.BOOL),
    _FLOATING: (TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL),
}

Cast = tuple[int, int, int]  # position of the node, of its input, element type


class Repair:
    """The casts that make a graph obey its operators' signatures.

    Attributes:
        casts: position of a node, position among its inputs, and the element type that is wanted
            there, in graph order.
        outputs: declared element types of graph outputs that are computed as another one, by name.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self._view = View(model)
        self._opsets = {entry.domain: entry.version for entry in model.opset_import}
        self._kinds = {t.name: t.data_type for t in model.graph.initializer}
        for value in model.graph.input:
            self._kinds[value.name] = value.type.tensor_type.elem_type
        self.casts: list[Cast] = []
        for position, node in enumerate(model.graph.node):
            self._visit(position, node)
        self.outputs = {
            value.name: value.type.tensor_type.elem_type
            for value in model.graph.output
            if self._kinds.get(value.name) not in (None, 0, value.type.tensor_type.elem_type)
            and value.type.tensor_type.elem_type
        }
        self.casts += [(-1, i, kind) for i, kind in enumerate(self.outputs.values())]

    def applied(self) -> onnx.ModelProto:
        """Return the model, changed in place, with its casts."""
        wanted = {(node, place): kind for node, place, kind in self.casts}
        made: dict[tuple[str, int], str] = {}
        nodes: list[onnx.NodeProto] = []
        for position, node in enumerate(list(self._model.graph.node)):
            copy = onnx.NodeProto.FromString(node.SerializeToString())
            for place, name in enumerate(node.input):
                kind = wanted.get((position, place))
                if kind is not None:
                    copy.input[place] = self._cast(name, kind, made, nodes)
            nodes.append(copy)
        nodes = self._with_output_casts(nodes)
        del self._model.graph.node[:]
        self._model.graph.node.extend(nodes)
        del self._model.graph.value_info[:]
        return self._model

    def _visit(self, position: int, node: onnx.NodeProto) -> None:
        schema = self._schema(node)
        if schema is None:
            return self._note_outputs(node, None, {})
        groups: dict[str, list[int]] = {}
        for place, name in enumerate(node.input):
            if name and self._kinds.get(name):
                formal = schema.inputs[min(place, len(schema.inputs) - 1)]
                variadic = formal.option == onnx.defs.OpSchema.FormalParameterOption.Variadic
                alone = variadic and not formal.is_homogeneous
                groups.setdefault(f"{formal.type_str}/{place if alone else ''}", []).append(place)
        bound: dict[str, int] = {}
        for key, places in groups.items():
            formal = schema.inputs[min(places[0], len(schema.inputs) - 1)]
            kind = _taken(self._common([node.input[place] for place in places]), formal.types)
            bound[key.rpartition("/")[0]] = kind
            self.casts += [
                (position, place, kind)
                for place in places
                if self._kinds[node.input[place]] != kind
            ]
        return self._note_outputs(node, schema, bound)

    def _schema(self, node: onnx.NodeProto) -> onnx.defs.OpSchema | None:
        domain = "" if node.domain == "ai.onnx" else node.domain
        version = self._view.opset if not domain else self._opsets.get(domain, 1)
        return schema_at(node.op_type, version, domain)

    def _common(self, names: Sequence[str]) -> int:
        """The one type of several operands by torch's rules of promotion."""
        kinds = [self._kinds[name] for name in names]
        if len(set(kinds)) == 1:
            return int(kinds[0])
        top = max(map(_category, kinds))
        ruling = [name for name in names if _category(self._kinds[name]) == top]
        computed = [name for name in ruling if self._view.constant(name) is None]
        if not computed and top == _FLOATING and len(ruling) < len(names):
            return int(TensorProto.FLOAT)  # whole numbers and a constant: torch's default type
        return int(max((self._kinds[name] for name in computed or ruling), key=_width))

    def _note_outputs(
        self, node: onnx.NodeProto, schema: onnx.defs.OpSchema | None, bound: dict[str, int]
    ) -> None:
        unknown = []
        for place, name in enumerate(node.output):
            if not name:
                continue
            formal = None if schema is None else schema.outputs[min(place, len(schema.outputs) - 1)]
            if formal is not None and formal.type_str in bound:
                self._kinds[name] = bound[formal.type_str]
            elif formal is not None and formal.type_str.startswith("tensor("):
                self._kinds[name] = TensorProto.DataType.Value(formal.type_str[7:-1].upper())
            else:
                unknown.append(name)
        if unknown:
            found = self._inferred(node, schema)
            for name in unknown:
                self._kinds[name] = found.get(name) or self._view.element_type(name)

    def _inferred(self, node: onnx.NodeProto, schema: onnx.defs.OpSchema | None) -> dict[str, int]:
        """What onnx infers of one node: types that follow from attributes, as those of Cast."""
        if schema is None:
            return {}
        given = {
            name: helper.make_tensor_type_proto(self._kinds[name], self._view.shape(name))
            for name in node.input
            if self._kinds.get(name)
        }
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, given, opset_imports=list(self._model.opset_import)
            )
        except Exception:  # onnx raises RuntimeErrors of C++ for what it cannot infer
            return {}
        return {name: kind.tensor_type.elem_type for name, kind in found.items()}

    def _cast(
        self, name: str, kind: int, made: dict[tuple[str, int], str], nodes: list[onnx.NodeProto]
    ) -> str:
        """The tensor in another type: a constant stored anew, or a Cast among ``nodes``."""
        key = (name, kind)
        if key not in made:
            word = TensorProto.DataType.Name(kind).lower()
            made[key] = f"{name}.{word}"
            values = self._view.constant(name)
            if values is None:
                nodes.append(
                    helper.make_node("Cast", [name], [made[key]], name=f"{made[key]}.Cast", to=kind)
                )
            else:
                with np.errstate(invalid="ignore", over="ignore"):
                    cast = values.astype(helper.tensor_dtype_to_np_dtype(kind))
                tensor = numpy_helper.from_array(np.asarray(cast), made[key])
                self._model.graph.initializer.append(tensor)
        return made[key]

    def _with_output_casts(self, nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Graph outputs in the types that they are declared in."""
        inner = {name: f"{name}.computed" for name in self.outputs}
        for node in nodes:
            node.input[:] = [inner.get(name, name) for name in node.input]
            node.output[:] = [inner.get(name, name) for name in node.output]
        last = [
            helper.make_node("Cast", [inner[name]], [name], name=f"{name}.Cast", to=kind)
            for name, kind in self.outputs.items()
        ]
        return nodes + last


def _category(kind: int) -> int:
    if kind == TensorProto.BOOL:
        return _BOOLEAN
    return _FLOATING if kind in _FLOATS else _WHOLE


def _width(kind: int) -> tuple[int, bool]:
    """Bytes of a type; of two whole types of one width, the signed one comes last."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    return dtype.itemsize, dtype.kind == "i"


def _taken(kind: int, types: Iterable[str]) -> int:
    """The type itself where an operator takes it, or else the one that stands in for it."""
    allowed = set(types)
    for each in (kind, *_INSTEAD[_category(kind)]):
        if f"tensor({TensorProto.DataType.Name(each).lower()})" in allowed:
            return int(each)
    return kind


@dataclass(frozen=True)
class _ElementTypes(GraphPass):
    """Casts where an operator is given mixed element types, which ONNX Runtime refuses to load.

    Dividing an index by a number, comparing a float with a whole number, a constant from numpy:
    torch promotes such operands by itself, an exporter that forgets to writes a graph that the
    checker lets through and ONNX Runtime does not: "Type parameter (T) of Optype (Div) bound to
    different types (tensor(float) and tensor(int64)) in node (Div)". Other graphs give an operator
    a type that it never takes ("Type 'tensor(int64)' of input parameter (X) of operator (Sqrt) ...
    is invalid"), or declare an output of another type than they compute.

    Types are followed through the graph by the operators' own signatures (onnx.defs), and where
    several inputs must be of one type they get that of torch's promotion rules ("Type promotion",
    torch documentation): floating point before whole numbers before booleans; within such a
    category what is computed decides and constants follow, of computed ones the widest. A constant
    is stored anew, for everything else a Cast is put in. Where no input is mixed nothing changes.

    The graph does not run before, so that its outputs can be compared with nothing: the ledger says
    so, and that it runs afterwards. Only the main graph is looked at.
    """

    name: str = "element_types"
    summary: str = "Cast where an operator is given mixed or wrong element types"

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if Repair(model).casts else "no operator is given mixed or wrong types"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return Repair(model).applied()


ELEMENT_TYPES = _ElementTypes()
