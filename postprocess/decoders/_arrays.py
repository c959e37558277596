"""Array checks that every decoder shares: floating input of the right rank, as float32."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..instances import Array


def as_float32(values: ArrayLike, name: str, layouts: dict[int, str]) -> Array:
    """Return `values` as a C-contiguous float32 array; copies only where it has to.

    Args:
        values: array of float16, float32 or float64, of any strides.
        name: what the caller calls it, for messages.
        layouts: accepted ranks with how each is laid out, for example {3: "(C,H,W)"}.

    Raises:
        InputError: integers, booleans, objects or complex numbers, or another rank.
    """
    array = np.asarray(values)
    if array.dtype == np.float32 and array.ndim in layouts and array.flags.c_contiguous:
        return array
    expected = " or ".join(layouts.values())
    if array.dtype.kind != "f":
        raise InputError(
            f"{name} expects float32 {expected}, got {array.dtype} {array.shape}: "
            "convert it with .astype(numpy.float32)"
        )
    if array.ndim not in layouts:
        raise InputError(
            f"{name} expects {expected}, got {array.ndim} axes {array.shape}: "
            "add or drop axes to match"
        )
    with np.errstate(over="ignore"):  # a float64 beyond float32's range becomes an infinity
        return np.ascontiguousarray(array, dtype=np.float32)


def as_points(values: ArrayLike, name: str, layout: str) -> Array:
    """Return (..., 2) coordinates as C-contiguous float32; an empty list is (0, 2).

    Raises:
        InputError: not floating point, or the last axis is not x, y.
    """
    array = np.asarray(values)
    if array.ndim == 1 and array.size == 0:
        array = np.zeros((0, 2), np.float32)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise InputError(f"{name} expects {layout} with x, y in its last axis, got {array.shape}")
    return as_float32(array, name, {array.ndim: layout})


def as_count(value: int, name: str, least: int) -> int:
    """Return `value` as an int of at least `least`.

    Raises:
        InputError: not a whole number, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} expects a whole number of at least {least}, got {value!r}")
    return int(value)


def as_kernel(value: int) -> int:
    """Return an odd window side in pixels.

    Raises:
        InputError: even, below 1 or not a whole number.
    """
    side = as_count(value, "kernel", 1)
    if side % 2 == 0:
        raise InputError(f"kernel expects an odd side such as 3, got {value!r}: it needs a centre")
    return side


def as_threshold(value: float, name: str) -> np.float32:
    """Return a threshold as float32, the precision that scores are compared in.

    Raises:
        InputError: not a number, or NaN.
    """
    try:
        threshold = np.float32(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} expects a number, got {value!r}") from None
    if np.isnan(threshold):
        raise InputError(f"{name} expects a number, got {value!r}")
    return threshold


def as_number(value: float, name: str, above: float | None = None) -> float:
    """Return a finite number, larger than `above` where that is given.

    Raises:
        InputError: not a number, not finite, or not above the bound.
    """
    expected = "a finite number" + ("" if above is None else f" above {above:g}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} expects {expected}, got {value!r}") from None
    if not math.isfinite(number) or (above is not None and not number > above):
        raise InputError(f"{name} expects {expected}, got {value!r}")
    return number


def as_choice(value: str, among: Sequence[str], name: str) -> str:
    """Return `value` where it is one of `among`.

    Raises:
        InputError: another one.
    """
    if value not in among:
        raise InputError(f"{name} expects one of {', '.join(among)}, got {value!r}")
    return value
