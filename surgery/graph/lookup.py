"""Names that a person gave: the tensor or node of that name, or one line with the nearest one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx
from onnx import TensorProto, helper

from postprocess.errors import InputError
from postprocess.registry import suggestion

from .shapes import Shape, element_types, infer, shapes
from .view import Index

_MADE_UP = "unk__"  # how ONNX's inference begins a symbol of its own


def made(index: Index, names: Sequence[str], role: str) -> tuple[str, ...]:
    """The names, each once, after refusing what no node of the main graph makes.

    Args:
        index: of the graph.
        names: of tensors.
        role: what they are to be, for the message.

    Raises:
        InputError: an unknown name, an input of the graph, a weight, or no name at all.
    """
    if not names:
        raise InputError(f"{role} expects names of tensors, got none")
    for name in names:
        if name in index.fixed:
            raise InputError(f"{role} names {name!r}, a weight: name a tensor that a node makes")
        if name in index.inputs:
            raise InputError(
                f"{role} names {name!r}, an input of the graph: name a tensor after it"
            )
        tensor(index, name, role)
    return tuple(dict.fromkeys(names))


def tensor(index: Index, name: str, role: str) -> str:
    """The name, after refusing one that no tensor of the main graph has.

    Raises:
        InputError: naming the nearest tensor, or the output of a node of that name.
    """
    known = [*index.maker, *index.inputs, *index.fixed]
    if name in known:
        return name
    nodes = [node for node in index.nodes if node.name == name]
    if nodes:
        listed = ", ".join(repr(out) for node in nodes for out in node.output if out)
        raise InputError(f"{role} names {name!r}, a node: name a tensor, it makes {listed}")
    raise InputError(f"{role} names {name!r}, which is no tensor{suggestion(name, known)}")


def among(name: str, known: Iterable[str], what: str) -> str:
    """The name, after refusing one that is not among ``known``.

    Raises:
        InputError: with the nearest name and all of them.
    """
    listed = list(known)
    if name not in listed:
        choices = ", ".join(listed) or "none"
        raise InputError(f"no {what} {name!r}{suggestion(name, listed)} (there are: {choices})")
    return name


class Values:
    """Element type and shape of each tensor of a graph, as far as ONNX infers them."""

    def __init__(self, model: onnx.ModelProto) -> None:
        inferred = infer(model)
        own = shapes(model)
        self.shapes: dict[str, Shape] = {
            name: _named(shape, own.get(name)) for name, shape in shapes(inferred).items()
        }
        self.types: dict[str, int] = element_types(inferred)

    def info(self, name: str) -> onnx.ValueInfoProto:
        """The tensor as an input or output of a graph.

        Raises:
            InputError: its element type is not known.
        """
        kind = self.types.get(name, TensorProto.UNDEFINED)
        if kind == TensorProto.UNDEFINED:
            raise InputError(
                f"the element type of tensor {name!r} is not known: ONNX infers nothing behind an "
                "operator of another domain"
            )
        return helper.make_tensor_value_info(name, kind, self.shapes.get(name))


def _named(shape: Shape, own: Shape | None) -> Shape:
    """An inferred shape with the file's own symbols for those that the inference made up."""
    if own is None or len(own) != len(shape):
        return shape
    return tuple(
        (known or side) if isinstance(side, str) and side.startswith(_MADE_UP) else side
        for side, known in zip(shape, own, strict=True)
    )
