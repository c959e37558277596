"""Reader of ncnn's model files, as far as networks of convolutions and BatchNorm need it.

Format: github.com/Tencent/ncnn, docs/developer-guide/param-and-model-file-structure.md.  `.param`
is text, one layer a line with its blobs and parameters; `.bin` holds the weights of those layers
one after the other.  A convolution's weights start with a tag that says float16 or float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import CheckpointError
from .convolutions import Array, FoundConv, FoundNorm

MAGIC = "7767517"
FLOAT16_TAG = 0x01306B47
FLOAT32_TAG = 0
CONVOLUTIONS = ("Convolution", "ConvolutionDepthWise")
READ = (*CONVOLUTIONS, "BatchNorm")
# Numbers that ncnn gives to a convolution's parameters.
OUT, KERNEL_X, KERNEL_Y, STRIDE_X, STRIDE_Y = "0", "1", "11", "3", "13"
BIAS, WEIGHTS, GROUPS, INT8 = "5", "6", "7", "8"
CHANNELS, EPS = "0", "1"  # and to a BatchNorm's
MOST = 2**28  # a channel count, a kernel's side or a count of weights beyond it is no network's


@dataclass(frozen=True)
class Layer:
    """One line of a `.param` file; `parameters` maps ncnn's numbers to the text after `=`."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: dict[str, str]
    path: Path

    def count(self, key: str, default: int) -> int:
        """The number of a parameter that counts something, from 0 to :data:`MOST`.

        Raises CheckpointError for anything else.
        """
        text = self.parameters.get(key, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= MOST):
            raise CheckpointError(
                f"{self.path}: {self.kind} {self.name}: expected a whole number of 0 to {MOST:,} "
                f"for {key}, got "
                f"{text[:20]!r}"
            )
        return int(text)

    def number(self, key: str, default: float) -> float:
        """The finite number of a parameter.

        Raises CheckpointError for anything else.
        """
        text = self.parameters.get(key, str(default))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise CheckpointError(
                f"{self.path}: {self.kind} {self.name}: expected a number for {key}, got "
                f"{text[:20]!r}"
            )
        return value


def is_ncnn(path: str | Path) -> bool:
    """Whether a file is an ncnn `.param`, or a `.bin` that has one beside it."""
    try:
        with _param_path(Path(path)).open("rb") as file:
            return file.read(len(MAGIC)).decode("latin-1") == MAGIC
    except OSError:
        return False


def read_ncnn(path: str | Path) -> list[FoundConv]:
    """The convolutions of a model, in the file's order; `path` is its `.param` or its `.bin`.

    Raises CheckpointError where a file is missing, damaged or holds what is not read here.
    """
    path = _param_path(Path(path))
    layers = _read_param(path)
    weights_path = path.with_suffix(".bin")
    try:
        weights = _Weights(weights_path.read_bytes(), weights_path)
    except OSError as error:
        raise CheckpointError(
            f"{path} needs its weights beside it, in {weights_path.name}: {error.strerror}"
        ) from error
    found: list[FoundConv] = []
    sources: dict[str, frozenset[int]] = {}
    direct: dict[str, int] = {}  # blobs that a convolution gives, and nothing has changed since
    for layer in layers:
        feeds = frozenset[int]().union(*(sources.get(name, ()) for name in layer.inputs))
        if layer.kind in CONVOLUTIONS:
            direct[layer.outputs[0]] = len(found)
            found.append(_convolution(layer, weights, feeds))
            feeds = frozenset({len(found) - 1})
        elif layer.kind == "BatchNorm":
            index = direct.get(layer.inputs[0])
            if index is None:
                raise CheckpointError(f"{path}: BatchNorm {layer.name} follows no convolution")
            found[index] = replace(found[index], norm=_batch_norm(layer, weights))
        sources |= dict.fromkeys(layer.outputs, feeds)
    weights.finish()
    return found


def _param_path(path: Path) -> Path:
    return path.with_suffix(".param") if path.suffix == ".bin" else path


def _read_param(path: Path) -> list[Layer]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"cannot read {path} as an ncnn .param text file: {error}") from error
    if lines[0].strip() != MAGIC:
        raise CheckpointError(f"{path} is not an ncnn .param text file: it starts without {MAGIC}")
    return list(_parse([line.split() for line in lines[2:] if line.strip()], path))


def _parse(lines: list[list[str]], path: Path) -> Iterator[Layer]:
    for words in lines:
        try:
            kind, name, inputs, outputs = words[0], words[1], int(words[2]), int(words[3])
            if min(inputs, outputs) < 0 or len(words) < 4 + inputs + outputs:
                raise ValueError("as many blobs as it says")
            if kind in READ and not (inputs and outputs):
                raise ValueError("a blob in and a blob out")
            blobs, parameters = words[4 : 4 + inputs + outputs], words[4 + inputs + outputs :]
            pairs = dict(word.split("=", maxsplit=1) for word in parameters)
        except (IndexError, ValueError) as error:
            raise CheckpointError(
                f"{path}: cannot read the layer {' '.join(words)[:200]!r}"
            ) from error
        yield Layer(kind, name, tuple(blobs[:inputs]), tuple(blobs[inputs:]), pairs, path)


class _Weights:
    """A `.bin` file, read from front to back."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.data, self.path, self.position = data, path, 0

    def take(self, count: int, dtype: str = "<f4") -> Array:
        """The next `count` numbers, as float32; ncnn pads each array to four bytes."""
        size = count * np.dtype(dtype).itemsize
        if self.position + size > len(self.data):
            raise CheckpointError(
                f"{self.path} ends after {len(self.data)} bytes, too early: is it damaged, or of "
                "another .param?"
            )
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += -(-size // 4) * 4
        return values.astype(np.float32)

    def tagged(self, layer: Layer, count: int) -> Array:
        """The next array that starts with a tag for its type."""
        tag = int.from_bytes(self.data[self.position : self.position + 4], "little")
        self.position += 4
        if tag == FLOAT16_TAG:
            return self.take(count, "<f2")
        if tag == FLOAT32_TAG:
            return self.take(count)
        raise CheckpointError(
            f"{self.path}: weights of {layer.name} have the tag {tag:#010x}, neither float16 "
            f"({FLOAT16_TAG:#010x}) nor float32 (0): quantised models cannot be imported"
        )

    def finish(self) -> None:
        """Check that nothing is left over."""
        left = len(self.data) - self.position
        if left:
            raise CheckpointError(
                f"{self.path}: {left} bytes left after the last layer: it holds weights of layers "
                f"that are not read here (read are {', '.join(CONVOLUTIONS)} and BatchNorm)"
            )


def _convolution(layer: Layer, weights: _Weights, feeds: frozenset[int]) -> FoundConv:
    if layer.count(INT8, 0):
        raise CheckpointError(f"{weights.path}: {layer.name} is quantised: int8 cannot be imported")
    out, groups = layer.count(OUT, 0), layer.count(GROUPS, 1)
    width, stride = layer.count(KERNEL_X, 1), layer.count(STRIDE_X, 1)
    height = layer.count(KERNEL_Y, width)
    values = weights.tagged(layer, layer.count(WEIGHTS, 0))
    per_output = height * width
    if out * per_output == 0 or values.size % (out * per_output):
        raise CheckpointError(
            f"{weights.path}: {layer.name} has {values.size} weights for {out} outputs and a "
            f"{height}x{width} kernel: they do not go together"
        )
    return FoundConv(
        layer.name,
        values.reshape(out, -1, height, width),
        weights.take(out) if layer.count(BIAS, 0) else None,
        None,
        (layer.count(STRIDE_Y, stride), stride),
        groups,
        feeds,
    )


def _batch_norm(layer: Layer, weights: _Weights) -> FoundNorm:
    channels = layer.count(CHANNELS, 0)
    weight, mean, variance, bias = (weights.take(channels) for _ in range(4))
    return FoundNorm(weight, bias, mean, variance, layer.number(EPS, 0.0))
