"""Run passes one after another, each behind a check, and take back the one that breaks the graph.

A library that simplifies graphs is right most of the time. Here it is found out at once when it is
not, by which pass and by which part of it, and the rest goes on from the graph before it. One that
takes its process down is found out the same way where passes run in a child (``safe``): the child
says which pass it is at. Where it dies, that pass is tried again with parts of it left out until
the part at fault is found; a pass without parts is left out as a whole. The good case costs one
child for all passes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from ..support.child import StepError, announce, run_in_child
from ..support.ledger import Entry, Ledger
from .base import Divisible
from .check import Check
from .registry import DEFAULT_ORDER, PASSES
from .step import TOLERANCE, Judge, attempt, culprits, perform


def run_passes(
    model: onnx.ModelProto,
    *,
    skip: Collection[str] = (),
    ledger: Ledger,
    check: Check | None,
    order: Sequence[str] = DEFAULT_ORDER,
    tolerance: float = TOLERANCE,
    safe: bool = False,
) -> onnx.ModelProto:
    """Return ``model`` after the passes of ``order``; it is left as it is itself.

    Where ONNX Runtime cannot run the graph at first, a pass that makes it run goes first.

    Args:
        skip: names of passes to leave out.
        ledger: gets one entry a pass: the node count before and after, or why it did not fire; and
            one for each part of a pass that was at fault.
        check: compares the graph before and after a pass. None only where nothing can run the
            graph: the ONNX checker alone stands guard then.
        order: names of the passes to run.
        tolerance: largest difference that an approximate pass may make, in units of an output's
            largest value.
        safe: run them in a child process, so that one that crashes costs only itself.

    Raises:
        InputError: a name in ``skip`` or ``order`` is not a pass.
        StepError: ``safe``, and the graph itself takes ONNX Runtime down.
    """
    known = PASSES.names()
    for name in (*skip, *order):
        if name not in known:
            PASSES.get(name)  # says so, and what there is
    judge = Judge(check, tolerance)
    refused = dict.fromkeys(skip, "skipped by surgery.passes.skip")
    if safe:
        after, entries = series_in_child(model, order, judge, refused)
    else:
        after, entries = series(model, order, judge, refused)
    ledger.extend(entries)
    return after


def series(
    model: onnx.ModelProto,
    order: Sequence[str],
    judge: Judge,
    refused: Mapping[str, str],
    left_out: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[onnx.ModelProto, list[Entry]]:
    """Run the passes of ``order`` and return the graph after them and the ledger's entries.

    Args:
        refused: passes not to run, with the reasons.
        left_out: parts of passes not to run, with the reasons.
    """
    entries = []
    for name in _with_repair_first(model, order, judge, refused):
        step = PASSES.get(name)
        if name in refused:
            reason = refused[name]
            entries.append(Entry("pass", name, model.graph.name, False, step.exact, reason))
            continue
        announce(f"pass {name}")
        model, lines = perform(step, model, judge, (left_out or {}).get(name))
        entries += lines
    return model, entries


def _with_repair_first(
    model: onnx.ModelProto, order: Sequence[str], judge: Judge, refused: Mapping[str, str]
) -> list[str]:
    """``order``, and in front of it the pass that makes a graph run that does not."""
    if judge.check is None or not judge.check.unusable(model):
        return list(order)
    for name in order:
        if name in refused:
            continue
        announce(f"pass {name}")
        if attempt(PASSES.get(name), model, judge).graph is not None:
            return [name, *(other for other in order if other != name)]
    return list(order)


Reasons = Mapping[str, str]


def series_in_child(
    model: onnx.ModelProto, order: Sequence[str], judge: Judge, refused: Reasons
) -> tuple[onnx.ModelProto, list[Entry]]:
    """Like :func:`series`, each crash costing no more than what crashed.

    Raises:
        StepError: the child died before the first pass: the graph itself takes ONNX Runtime down.
    """
    refused, left_out = dict(refused), dict[str, Reasons]()
    while True:
        try:
            return _child(model, order, judge, refused, left_out)
        except StepError as error:
            name = error.at.removeprefix("pass ")
            if not error.crashed or name not in order or name in refused:
                raise
            reason = f"crashed: {error.cause} {error.frame}".rstrip()
            found = _parts_at_fault(name, model, order, judge, refused, left_out)
            if found:
                left_out[name] = {**left_out.get(name, {}), **dict.fromkeys(found, reason)}
            else:
                refused[name] = reason


def _parts_at_fault(
    name: str,
    model: onnx.ModelProto,
    order: Sequence[str],
    judge: Judge,
    refused: Reasons,
    left_out: Mapping[str, Reasons],
) -> tuple[str, ...] | None:
    step = PASSES.get(name)
    if not isinstance(step, Divisible):
        return None
    known = left_out.get(name, {})
    upto = order[: order.index(name) + 1]

    def survives(skip: Collection[str]) -> bool:
        parts = {**known, **dict.fromkeys(skip, "")}
        try:
            _child(model, upto, judge, refused, {**left_out, name: parts})
        except StepError as error:
            return not error.crashed
        return True

    return culprits([part for part in step.parts() if part not in known], survives)


def _child(
    model: onnx.ModelProto,
    order: Sequence[str],
    judge: Judge,
    refused: Reasons,
    left_out: Mapping[str, Reasons],
) -> tuple[onnx.ModelProto, list[Entry]]:
    step = f"passes over graph {model.graph.name!r}"
    content, entries = run_in_child(
        step, _series, model.SerializeToString(), tuple(order), judge, refused, left_out
    )
    return onnx.load_from_string(content), entries


def _series(
    content: bytes,
    order: Sequence[str],
    judge: Judge,
    refused: Reasons,
    left_out: Mapping[str, Reasons],
) -> tuple[bytes, list[Entry]]:
    after, entries = series(onnx.load_from_string(content), order, judge, refused, left_out)
    return after.SerializeToString(), entries
