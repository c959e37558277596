"""Names that a person gave: the tensor or node of that name, or one line with the nearest one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postprocess.errors import InputError
from postprocess.registry import suggestion

from .view import View


def made(view: View, names: Sequence[str], role: str) -> tuple[str, ...]:
    """The names, each once, after refusing what no node of the main graph makes.

    Args:
        view: of the graph.
        names: of tensors.
        role: what they are to be, for the message.

    Raises:
        InputError: an unknown name, an input of the graph, a weight, or no name at all.
    """
    if not names:
        raise InputError(f"{role} expects names of tensors, got none")
    for name in names:
        if name in view.fixed:
            raise InputError(f"{role} names {name!r}, a weight: name a tensor that a node makes")
        if name in view.inputs:
            raise InputError(
                f"{role} names {name!r}, an input of the graph: name a tensor after it"
            )
        tensor(view, name, role)
    return tuple(dict.fromkeys(names))


def tensor(view: View, name: str, role: str) -> str:
    """The name, after refusing one that no tensor of the main graph has.

    Raises:
        InputError: naming the nearest tensor, or the output of a node of that name.
    """
    known = [*view.maker, *view.inputs, *view.fixed]
    if name in known:
        return name
    nodes = [node for node in view.nodes if node.name == name]
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
