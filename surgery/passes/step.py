"""One pass over one graph: tried, checked, taken back where it is wrong, in part if that helps.

Wrong is: it raises, its graph is not valid, has other inputs or outputs, does not run in ONNX
Runtime, or gives other outputs. A pass that says it is approximate is measured instead, and taken
back above a bound.

The part at fault is found by bisection, as for the commit that broke a build: the parts are put in
a row, and the shortest head of the row without which the rest works is found by halving; its last
part is at fault. Where one part is to blame, as is usual, that takes log2(n) trials; with several
that hide each other it is the greedy form of delta debugging (Zeller and Hildebrandt, "Simplifying
and Isolating Failure-Inducing Input", 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import onnx

from postprocess.errors import InputError

from ..graph.modules import all_nodes, carry_modules
from ..graph.names import stable_names
from ..graph.shapes import inputs_of
from ..graph.storage import settle
from ..graph.view import opset_of
from ..graph.weights import with_weights_as_inputs
from ..support.ledger import Entry
from ..support.quiet import quiet
from .base import EVERY_OPSET, Divisible, Pass
from .check import Check, NothingToCompareError
from .tidy import STANDALONE

TOLERANCE = 0.05  # as in configs/surgery/default.yaml


@dataclass(frozen=True)
class Judge:
    """What a changed graph has to stand.

    Attributes:
        check: compares outputs. None only where nothing can run the graph: the ONNX checker alone
            stands guard then.
        tolerance: largest difference that an approximate pass may make, in units of an output's
            largest value.
    """

    check: Check | None
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Attempt:
    """What came of a pass.

    Attributes:
        graph: as it is afterwards, None where nothing changed.
        fault: why the graph is not to be used, "" for no reason.
        note: what the ledger should say about a graph that is used.
        effect: measured figures by name.
    """

    graph: onnx.ModelProto | None = None
    fault: str = ""
    note: str = ""
    effect: Mapping[str, float] = field(default_factory=dict)


def perform(
    step: Pass, model: onnx.ModelProto, judge: Judge, left_out: Mapping[str, str] | None = None
) -> tuple[onnx.ModelProto, list[Entry]]:
    """Return the graph after ``step``, which is ``model`` itself where it did nothing of use.

    Args:
        model: is left as it is.
        left_out: parts of the pass that are known to be at fault, with reasons.
    """
    reason = _declines(step, model)
    if reason:
        return model, [_entry(step, model, False, reason)]
    known = dict(left_out or {})
    whole = step.without(known) if known and isinstance(step, Divisible) else step
    tried = attempt(whole, model, judge)
    if tried.fault and isinstance(step, Divisible):
        found = culprits(
            [part for part in step.parts() if part not in known],
            lambda skip: not attempt(step.without([*known, *skip]), model, judge).fault,
        )
        if found:
            known |= dict.fromkeys(found, tried.fault)
            tried = attempt(step.without(known), model, judge)
    entries = [
        Entry(
            "pass", f"{step.name}/{part}", model.graph.name, False, step.exact, f"left out: {why}"
        )
        for part, why in known.items()
    ]
    if tried.fault:
        return model, [*entries, _entry(step, model, False, f"taken back: {tried.fault}")]
    if tried.graph is None:
        return model, [*entries, _entry(step, model, False, "nothing to change")]
    effect = {"nodes_before": _count(model), "nodes_after": _count(tried.graph), **tried.effect}
    return tried.graph, [*entries, _entry(step, tried.graph, True, tried.note, effect)]


def attempt(step: Pass, model: onnx.ModelProto, judge: Judge) -> Attempt:
    """Run ``step`` on a copy of ``model`` and judge what comes out."""
    try:
        after = _applied(step, model)
        if after is None:
            return Attempt()
        if judge.check is None:
            return Attempt(after, note="outputs not compared: no run time for this graph")
        return _judged(step, model, after, judge.check, judge.tolerance)
    except Exception as error:  # a pass is foreign code; whatever it raises, the graph is kept
        return Attempt(fault=" ".join(f"{type(error).__name__}: {error}".split()))


def _judged(
    step: Pass, before: onnx.ModelProto, after: onnx.ModelProto, check: Check, tolerance: float
) -> Attempt:
    try:
        if step.exact:
            return Attempt(after, check(before, after) or "")
        differences = check.differences(before, after)
    except NothingToCompareError as error:
        if check.unusable(after):
            return Attempt(fault=f"the graph runs neither before nor after it: {error}")
        return Attempt(
            after, note=f"now it runs; its outputs are compared with nothing, since before, {error}"
        )
    except InputError as error:
        return Attempt(fault=str(error))
    worst = max((found.max / (found.scale or 1.0) for found in differences.values()), default=0.0)
    effect = {"largest_difference": worst}
    if worst <= tolerance:
        return Attempt(after, effect=effect)
    return Attempt(
        fault=f"outputs differ by {worst:.3g} of their largest value, surgery.passes.tolerance is "
        f"{tolerance:g}"
    )


def _declines(step: Pass, model: onnx.ModelProto) -> str:
    if opset_of(model) not in step.opsets:
        upper = "" if step.opsets.stop >= EVERY_OPSET.stop else f" to {step.opsets.stop - 1}"
        return f"works from opset {step.opsets.start}{upper}, the graph is of {opset_of(model)}"
    return step.check(model) or ""


def _applied(step: Pass, model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the graph after ``step``, checked, or None where it is the same.

    What a pass has no business to change (header, inputs, outputs) is put back or refused.
    """
    own = onnx.ModelProto()
    own.CopyFrom(model)
    with quiet():
        after = step.apply(own)
    if after is None:
        raise InputError(f"pass {step.name} returned no model")
    if not step.renames:  # other tools lose the metadata, or mix it up where they fuse
        carry_modules(model, after)
    after.ir_version = max(model.ir_version, STANDALONE)
    for field_name in (
        "producer_name",
        "producer_version",
        "domain",
        "model_version",
        "doc_string",
    ):
        after.ClearField(field_name)
        if model.HasField(field_name):
            setattr(after, field_name, getattr(model, field_name))
    after.ClearField("metadata_props")
    after.metadata_props.extend(model.metadata_props)
    after.graph.name = model.graph.name
    wanted, inputs = ([value.name for value in inputs_of(each)] for each in (model, after))
    outputs = [value.name for value in after.graph.output]
    if inputs != wanted or outputs != [value.name for value in model.graph.output]:
        raise InputError(f"inputs {inputs} and outputs {outputs} are not those of the graph before")
    if _content(after, step.renames) == _content(model, step.renames):
        return None
    settle(after)
    onnx.checker.check_model(with_weights_as_inputs(after), full_check=True)
    return after


def _content(model: onnx.ModelProto, names: bool) -> bytes:
    """The graph as bytes; without ``names``, two graphs that differ in nothing else are equal."""
    content = onnx.ModelProto()
    content.CopyFrom(model)
    if not names:
        content = stable_names(content)
    for node in all_nodes(content.graph):
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    del content.graph.value_info[:]
    return bytes(content.SerializeToString(deterministic=True))


def _count(model: onnx.ModelProto) -> int:
    return sum(1 for _ in all_nodes(model.graph))


def _entry(
    step: Pass,
    model: onnx.ModelProto,
    fired: bool,
    reason: str,
    effect: dict[str, float] | None = None,
) -> Entry:
    return Entry("pass", step.name, model.graph.name, fired, step.exact, reason, effect)


MOST = 4  # culprits that are looked for: with more, the whole is not worth keeping


def culprits(
    parts: Sequence[str], works: Callable[[Collection[str]], bool]
) -> tuple[str, ...] | None:
    """Return the parts to leave out so that the rest works, or None if nothing helps.

    Args:
        parts: names; the whole is known not to work with all of them.
        works: whether the whole works without these parts.
    """
    found: list[str] = []
    if not parts or not works(parts):
        return None
    while not found or not works(found):
        if len(found) == MOST:
            return None
        row = [part for part in parts if part not in found]
        low, high = 0, len(row)  # without row[:low] it fails, without row[:high] it works
        while high - low > 1:
            middle = (low + high) // 2
            if works([*found, *row[:middle]]):
                high = middle
            else:
                low = middle
        found.append(row[high - 1])
    return tuple(found)
