"""How far two results are apart: arrays by name, and instances matched to each other.

Tolerances are relative to the scale of the reference, or multiples of a noise that was measured
(the same network in float32 and in float64), never bare numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InputError

# Largest difference of E2EC's outputs between float32 and float64, relative to the largest output:
# 2.2e-5 (ct_hm), 2.6e-5 (feature), 2.9e-5 (wh), measured on the full-width network.
FLOAT32_NOISE = 3e-5


@dataclass(frozen=True)
class Difference:
    """Distance of one array from its reference.

    Attributes:
        max, mean, p99: of the absolute difference; infinite where only one side is finite.
        cosine: of the angle between the two as vectors; 1 for two zero vectors.
        scale: largest absolute value of the reference.
    """

    max: float
    mean: float
    p99: float
    cosine: float
    scale: float

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def difference(reference: NDArray[Any], other: NDArray[Any]) -> Difference:
    """Compare two arrays of one shape, in float64; NaN and infinity equal themselves.

    Of strings only equality is known: 1 for each that differs.
    """
    if np.asarray(reference).dtype.kind in "OSU":
        reference, other = np.zeros(np.shape(reference)), np.not_equal(reference, other)
    a = np.asarray(reference).astype(np.float64).ravel()
    b = np.asarray(other).astype(np.float64).ravel()
    if a.size == 0:
        return Difference(0.0, 0.0, 0.0, 1.0, 0.0)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.where(same, 0.0, np.abs(a - b))
    gap = np.where(np.isnan(gap), np.inf, gap)
    finite = np.isfinite(a) & np.isfinite(b)
    return Difference(
        max=float(gap.max()),
        mean=float(gap.mean()),
        p99=float(np.quantile(gap, 0.99, method="higher")),
        cosine=_cosine(a[finite], b[finite]),
        scale=float(np.abs(a[np.isfinite(a)]).max(initial=0.0)),
    )


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    if norms == 0.0:
        return 1.0 if not a.any() and not b.any() else 0.0
    return float(np.dot(a, b) / norms)


def compare(
    reference: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]
) -> dict[str, Difference]:
    """Compare arrays by name.

    Raises:
        InputError: a name of ``reference`` is missing in ``other``, or the shapes differ.
    """
    result = {}
    for name, expected in reference.items():
        if name not in other:
            raise InputError(f"expected an array {name!r} to compare, got {sorted(other)}")
        if np.shape(expected) != np.shape(other[name]):
            raise InputError(
                f"{name!r} has shape {np.shape(other[name])}, expected {np.shape(expected)}"
            )
        result[name] = difference(expected, other[name])
    return result


def tolerance(
    found: Difference, noise: float | None = None, factor: float = 10.0, floor: float = 0.0
) -> float:
    """Largest difference that rounding may make.

    Args:
        found: gives the scale of the reference.
        noise: measured largest float32 difference, in the array's own unit; by default
            ``FLOAT32_NOISE`` of the scale.
        factor: how much more than the noise is let through.
        floor: difference that is let through at any scale, for values whose rounding does not
            shrink with them.
    """
    return max(floor, factor * (FLOAT32_NOISE * found.scale if noise is None else noise))


def within(
    found: Difference, noise: float | None = None, factor: float = 10.0, floor: float = 0.0
) -> bool:
    """Whether the difference is no more than rounding; see :func:`tolerance`."""
    return found.max <= tolerance(found, noise, factor, floor)
