"""How far a deformable layer's taps reach: the whole displacements that their samples need.

A bilinear sample at an offset between two whole pixels needs both, per axis. What is read at an
offset outside the span of a tap is read at the span's border instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from postprocess.errors import InputError

from ..geometry import Geometry
from ..statistics import COUNTED, OffsetStatistics


class Span(NamedTuple):
    """Whole displacements of one tap, ends included, in input pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def displacements(self) -> int:
        """Number of whole displacements."""
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)


@dataclass(frozen=True)
class Reach:
    """Spans of all taps of a layer.

    Attributes:
        spans: one for each tap of each deformable group, group by group.
        beyond: share of the samples that were seen with an offset outside their tap's span; None
            where none were seen.
    """

    spans: tuple[Span, ...]
    beyond: float | None

    @property
    def radius(self) -> int:
        """Largest displacement along either axis."""
        return max(abs(end) for span in self.spans for end in span)

    @property
    def displacements(self) -> int:
        """Number of displacements over all taps: what the samples cost."""
        return sum(span.displacements for span in self.spans)


def square_reach(geometry: Geometry, radius: int, measured: OffsetStatistics | None) -> Reach:
    """Every tap reaches ``radius`` pixels in each direction.

    Raises:
        InputError: the deformable groups are not known, or the radius is not positive.
    """
    groups = geometry.deform_groups
    if measured is not None and measured.counts is not None:
        groups = measured.counts.shape[0]
    if groups is None:
        raise InputError(
            "the deformable groups of a layer that is called with its offsets show in a call only: "
            "pass calibration=statistics(model, images)"
        )
    _check_radius(radius)
    spans = (Span(-radius, radius, -radius, radius),) * (groups * geometry.taps)
    counts = None if measured is None else measured.counts
    return Reach(spans, None if counts is None else _beyond(counts, spans))


def reach_of(measured: OffsetStatistics, max_radius: int, beyond: float) -> Reach:
    """The smallest spans that hold all samples but a share of ``beyond``.

    Row by row and column by column, the one that costs the fewest samples for each displacement
    that it saves is left out, as long as the share allows it.

    Args:
        measured: with counts.
        max_radius: no span goes farther, whatever share that leaves out.
        beyond: share of all samples of the layer, 0 to 1.

    Raises:
        InputError: there are no counts, or an option is out of range.
    """
    if measured.counts is None:
        raise InputError("the offsets were not counted: take them from surgery.rewrites.dcn")
    _check_radius(max_radius)
    if not 0 <= beyond < 1:
        raise InputError(f"beyond expects a share from 0 to 1, got {beyond}")
    taps = [_Tap(counts, max_radius) for counts in measured.counts.flatten(0, 1)]
    left = (beyond - _beyond(measured.counts, tuple(tap.span for tap in taps))) * float(
        measured.counts.sum()
    )
    while True:
        price, tap, smaller = min((tap.cheapest() for tap in taps), key=lambda cut: cut[0])
        lost = tap.inside(tap.span) - tap.inside(smaller)
        if price == float("inf") or lost > left:
            break
        tap.span, left = smaller, left - lost
    spans = tuple(tap.span for tap in taps)
    return Reach(spans, _beyond(measured.counts, spans))


class _Tap:
    """Counts of one tap and the span that is being cut down."""

    def __init__(self, counts: Tensor, max_radius: int) -> None:
        self.counts = counts
        top, bottom = _ends(counts.sum(1), max_radius)
        left, right = _ends(counts.sum(0), max_radius)
        self.span = Span(top, bottom, left, right)

    def inside(self, span: Span) -> float:
        return float(_bins(self.counts, span).sum())

    def cheapest(self) -> tuple[float, _Tap, Span]:
        """Samples lost for each displacement saved, by the cheapest cut of one row or column."""
        span = self.span
        cuts = []
        if span.bottom - span.top > 1:
            cuts += [span._replace(top=span.top + 1), span._replace(bottom=span.bottom - 1)]
        if span.right - span.left > 1:
            cuts += [span._replace(left=span.left + 1), span._replace(right=span.right - 1)]
        inside = self.inside(span)
        prices = [
            (inside - self.inside(cut)) / (span.displacements - cut.displacements) for cut in cuts
        ]
        price = min(prices, default=float("inf"))
        return price, self, cuts[prices.index(price)] if cuts else span


def _check_radius(radius: int) -> None:
    if not 1 <= radius < COUNTED:
        raise InputError(f"a radius from 1 to {COUNTED - 1} pixels is expected, got {radius}")


def _ends(counts: Tensor, max_radius: int) -> tuple[int, int]:
    """First and last whole displacement that the samples of one axis need."""
    found = counts.nonzero().flatten().tolist() or [COUNTED]
    first = min(max(found[0] - COUNTED, -max_radius), max_radius - 1)
    last = max(min(found[-1] + 1 - COUNTED, max_radius), first + 1)
    return first, last


def _bins(counts: Tensor, span: Span) -> Tensor:
    rows = slice(COUNTED + span.top, COUNTED + span.bottom)
    return counts[rows, COUNTED + span.left : COUNTED + span.right]


def _beyond(counts: Tensor, spans: tuple[Span, ...]) -> float:
    each = zip(counts.flatten(0, 1), spans, strict=True)
    inside = sum(float(_bins(tap, span).sum()) for tap, span in each)
    return 1 - inside / float(counts.sum())
