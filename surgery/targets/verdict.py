"""Whether a target runs a node, and if not, the first reason why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from ..graph.modules import all_nodes
from ..graph.schemas import schema_at
from ..graph.view import View
from ..graph.weights import array_of, is_outside
from .target import ANY_OPSET, Rule, Target

GELU_HALF_FIRST = "gelu_half_first"  # x * (0.5 * (1 + erf(..))): `unless` of a rule on Erf
FORMS = (GELU_HALF_FIRST,)
LISTED = ", is listed as an input"  # said of a weight that the graph's caller may override
_NAMES = {"float": "float32", "double": "float64"}
_NUMBERS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.INT32)


@dataclass(frozen=True)
class Verdict:
    """What a target says of a node.

    Attributes:
        reason: why it is refused, "" where it runs.
        note: a condition that could not be checked.
    """

    reason: str = ""
    note: str = ""


class Verdicts:
    """Verdicts on the nodes of one graph.

    Args:
        view: of the graph, with inferred shapes; constants are its initializers and ``Constant``
            nodes.
        target: whose rules apply.
    """

    def __init__(self, view: View, target: Target) -> None:
        self._target = target
        self._view = view
        self._opsets = {entry.domain: entry.version for entry in view.model.opset_import}
        self._listed = frozenset[str]() if target.frees_weights else view.listed & set(view.weights)
        self._constants = set(view.weights) - self._listed
        self._constants |= {
            out
            for node in all_nodes(view.model.graph)
            if node.op_type == "Constant"
            for out in node.output
        }

    def of(self, node: onnx.NodeProto) -> Verdict:
        """Return the verdict on ``node``."""
        if node.op_type == "Constant" and not node.domain:
            return Verdict()
        if invalid := self._invalid(node):
            return Verdict(invalid)
        rule = self._target.rule(node.op_type, node.domain)
        if rule is None:
            return Verdict("not among its operators")
        reason = (
            self._opset(rule)
            or self._rank(node, rule)
            or self._constant(node, rule)
            or self._attributes(node, rule)
            or self._bounds(node, rule)
            or self._axis(node, rule)
            or self._follows(node, rule)
            or self._form(node, rule)
        )
        return Verdict(reason or self._type(node), "" if reason else rule.note)

    def _invalid(self, node: onnx.NodeProto) -> str:
        """Why ONNX's own definition of the operator refuses the node, "" where it does not."""
        if node.domain not in ("", "ai.onnx"):
            return ""
        opset = self._opsets.get("", self._opsets.get("ai.onnx", 1))
        if not onnx.defs.has(node.op_type):
            return "no operator of ONNX"
        schema = self._schema(node)
        if schema is None:
            return f"no operator of opset {opset}"
        unknown = sorted({a.name for a in node.attribute} - set(schema.attributes))
        if unknown:
            return f"attribute {unknown[0]!r} is not valid at opset {opset}"
        if len(node.input) > schema.max_input:
            return f"{len(node.input)} inputs, at opset {opset} at most {schema.max_input}"
        return ""

    def _form(self, node: onnx.NodeProto, rule: Rule) -> str:
        """Whether the node is written in the form that the rule excepts."""
        if rule.unless != GELU_HALF_FIRST:
            return ""
        for added in self._readers(node):
            if added.op_type != "Add":
                continue
            for product in self._readers(added):
                factors = [self._scalar(name) for name in product.input]
                if product.op_type == "Mul" and 0.5 in factors:
                    return "in a GELU whose half is multiplied first"
        return ""

    def _readers(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The nodes of the main graph that read what ``node`` makes."""
        return [self._view.nodes[at] for at in self._view.readers.get(node.output[0], [])]

    def _opset(self, rule: Rule) -> str:
        opset = self._opsets.get("", self._opsets.get("ai.onnx", 1))
        if rule.opset is None or rule.opset[0] <= opset <= rule.opset[1]:
            return ""
        low, high = rule.opset
        bound = f"{low} and up" if high == ANY_OPSET else f"up to {high}"
        return (
            f"opset {opset}, takes {bound if low == 1 or high == ANY_OPSET else f'{low} to {high}'}"
        )

    def _rank(self, node: onnx.NodeProto, rule: Rule) -> str:
        shape = self._view.shape(node.input[0]) if node.input else None
        if not rule.rank or shape is None or len(shape) in rule.rank:
            return ""
        low, high = min(rule.rank), max(rule.rank)
        run = len(rule.rank) > 2 and sorted(rule.rank) == list(range(low, high + 1))
        taken = f"{low} to {high}" if run else " or ".join(map(str, rule.rank))
        return f"input of rank {len(shape)}, takes {taken}"

    def _constant(self, node: onnx.NodeProto, rule: Rule) -> str:
        for position in rule.constant:
            given = node.input[position] if position < len(node.input) else ""
            if given in self._listed:
                return f"input {self._formal(node, position)} must be constant{LISTED}"
            if given and given not in self._constants:
                return f"input {self._formal(node, position)} must be constant"
        return ""

    def _attributes(self, node: onnx.NodeProto, rule: Rule) -> str:
        found = self._outside(node, rule.attributes)
        for name, cases in rule.when.items():
            value = self._attribute(node, name)
            reason = self._outside(node, cases.get(str(value), {}))
            found = found or (reason and f"{reason} where {name}={value}")
        return found

    def _outside(self, node: onnx.NodeProto, attributes: Mapping[str, Sequence[Any]]) -> str:
        """The first attribute whose value is not one of those allowed, "" where there is none."""
        for name, allowed in attributes.items():
            value = self._attribute(node, name)
            if value is not None and value not in allowed:
                return f"{name}={value}, takes {' or '.join(map(str, allowed))}"
        return ""

    def _bounds(self, node: onnx.NodeProto, rule: Rule) -> str:
        if not rule.bounds:
            return ""
        low, high = (
            self._bound(node, position, name) for position, name in ((1, "min"), (2, "max"))
        )
        if (low, high) in rule.bounds:
            return ""
        taken = " or ".join(f"[{least:g}, {most:g}]" for least, most in rule.bounds)
        return f"clips to [{_number(low)}, {_number(high)}], takes {taken}"

    def _bound(self, node: onnx.NodeProto, position: int, name: str) -> float | None:
        """A bound of a Clip: an input from opset 11 on, an attribute before; None where unknown."""
        given = node.input[position] if position < len(node.input) else ""
        if given:
            return self._scalar(given)
        value = self._attribute(node, name)
        return None if value is None else float(value)

    def _scalar(self, name: str) -> float | None:
        """Value of a constant of one element, to the six digits that tables give."""
        tensor = self._view.tensor(name)
        if tensor is None or math.prod(tensor.dims) != 1 or tensor.data_type not in _NUMBERS:
            return None
        return None if is_outside(tensor) else round(float(array_of(tensor).reshape(-1)[0]), 6)

    def _axis(self, node: onnx.NodeProto, rule: Rule) -> str:
        shape = self._view.shape(node.input[0]) if rule.last_axis and node.input else None
        axis = self._attribute(node, "axis")
        if shape is None or axis is None or axis in (-1, len(shape) - 1):
            return ""
        return f"axis={axis} of {len(shape)}, takes the last axis"

    def _attribute(self, node: onnx.NodeProto, name: str) -> Any:
        """Value of an attribute, its default where it is left out, None where it has none."""
        found = next((a for a in node.attribute if a.name == name), None)
        schema = self._schema(node)
        if found is None and schema is not None and name in schema.attributes:
            default = schema.attributes[name].default_value
            found = default if default.type else None
        if found is None:
            return None
        value = helper.get_attribute_value(found)
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def _follows(self, node: onnx.NodeProto, rule: Rule) -> str:
        maker = self._view.makers.get(node.input[0]) if node.input else None
        fits = maker is not None and maker.op_type in rule.follows
        if not rule.follows or (maker is not None and fits and not self.of(maker).reason):
            return ""
        return f"runs only behind {' or '.join(rule.follows)}"

    def _type(self, node: onnx.NodeProto) -> str:
        """Types of what flows through; constants (shapes, axes) do not count."""
        if not self._target.types:
            return ""
        for name in (*node.input, *node.output):
            if name in self._constants or not self._view.element_type(name):
                continue
            kind = TensorProto.DataType.Name(self._view.element_type(name)).lower()
            kind = _NAMES.get(kind, kind)
            if kind not in self._target.types and name in self._listed:
                place = self._formal(node, list(node.input).index(name))
                return f"input {place} must be constant{LISTED}"
            if kind not in self._target.types:
                return f"{kind} tensors, takes {', '.join(sorted(self._target.types))}"
        return ""

    def _formal(self, node: onnx.NodeProto, position: int) -> str:
        """What the operator calls an input: ``W`` for a convolution's weight."""
        schema = self._schema(node)
        known = schema is not None and position < len(schema.inputs)
        return schema.inputs[position].name if schema is not None and known else str(position)

    def _schema(self, node: onnx.NodeProto) -> onnx.defs.OpSchema | None:
        """The operator's definition at the graph's opset; None where there is none."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        opset = self._opsets.get(domain, self._opsets.get("ai.onnx", 1) if not domain else 1)
        return schema_at(node.op_type, opset, domain)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"
