"""Passes in a child process: one that takes it down is found by name, and the rest goes on.

The child says which pass it is at. Where it dies, that pass is tried again with parts of it left
out until the part at fault is found; a pass without parts is left out as a whole. The good case
costs one child for all passes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from ..support.child import StepError, run_in_child
from ..support.ledger import Entry
from .base import Divisible
from .bisect import culprits
from .registry import PASSES
from .step import Judge

Reasons = Mapping[str, str]


def series_in_child(
    model: onnx.ModelProto, order: Sequence[str], judge: Judge, refused: Reasons
) -> tuple[onnx.ModelProto, list[Entry]]:
    """Like :func:`~surgery.passes.runner.series`, each crash costing no more than what crashed.

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
    from .runner import series

    after, entries = series(onnx.load_from_string(content), order, judge, refused, left_out)
    return after.SerializeToString(), entries
