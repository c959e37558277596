"""Where to cut a found graph: names to tensors, whether they separate, and the part before them.

A cut separates where what the graph computes behind it depends on the picture through the cut
alone. An output that no cut tensor leads to is left out with a word; one that needs more than the
cut gives is refused, since a decoder could not make up for what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from postprocess.errors import InputError
from postprocess.registry import suggestion

from ..graph.extract import part
from ..graph.operators import MOVING
from ..graph.shapes import check_model
from ..graph.split import meeting
from ..graph.storage import settle
from ..graph.view import View, inner_names, reads
from .source import Found


def resolve(found: Found, names: Sequence[str]) -> tuple[str, ...]:
    """Names of tensors for names of tensors or nodes, in order, each once.

    Raises:
        InputError: an unknown name (with the nearest known one), a name of a node with several
            outputs, of an input, of a weight, or of something inside a subgraph.
    """
    if not names:
        raise InputError(f"model.cut is empty: {hint(found)}")
    return tuple(dict.fromkeys(_tensor(found, name) for name in names))


def hint(found: Found) -> str:
    """What to do when one does not know where to cut."""
    return f"task=list model.path={found.path} shows where it can be cut, model.cut=auto chooses"


def _tensor(found: Found, name: str) -> str:
    if name in found.maker:
        return name
    if name in found.inputs:
        raise InputError(f"model.cut names {name!r}, the graph's input: name a tensor behind it")
    if name in found.weights:
        raise InputError(f"model.cut names {name!r}, a weight: name a tensor that a node makes")
    outputs = [[o for o in node.output if o] for node in found.nodes if name and node.name == name]
    if len(outputs) == 1:
        if len(outputs[0]) == 1:
            return str(outputs[0][0])
        raise InputError(
            f"model.cut names node {name!r}, which has several outputs: name one of "
            f"{', '.join(map(repr, outputs[0]))}"
        )
    if len(outputs) > 1:
        raise InputError(
            f"model.cut names {name!r}, as {len(outputs)} nodes are called: name a tensor"
        )
    inner = inner_names(found.model)
    if name in inner:
        raise InputError(
            f"model.cut names {name!r}, inside a subgraph of node {inner[name]!r}: name a tensor "
            "of the main graph"
        )
    known = [*found.maker, *(node.name for node in found.nodes if node.name)]
    raise InputError(
        f"{found.path} has no tensor or node {name!r}{suggestion(name, known)} ({hint(found)})"
    )


def separate(found: Found, cut: Sequence[str], known: Sequence[str] = ()) -> list[str]:
    """Check that the cut separates and return the outputs that it leaves out.

    Args:
        cut: names of tensors.
        known: tensors at which the network is known to end, to name what is missing.

    Raises:
        InputError: a tensor of the cut does not depend on an input, or an output needs more than
            the cut gives; the line names what.
    """
    sources = needed_inputs(found, cut)
    from_input = found.downstream(sources)
    for name in cut:
        if name not in from_input:
            raise InputError(f"model.cut: {name!r} does not depend on an input: {hint(found)}")
    around = found.downstream(sources, stop=cut)
    behind = found.downstream(cut)
    left_out = []
    for output in found.outputs:
        if output in cut or output not in around:
            continue
        if output not in behind:
            left_out.append(output)
            continue
        missing = _missing(found, output, cut, around - set(cut), known)
        raise InputError(
            f"model.cut does not separate input from output: output {output!r} also needs "
            f"{' and '.join(map(repr, missing))}: add it to model.cut, or cut elsewhere "
            f"({hint(found)})"
        )
    return left_out


def _missing(
    view: View, output: str, cut: Sequence[str], around: set[str], known: Sequence[str]
) -> list[str]:
    """What reaches ``output`` beside the cut: known ends of the network, or where the ways meet."""
    behind = view.downstream(cut)
    needed = view.upstream([output], stop=cut)
    made = {name for position in needed for name in view.nodes[position].output}
    ends = [name for name in known if name in around and name in made and name not in behind]
    if ends:
        return ends
    beside = [unmoved(view, name) for name in meeting(view, output, cut, around)]
    return list(dict.fromkeys(beside))[:3] or ["the input itself"]


def unmoved(view: View, name: str) -> str:
    """The tensor whose values ``name`` holds in another order or shape."""
    while name in view.maker and view.nodes[view.maker[name]].op_type in MOVING:
        name = str(view.nodes[view.maker[name]].input[0])
    return name


def needed_inputs(view: View, cut: Sequence[str]) -> list[str]:
    """Inputs of the graph that the cut tensors depend on, weights not counted.

    What else the graph takes (a factor to scale boxes back with, say) only its decoding needs.
    """
    read = {name for node in view.upstream(cut) for name in reads(view.nodes[node])}
    return [name for name in view.inputs if name in read]


def extract(found: Found, cut: Sequence[str]) -> onnx.ModelProto:
    """The part of the graph that makes the cut tensors, as it is in the file.

    Outputs are the cut tensors in order; inputs are what they need, weights not counted.
    """

    def describe(name: str) -> onnx.ValueInfoProto:
        kind = found.types.get(name) or TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, found.shapes.get(name))

    model = settle(part(found, cut, describe=describe))
    del model.graph.value_info[:]
    _check(model, found)
    return model


def _check(model: onnx.ModelProto, found: Found) -> None:
    """Refuse a graph that breaks ONNX's own rules up to the cut."""
    try:
        check_model(model)
    except Exception as error:  # the checker's ValidationError, or protobuf's for sizes
        cause = " ".join(str(error).split())
        raise InputError(f"{found.path}: the graph up to the cut is not valid: {cause}") from error
