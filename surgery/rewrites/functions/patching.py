"""Patch functions until a context is left, and write down what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from postprocess.errors import InputError

from ...config.surgery import NEWEST_OPSET
from ...support.ledger import Entry, Ledger
from ..base import Context
from ..registry import REWRITES, is_patch
from .base import FunctionPatch, Tally
from .dispatch import in_force
from .place import find


@contextmanager
def patching(
    *patches: str | FunctionPatch,
    exporter: str = "",
    opset: int = NEWEST_OPSET,
    target: str = "",
    ledger: Ledger | None = None,
) -> Iterator[Ledger]:
    """Patch functions for this thread until the context is left.

    Other threads see the originals throughout. Contexts nest: an inner patch's original is the
    outer patch. On leaving, also by an exception, every function is the object that it was.

    Args:
        patches: names of ``surgery.rewrites``, or patches themselves; of two for one function, the
            later one stands in front.
        exporter: of the export to come, for guards.
        opset: of the export to come, for guards; the newest where none is to come.
        target: of the export to come, for guards.
        ledger: takes the entries, on leaving; a new one otherwise.

    Yields:
        The ledger.

    Raises:
        InputError: an unknown patch, a rewrite of modules, or a function that does not exist.
    """
    found = [_patch(each) for each in patches]
    context = Context(opset, exporter=exporter, target=target)
    with patched(found, context, Ledger() if ledger is None else ledger) as record:
        yield record


@contextmanager
def patched(patches: Sequence[FunctionPatch], context: Context, ledger: Ledger) -> Iterator[Ledger]:
    """Like :func:`patching`, with members and a context in hand."""
    refused = {each.name: each.guard.refusal(context) for each in patches}
    ledger.extend(_entry(each, reason) for each in patches if (reason := refused[each.name]))
    used = [each for each in patches if not refused[each.name]]
    places = [find(each.function, each.name) for each in used]
    with ExitStack() as stack:
        for each, place in zip(used, places, strict=True):
            tally = stack.enter_context(in_force(each, place))
            stack.callback(_record, each, tally, ledger)
        yield ledger


def _patch(given: str | FunctionPatch) -> FunctionPatch:
    if not isinstance(given, str):
        return given
    member = REWRITES.get(given)
    if is_patch(member):
        return member
    raise InputError(
        f"rewrite {given!r} replaces modules, not a function: it is for surgery.rewriting"
    )


def _record(patch: FunctionPatch, tally: Tally, ledger: Ledger) -> None:
    calls, declined = tally.calls, sum(tally.declined.values())
    if calls > declined:
        effect = {"calls": float(calls - declined)}
        ledger.add(Entry("rewrite", patch.name, patch.function, True, patch.exact, effect=effect))
    if not calls:
        ledger.add(_entry(patch, "nothing called it"))
    for reason, count in tally.declined.items():
        times = f" ({count} calls)" if count > 1 else ""
        ledger.add(_entry(patch, f"{reason}{times}"))


def _entry(patch: FunctionPatch, reason: str) -> Entry:
    return Entry("rewrite", patch.name, patch.function, False, patch.exact, reason)
