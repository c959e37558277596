"""Run passes one after another, each behind a check, and take back the one that breaks the graph.

A library that simplifies graphs is right most of the time. Here it is found out at once when it is
not, by which pass, and the rest goes on from the graph before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import onnx

from postprocess.errors import InputError

from ..exporters.quiet import quiet
from ..graph.modules import all_nodes, carry_modules
from ..graph.names import stable_names
from ..ledger import Entry, Ledger
from .base import EVERY_OPSET, Pass, opset_of
from .initializers import STANDALONE
from .registry import DEFAULT_ORDER, PASSES

Check = Callable[[onnx.ModelProto, onnx.ModelProto], str | None]


def run_passes(
    model: onnx.ModelProto,
    *,
    skip: Collection[str] = (),
    ledger: Ledger,
    check: Check | None,
    order: Sequence[str] = DEFAULT_ORDER,
) -> onnx.ModelProto:
    """Return ``model`` after the passes of ``order``; it is left as it is itself.

    Args:
        skip: names of passes to leave out.
        ledger: gets one entry a pass: the node count before and after, or why it did not fire.
        check: takes the graph before and after a pass and returns None, or the reason to take it
            back (:class:`~surgery.passes.parity.Parity`). None only where nothing can run the
            graph: the ONNX checker alone stands guard then.
        order: names of the passes to run.

    Raises:
        InputError: a name in ``skip`` or ``order`` is not a pass.
    """
    known = PASSES.names()
    unknown = sorted((set(skip) | set(order)) - set(known))
    if unknown:
        raise InputError(
            f"unknown pass {', '.join(map(repr, unknown))} in surgery.passes: there are "
            f"{', '.join(known)}"
        )
    for name in order:
        step = PASSES.get(name)
        if name in skip:
            ledger.add(_entry(step, model, False, "skipped by surgery.passes.skip"))
        else:
            model = _run(step, model, ledger, check)
    return model


def _run(
    step: Pass, model: onnx.ModelProto, ledger: Ledger, check: Check | None
) -> onnx.ModelProto:
    if opset_of(model) not in step.opsets:
        upper = "" if step.opsets.stop >= EVERY_OPSET.stop else f" to {step.opsets.stop - 1}"
        reason = f"works from opset {step.opsets.start}{upper}, the graph is of {opset_of(model)}"
    else:
        reason = step.check(model) or ""
    if reason:
        ledger.add(_entry(step, model, False, reason))
        return model
    try:
        after = _apply(step, model)
        broken = None if after is None or check is None else check(model, after)
    except Exception as error:  # a pass is foreign code; whatever it raises, the graph is kept
        after, broken = model, " ".join(f"{type(error).__name__}: {error}".split())
    if after is None:
        ledger.add(_entry(step, model, False, "nothing to change"))
        return model
    if broken is not None:
        ledger.add(_entry(step, model, False, f"taken back: {broken}"))
        return model
    unchecked = "" if check is not None else "outputs not compared: no run time for this graph"
    effect: dict[str, float] = {"nodes_before": _count(model), "nodes_after": _count(after)}
    ledger.add(_entry(step, after, True, unchecked, effect))
    return after


def _apply(step: Pass, model: onnx.ModelProto) -> onnx.ModelProto | None:
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
    for field in ("producer_name", "producer_version", "domain", "model_version", "doc_string"):
        after.ClearField(field)
        if model.HasField(field):
            setattr(after, field, getattr(model, field))
    after.ClearField("metadata_props")
    after.metadata_props.extend(model.metadata_props)
    after.graph.name = model.graph.name
    weights = {tensor.name for tensor in model.graph.initializer}
    wanted = [value.name for value in model.graph.input if value.name not in weights]
    kept = {tensor.name for tensor in after.graph.initializer}
    inputs = [value.name for value in after.graph.input if value.name not in kept]
    outputs = [value.name for value in after.graph.output]
    if inputs != wanted or outputs != [value.name for value in model.graph.output]:
        raise InputError(f"inputs {inputs} and outputs {outputs} are not those of the graph before")
    if _content(after, step.renames) == _content(model, step.renames):
        return None
    onnx.checker.check_model(after, full_check=True)
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
