"""Divide a graph at tensors into parts that are run one after another."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from postprocess.errors import InputError

from .extract import part
from .lookup import made
from .view import View


def split(model: onnx.ModelProto, at: Sequence[str | Sequence[str]]) -> list[onnx.ModelProto]:
    """Return the parts of ``model`` before and behind each cut.

    Args:
        model: left as it is.
        at: names of tensors, all of one cut; or a list of them for each cut, in the graph's order.

    Raises:
        InputError: an unknown name, a cut that does not separate, or one with nothing behind it.
    """
    cuts = [[name] for name in at if isinstance(name, str)]
    cuts = [[name for cut in cuts for name in cut]] if cuts else []
    cuts += [list(cut) for cut in at if not isinstance(cut, str)]
    if not cuts or (len(cuts) > 1 and any(isinstance(name, str) for name in at)):
        raise InputError("at expects names of tensors, or a list of names for each cut")
    parts, rest = [], model
    for cut in cuts:
        before, rest = _divided(rest, cut)
        parts.append(before)
    return [*parts, rest]


def _divided(model: onnx.ModelProto, cut: Sequence[str]) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    view = View(model)
    ends = made(view, cut, "at")
    constant = [name for name in ends if name in view.constants]
    if constant:
        raise InputError(f"at names {constant[0]!r}, which depends on no input of the graph")
    behind = view.downstream(ends)
    rest = [name for name in view.outputs if name in behind and name not in ends]
    if not rest:
        raise InputError(f"no output of the graph depends on {', '.join(map(repr, ends))}")
    beside = [name for name in view.outputs if name not in behind]
    before = part(view, [*ends, *beside])
    sources = [value.name for value in before.graph.input]
    around = view.downstream(sources, stop=ends)
    for output in rest:
        if output in around:
            missing = " and ".join(map(repr, meeting(view, output, ends, around - set(ends))))
            raise InputError(
                f"the cut does not separate: output {output!r} also needs {missing}: add it to the "
                "cut, or cut elsewhere"
            )
    return before, part(view, rest, ends)


def meeting(view: View, output: str, cut: Sequence[str], around: set[str]) -> list[str]:
    """Tensors beside a cut that meet what lies behind it on the way to an output.

    Args:
        view: of the graph.
        output: needs more than the cut gives.
        cut: names of tensors.
        around: tensors that the inputs reach without passing the cut.
    """
    behind = view.downstream(cut)
    met: list[str] = []
    for position in sorted(view.upstream([output], stop=cut)):
        data = view.data(view.nodes[position])
        if any(name in behind for name in data):
            met += [name for name in data if name in around and name not in behind]
    return list(dict.fromkeys(met))
