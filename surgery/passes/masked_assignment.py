"""Assignment through a boolean mask as Where: `y[mask] = f(y[mask])` without NonZero.

torch exporters write a boolean mask as the list of its true places: NonZero, Transpose, then
GatherND to read through it and ScatterND to write. How many places there are is known only when the
graph runs, so that every shape behind it is dynamic: NNAPI, Core ML, XNNPACK, ncnn and TensorRT
without a data-dependent profile refuse it, and memory cannot be planned on those that take it.

What is read and written through the same mask can be computed everywhere and chosen afterwards:

    ScatterND(y, places(m), c)                          ->  Where(m, c, y)
    ScatterND(y, places(m), f(GatherND(x, places(m))))  ->  Where(m, f(x), y)

for a single number c and for f made of operators that work element by element, on numbers and on
what is read through the same mask. Exact: f gives the same number for the same element, and what it
gives outside the mask (infinity, NaN) is not chosen. Whole-number division is declined, since there
a zero outside the mask would end the process; so is all that mixes elements, such as a sum.

ONNX Runtime has no Where of booleans ("Could not find an implementation for Where(16)"), and a
masked assignment to a boolean tensor is logic anyway: see ``boolean_where``.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from ..graph.view import View
from .boolean_where import choose
from .node_pass import Answer, Draft, NodePass, attribute

ELEMENTWISE = frozenset(
    (
        *("Abs", "Add", "Cast", "Ceil", "Clip", "Cos", "Div", "Elu", "Erf", "Exp", "Floor"),
        *("HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Max", "Min", "Mul", "Neg", "Pow"),
        *("Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Sub"),
        "Tanh",
    )
)
# What the exporters put between f and ScatterND to make its length that of the mask, which it has.
_LENGTH = frozenset({"Expand", "Slice"})
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
AXES_ARE_INPUTS = 13


class _Refused(Exception):
    """What is written cannot be computed everywhere; the text says why."""


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    data, places, updates = node.input
    mask = _mask_of(places, view)
    if mask is None:
        return None
    if attribute(node, "reduction", "none") != "none":
        return "it adds to what is there"
    shape, covered = view.shape(data), view.shape(mask)
    if shape is None or covered is None or shape[: len(covered)] != covered:
        return "the mask is not known to have the shape of what it covers"
    draft = Draft(node, view)
    try:
        values = _everywhere(updates, _Region(mask, data, view), draft)
    except _Refused as reason:
        return str(reason)
    missing = len(shape) - len(covered)
    if missing:
        mask = _unsqueezed(draft, mask, list(range(len(covered), len(shape))), view.opset)
    if view.element_type(data) == TensorProto.BOOL:
        choose(draft, mask, values, data)
    else:
        draft.op("Where", mask, values, data, final=True)
    return draft


def _mask_of(places: str, view: View) -> str | None:
    """The boolean tensor whose true places these are, None where they are something else."""
    transpose = view.makers.get(places)
    if transpose is None or transpose.op_type != "Transpose":
        return None
    if list(attribute(transpose, "perm", [1, 0])) != [1, 0]:
        return None
    nonzero = view.makers.get(transpose.input[0])
    if nonzero is None or nonzero.op_type != "NonZero":
        return None
    mask = nonzero.input[0]
    return mask if view.element_type(mask) == TensorProto.BOOL else None


class _Region:
    """The places that are written, and which tensors hold a value for each of them."""

    def __init__(self, mask: str, data: str, view: View) -> None:
        self.view = view
        self._mask, self._shape = mask, view.shape(data)

    def source(self, node: onnx.NodeProto) -> str | None:
        """What ``node`` reads through the same mask, None where it does something else."""
        if node.op_type != "GatherND" or attribute(node, "batch_dims", 0):
            return None
        same = _mask_of(node.input[1], self.view) == self._mask
        return node.input[0] if same and self.view.shape(node.input[0]) == self._shape else None

    def is_number(self, name: str) -> bool:
        """Whether a tensor holds one number, which fits every place."""
        sizes = self.view.sizes(name)
        return sizes is not None and all(size == 1 for size in sizes)


def _everywhere(name: str, region: _Region, draft: Draft) -> str:
    """The name of a tensor that holds in every place what ``name`` holds in those of the mask.

    Raises:
        _Refused: it is not computed element by element.
    """
    view = region.view
    if region.is_number(name):
        return _scalar(name, view, draft)
    maker = view.makers.get(name)
    if maker is None:
        raise _Refused("what it writes has a value for each true place of the mask")
    source = region.source(maker)
    if source is not None:
        return source
    if maker.op_type in _LENGTH and _starts_at_zero(maker, view):
        return _everywhere(maker.input[0], region, draft)
    if maker.op_type not in ELEMENTWISE:
        raise _Refused(f"what it writes comes of {maker.op_type}, which mixes places")
    if maker.op_type == "Div" and view.element_type(name) not in _FLOATS:
        raise _Refused("whole-number division outside the mask may divide by zero")
    inputs = [_everywhere(each, region, draft) if each else "" for each in maker.input]
    attributes = {a.name: helper.get_attribute_value(a) for a in maker.attribute}
    return draft.op(maker.op_type, *inputs, **attributes)


def _scalar(name: str, view: View, draft: Draft) -> str:
    """One number as a tensor of rank 0, so that it adds no axis where it is broadcast."""
    values = view.constant(name)
    if values is not None and values.ndim:
        return draft.weight(values.reshape(()), "value")
    if view.shape(name) == ():
        return name
    return draft.op("Reshape", name, draft.ints(role="shape"))


def _starts_at_zero(node: onnx.NodeProto, view: View) -> bool:
    """Whether the first elements are kept: always of Expand, of Slice where it starts there."""
    if node.op_type == "Expand":
        return True
    given = [view.constant(name) if name else None for name in (*node.input[1:], *[""] * 3)]
    start, axes, step = given[0], given[2], given[3]
    return (
        (start is not None and start.ravel().tolist() == [0])
        and (axes is None or axes.ravel().tolist() == [0])
        and (step is None or step.ravel().tolist() == [1])
    )


def _unsqueezed(draft: Draft, name: str, axes: list[int], opset: int) -> str:
    if opset >= AXES_ARE_INPUTS:
        return draft.op("Unsqueeze", name, draft.ints(*axes))
    return draft.op("Unsqueeze", name, axes=axes)


MASKED_ASSIGNMENT = NodePass(
    name="masked_assignment",
    summary="assignment through a boolean mask (NonZero, GatherND, ScatterND) as Where",
    operators=("ScatterND",),
    rewrite=_rewrite,
)
