"""One ONNX graph in ONNX Runtime: arrays by name in, arrays by name out, errors in one line.

A graph may hold branches that share nothing (refine.onnx: the coarse step and every evolution). A
call feeds the branch that it wants; the others get arrays of length zero, which costs next to
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .bundle import GraphInfo, TensorInfo
from .errors import InputError
from .registry import suggestion

IDLE_SIDE = 32
"""Length of a dimension that varies, other than the first one, in the arrays of an idle branch."""


class Graph:
    """An ONNX file opened in ONNX Runtime.

    Args:
        path: the file.
        info: its inputs and outputs as the bundle lists them.
        providers: ONNX Runtime execution providers, best first; the CPU by default.
        threads: threads within an operator; ONNX Runtime's choice by default.

    Raises:
        InputError: the file is not a graph that ONNX Runtime opens, it is not the one that
            the bundle describes, or a provider is not in this build of ONNX Runtime.
    """

    def __init__(
        self,
        path: str | Path,
        info: GraphInfo,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.info = info
        self._inputs = {tensor.name: tensor for tensor in info.inputs}
        self._outputs = [tensor.name for tensor in info.outputs]
        self._session = _open(self.path, list(providers or ["CPUExecutionProvider"]), threads)
        _same_names(self.path, "inputs", self._inputs, self._session.get_inputs())
        _same_names(self.path, "outputs", self._outputs, self._session.get_outputs())

    def run(
        self, feeds: Mapping[str, NDArray[Any]], wanted: Sequence[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Run the graph.

        Args:
            feeds: arrays by input name. An input that is left out gets a zero-length array, which
                its first dimension must allow by being one that varies.
            wanted: names of outputs; all by default.

        Returns:
            Arrays by output name.

        Raises:
            InputError: an unknown name, or an array whose dtype or shape does not fit.
        """
        for name in feeds:
            if name not in self._inputs:
                raise self._unknown("input", name, self._inputs)
        names = list(self._outputs if wanted is None else wanted)
        for name in names:
            if name not in self._outputs:
                raise self._unknown("output", name, self._outputs)
        arrays = {
            name: check_feed(feeds[name], tensor) if name in feeds else self._idle(tensor)
            for name, tensor in self._inputs.items()
        }
        try:
            outputs = self._session.run(names, arrays)
        except Exception as error:  # ONNX Runtime's own exceptions have no public base class
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise InputError(f"{self.path} failed on {shapes}: {_one_line(error)}") from error
        return dict(zip(names, outputs, strict=True))

    def _unknown(self, kind: str, name: str, known: Mapping[str, Any] | list[str]) -> InputError:
        return InputError(
            f"{self.path} has no {kind} {name!r}{suggestion(name, known)} "
            f"({kind}s: {', '.join(known)})"
        )

    def _idle(self, tensor: TensorInfo) -> NDArray[Any]:
        """Zero-length array for an input whose branch is not wanted."""
        if not tensor.shape or not isinstance(tensor.shape[0], str):
            raise InputError(f"{self.path} needs input {tensor.name!r}, {_expected(tensor)}")
        sides = [side if isinstance(side, int) else IDLE_SIDE for side in tensor.shape[1:]]
        return np.zeros((0, *sides), tensor.dtype)


def check_feed(array: NDArray[Any], tensor: TensorInfo) -> NDArray[Any]:
    """Return the array as ONNX Runtime takes it, or raise an InputError that says what is wrong."""
    if not isinstance(array, np.ndarray):
        raise InputError(
            f"input {tensor.name!r} expects {_expected(tensor)}, got {type(array).__name__}"
        )
    fits = len(array.shape) == len(tensor.shape) and all(
        isinstance(side, str) or side == length
        for side, length in zip(tensor.shape, array.shape, strict=True)
    )
    if not fits:
        raise InputError(
            f"input {tensor.name!r} expects {_expected(tensor)}, got {_dims(array.shape)} = "
            f"{array.size:,} values{_hint(array.shape, tensor.shape)}"
        )
    if array.dtype != np.dtype(tensor.dtype):
        raise InputError(
            f"input {tensor.name!r} expects {_expected(tensor)}, got {array.dtype}: "
            f"convert it with .astype(np.{tensor.dtype})"
        )
    return np.ascontiguousarray(array)


def _expected(tensor: TensorInfo) -> str:
    fixed = [side for side in tensor.shape if isinstance(side, int)]
    count = f" = {prod(fixed):,} values" if len(fixed) == len(tensor.shape) else ""
    return f"{tensor.dtype} {_dims(tensor.shape)}{count}"


def _dims(shape: Sequence[int | str]) -> str:
    return f"({','.join(str(side) for side in shape)})"


def _hint(got: tuple[int, ...], expected: tuple[int | str, ...]) -> str:
    """The likely slip behind a shape that does not fit."""
    if len(expected) != 4:
        return ""
    channels = expected[1]
    if len(got) == 4 and got[3] == channels != got[1]:
        return ": channels last? transpose it with .transpose(0, 3, 1, 2)"
    if len(got) == 3 and got[0] == channels:
        return ": the batch dimension is missing? add it with array[None]"
    if (len(got) == 4 and got[1] == 1 != channels) or len(got) in (2, 3):
        return ": the channels are missing?"
    return ""


def _open(path: Path, providers: list[str], threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        if threads < 1:
            raise InputError(f"threads expects at least 1, got {threads}")
        options.intra_op_num_threads = threads
    for provider in providers:
        available = ort.get_available_providers()
        if provider not in available:
            raise InputError(
                f"this build of ONNX Runtime has no {provider}{suggestion(provider, available)} "
                f"(it has: {', '.join(available)})"
            )
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path}: ONNX Runtime takes paths of UTF-8 alone: move it, or set PYTHONUTF8=1"
        ) from error
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions have no public base class
        raise InputError(f"{path}: ONNX Runtime cannot open it: {_one_line(error)}") from error


def _same_names(path: Path, kind: str, listed: Any, found: Sequence[Any]) -> None:
    names = [each.name for each in found]
    if sorted(names) != sorted(listed):
        raise InputError(
            f"{path} has the {kind} {', '.join(names)}, bundle.json lists {', '.join(listed)}"
        )


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : ", "", text)
