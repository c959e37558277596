"""Steps that take a part of a graph: extract, split."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from ..graph.extract import extract, tensors
from ..graph.split import split
from .step import Arrays, Change, Expected, same_outputs


@dataclass(frozen=True)
class _Extract:
    """Take the part of a graph between given tensors, as a graph of its own.

    Networks are published with preprocessing in front and decoding behind, and a target refuses the
    whole file for the sake of those. What is wanted is the part between two sets of tensors: the
    network alone, or a layer to look into. ``onnx.utils.extract_model`` writes such a part too, but
    where another way leads around the named inputs it leaves a graph that reads what nothing makes,
    and the checker's message ("Nodes in a graph must be topologically sorted") does not say which
    input is missing; it also wants the shapes of the ends to be stored in the file.

    Here the nodes that the outputs need are kept, looking back no farther than the named inputs.
    Weights come along; element types and shapes of the new ends are inferred. An input of the graph
    that the outputs need besides those named is an error that names it. Exact: the part is run on
    what the whole graph computes at its inputs, and gives what the whole graph gives.
    """

    name: str = "extract"
    summary: str = "the part between tensors: {extract: {inputs: [a], outputs: [b]}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        argument.only("inputs", "outputs")
        inputs, outputs = (_names(argument.get(key, None)) for key in ("inputs", "outputs"))
        if inputs is None and outputs is None:
            raise argument.error("inputs, outputs or both")
        after = extract(model, outputs, inputs)
        starts = [value.name for value in after.graph.input]
        ends = [value.name for value in after.graph.output]

        def expect(feeds: Arrays) -> Expected:
            found = tensors(model, feeds, [*starts, *ends])
            return Expected({n: found[n] for n in starts}, {n: found[n] for n in ends})

        kept, total = len(after.graph.node), len(model.graph.node)
        return Change((after,), ", ".join(ends), f"{kept} of {total} nodes", expect)


EXTRACT = _Extract()


def _names(field: Field) -> list[str] | None:
    if field.value is None:
        return None
    if isinstance(field.value, str):
        return [field.value]
    return [each.text() for each in field.elements()]


@dataclass(frozen=True)
class _Split:
    """Divide a graph at tensors into parts that are run one after another.

    One half on the accelerator, the other on the host; or a network too large for one chip. Tools
    that cut a graph (``onnx.utils.extract_model``, ``polygraphy surgeon extract``) write one part
    and leave it to the caller to write the other, to see that nothing leads around the cut, and
    that no output is lost.

    The first part gives the named tensors and those outputs of the graph that need nothing of them;
    the second takes the tensors and gives the rest. What depends on weights and shapes alone is
    computed on both sides. A tensor that the second part needs besides is an error that names it.
    Several cuts give more parts. Exact: the parts, run in turn, give what the whole gives.
    """

    name: str = "split"
    summary: str = "parts to run in turn: {split: {at: [a]}} or {split: {at: [[a], [b]]}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        at = argument.only("at")["at"]
        cuts = [
            each.value if isinstance(each.value, str) else [name.text() for name in each.elements()]
            for each in at.elements()
        ]
        parts = split(model, cuts)
        sizes = ", ".join(str(len(each.graph.node)) for each in parts)
        where = "; ".join(cut if isinstance(cut, str) else ", ".join(cut) for cut in cuts)
        return Change(tuple(parts), where, f"parts of {sizes} nodes", same_outputs(model))


SPLIT = _Split()
