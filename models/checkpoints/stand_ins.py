"""What pickled numpy arrays are made of, in classes that cannot do more than hold numbers.

numpy's own are no safe ground for a stranger's pickle: `ndarray((1,), dtype("O"), bytes)` takes the
bytes for a pointer, and so does a structured type whose state says that it holds no objects. Here a
type is one of a few letters with a width, and an array is bytes, a shape and a type, which become
numpy's at the very end, when the three have been held against each other.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS = re.compile(r"[<>=|]?([fiu][1248]|b1)")
_ORDERS = ("<", ">", "=", "|")
LATIN = ("latin1", "latin-1")


class Kind:
    """In the place of `numpy.dtype`."""

    __slots__ = ("name", "order")

    def __init__(self, name: object, *_: object) -> None:
        found = _NUMBERS.fullmatch(name) if isinstance(name, str) else None
        if found is None:
            raise TypeError(f"it holds a type {name!r}, and only numbers are allowed")
        self.name, self.order = found[1], "="

    def __setstate__(self, state: Any) -> None:
        """Take the order of dtype's state (version, order, subtype, names, fields, ...)."""
        order, *parts = state[1:5]
        if order not in _ORDERS or any(part is not None for part in parts):
            raise TypeError("it holds a type with parts, and only numbers are allowed")
        self.order = order


class Array:
    """In the place of `numpy.ndarray`."""

    __slots__ = ("kind", "raw", "rows_last", "shape")

    def __init__(self, shape: Any = (0,), kind: Any = None, raw: Any = b"", *_: object) -> None:
        self.__setstate__((1, shape, kind or Kind("u1"), False, raw))

    def __setstate__(self, state: Any) -> None:
        """ndarray's own state: (version, shape, type, whether columns come first, bytes)."""
        _, shape, kind, columns_first, raw = state
        raw = raw.encode("latin-1") if isinstance(raw, str) else raw  # Python 2's pickles
        whole = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)
        if not (whole and isinstance(kind, Kind) and isinstance(raw, (bytes, bytearray))):
            raise TypeError("it holds an array that is not made of numbers")
        self.shape, self.kind, self.raw, self.rows_last = shape, kind, raw, bool(columns_first)

    def numbers(self) -> NDArray[Any]:
        """The values, in this machine's byte order.

        Raises ValueError where the bytes are not as many as shape and type take.
        """
        dtype = np.dtype(self.kind.order + self.kind.name)
        if prod(self.shape) * dtype.itemsize != len(self.raw):
            raise ValueError(f"{len(self.raw):,} bytes for {dtype.name} of shape {self.shape}")
        values = np.frombuffer(self.raw, dtype)
        order: Any = "F" if self.rows_last else "C"
        return np.array(values.reshape(self.shape, order=order), dtype.newbyteorder("="))


def _reconstruct(kind: object, *_: object) -> Array:
    """numpy's `_reconstruct(ndarray, (0,), b"b")`: an empty array, whose state follows."""
    return Array()


def _scalar(kind: Any, raw: Any = b"") -> Array:
    """numpy's `scalar(dtype, bytes)`."""
    return Array((), kind, raw)


def _from_buffer(raw: Any, kind: Any, shape: Any, order: Any = "C", *_: object) -> Array:
    """numpy's `_frombuffer(bytes, dtype, shape, order)`, of protocol 5."""
    made = Array()
    made.__setstate__((1, shape, kind, order == "F", raw))
    return made


def _encode(text: Any, encoding: object = "latin1") -> bytes:
    """How protocol 2 writes bytes: as text, to be encoded."""
    if encoding not in LATIN or not isinstance(text, str):
        raise TypeError(f"it encodes as {encoding!r}")
    return text.encode("latin-1")


# numpy moved its core package in version 2; both names occur in files.
STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "dtype"): Kind,
    ("numpy", "ndarray"): Array,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): value
        for core in ("core", "_core")
        for module, name, value in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
