"""The ledger: what every rewrite and pass did, where, why not elsewhere, and at what cost.

It is append-only, knows nothing of torch or onnx, and travels as plain JSON in the bundle and in
the ONNX metadata.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from postprocess.errors import InputError

# In a graph's metadata: the ledger as JSON; the strategy for deformable layers of our export.
LEDGER_KEY, STRATEGY_KEY = "surgery.ledger", "surgery.dcn"


@dataclass(frozen=True)
class Entry:
    """One thing that was done, or not done, in one place.

    Attributes:
        kind: "rewrite" and "symbolic" (torch), "pass" (ONNX), "precision", or of a found graph
            "cut" and "interface".
        name: which one, for example "dcn.plain".
        where: module path or node name; "" where it found nothing to work on.
        fired: whether it changed (or deliberately kept) this place.
        exact: whether what follows computes the same function, up to float rounding.
        reason: why it declined, or what is to be known about what it did.
        effect: measured figures by name, or None.
    """

    kind: str
    name: str
    where: str
    fired: bool
    exact: bool
    reason: str = ""
    effect: dict[str, float] | None = None


class Ledger:
    """Entries in the order in which they were added; none is ever changed or removed."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = list(entries)
        self._figures: dict[str, float] = {}

    def add(self, entry: Entry) -> None:
        """Append ``entry``."""
        self._entries.append(entry)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Append ``entries``, another ledger for example."""
        self._entries.extend(entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return tuple(self._entries)

    @property
    def figures(self) -> dict[str, float]:
        """Of a fit, measured on the network that came with this ledger; empty elsewhere.

        Errors on held-back images by ``strategy.output``, ``images``, ``steps``, ``seconds``.
        """
        return dict(self._figures)

    def measured(self, figures: Mapping[str, float]) -> None:
        """Take down the figures of a fit."""
        self._figures = dict(figures)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self._entries)

    def fired(self) -> tuple[Entry, ...]:
        """Entries of what was done."""
        return tuple(entry for entry in self._entries if entry.fired)

    def declined(self) -> tuple[Entry, ...]:
        """Entries of what was not done; their ``reason`` says why."""
        return tuple(entry for entry in self._entries if not entry.fired)

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain values for ``json.dumps``: one object per entry."""
        return [asdict(entry) for entry in self._entries]

    @classmethod
    def from_json(cls, values: Iterable[Mapping[str, Any]]) -> Ledger:
        """Rebuild a ledger from what :meth:`to_json` gave.

        Raises:
            InputError: a value is not an object with exactly the fields of :class:`Entry`.
        """
        return cls(_entry(position, value) for position, value in enumerate(values))

    def summary(self) -> list[str]:
        """Lines for a terminal: what fired by name and count, then each refusal with its reason."""
        counts = Counter((entry.kind, entry.name, entry.exact) for entry in self.fired())
        lines = [
            f"{kind} {name}: {count} {'place' if count == 1 else 'places'}, "
            + ("exact" if exact else "approximate")
            for (kind, name, exact), count in counts.items()
        ]
        reasons = Counter((entry.kind, entry.name, entry.reason) for entry in self.declined())
        first = {(e.kind, e.name, e.reason): e.where for e in reversed(self.declined())}
        for key, count in reasons.items():
            kind, name, reason = key
            place = f" at {first[key]}" if first[key] else ""
            more = f" and {count - 1} more" if count > 1 else ""
            lines.append(f"{kind} {name}: not done{place}{more}: {reason}")
        return lines


_FIELDS = {field.name for field in fields(Entry)}
_REQUIRED = _FIELDS - {"reason", "effect"}


def _entry(position: int, value: Mapping[str, Any]) -> Entry:
    keys = set(value) if isinstance(value, Mapping) else set()
    if not _REQUIRED <= keys <= _FIELDS:
        raise InputError(
            f"ledger entry {position} expects an object with {', '.join(sorted(_FIELDS))}, "
            f"got {sorted(keys) or type(value).__name__}: is this the ledger of a bundle.json?"
        )
    return Entry(**value)
