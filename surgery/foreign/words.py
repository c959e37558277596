"""What the operation on a found graph cost and brought, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..measure.parity import Parity
from ..support.ledger import Ledger
from ..targets.audit import Audit
from .latency import Comparison


def verdict(proof: Parity, times: Comparison, *, decoded: bool = True) -> dict[str, Any]:
    """Say in words what the operation cost and brought.

    Args:
        decoded: whether a decoder made instances of the heads.
    """
    worst = max(found.max for found in proof.outputs.values())
    found = proof.instances
    if not decoded:
        return {
            "good": True,
            "text": f"The operated graph's outputs are at most {worst:.2g} from "
            "the found graph's; without a decoder nothing else was compared.",
        }
    if found.reference == found.other == 0:
        text = f"The operated graph's outputs are at most {worst:.2g} from the found graph's, but "
        return {"good": False, "text": f"{text}nothing is found in this picture: try image=FILE."}
    text = (
        f"The operated graph's outputs are at most {worst:.2g} from the found graph's, and "
        f"{found.matched} of {found.reference} instances are the same"
    )
    if times.speedup is not None:
        text += f"; the found graph takes {times.speedup:.2f} times as long as it and its decoding"
    return {"good": found.matched == found.reference == found.other, "text": f"{text}."}


def summary(ledger: Ledger, audited: Audit, proof: Parity, times: Comparison) -> Iterator[str]:
    """Lines for a terminal: what a person wants to know first."""
    for entry in ledger:
        if entry.kind in ("cut", "interface") or entry.where == "calibration":
            done = "" if entry.fired else " not done:"
            yield f"{entry.name}:{done} {entry.where}: {entry.reason}"
    yield from (line for line in ledger.summary() if line.startswith("pass "))
    for entry in ledger.fired():
        if entry.kind == "pass" and entry.reason:
            yield f"pass {entry.name}: {entry.reason}"
    yield "backbone: " + ", ".join(f"{op} {n}" for op, n in audited.histogram.items())
    yield audited.summary
    worst = max(found.max for found in proof.outputs.values())
    yield f"operated graph against the found one: outputs at most {worst:.2g} apart"
    own = f"operated {times.operated.median:.2f} ms and decoding {times.decoding.median:.2f} ms"
    if times.found is None:
        yield f"latency: {own}; the found graph was not timed: {times.problem}"
    else:
        whole = f"found graph {times.found.median:.2f} ms"
        yield f"latency: {whole}, {own}: {times.speedup:.2f} times"
