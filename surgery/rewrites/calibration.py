"""What was measured or fitted for the modules of a network, by its type and the module's path.

One module may have several: the statistics of its offsets, a fitted convolution, its partner in a
pair. Each is found by its own type, so that none stands in another's way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Calibration:
    """Values by (type, module path)."""

    values: Mapping[tuple[type, str], object] = field(default_factory=dict)

    @classmethod
    def by_path(cls, *found: Mapping[str, object]) -> Calibration:
        """Collect values by module path; of two with one type and path the last one counts."""
        return cls({(type(each), path): each for one in found for path, each in one.items()})

    def __or__(self, other: Calibration) -> Calibration:
        """Both; of one type and path ``other``'s."""
        return Calibration({**self.values, **other.values})

    def __iter__(self) -> Iterator[object]:
        """The values."""
        return iter(self.values.values())

    def get(self, kind: type[Value], path: str) -> Value | None:
        """The value of this type for the module at ``path``, or None."""
        found = self.values.get((kind, path))
        return found if isinstance(found, kind) else None

    def of(self, kind: type[Value]) -> dict[str, Value]:
        """All values of a type by module path."""
        return {path: each for (_, path), each in self.values.items() if type(each) is kind}

    def types_at(self, path: str) -> str:
        """Names of the types of the values for ``path``, for messages; "none" without any."""
        return ", ".join(kind.__name__ for kind, at in self.values if at == path) or "none"
