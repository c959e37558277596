"""Run a graph that is in memory through ONNX Runtime, and make inputs for one.

Used to compare a graph before and after a change, not to serve one. Weights that lie in files are
mapped into memory and handed over as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from postprocess.errors import InputError

from .plugins import standard
from .shapes import inputs_of, shape_of
from .weights import array_of, outside

Array = NDArray[Any]

MADE_UP = 2**28  # values of an input that nobody gives: 1 GB as float32


def run(
    model: onnx.ModelProto, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
) -> dict[str, Array]:
    """Run ``model`` on the CPU as it is written, without ONNX Runtime's own rewriting.

    Nodes of other run times' plugins run as what they compute (:mod:`.plugins`).

    Args:
        model: left as it is.
        feeds: arrays by input name; names that the graph does not have are left out.
        outputs: names wanted; all by default.

    Raises:
        InputError: ONNX Runtime cannot load the graph or run it on ``feeds``.
    """
    wanted = list(outputs) if outputs is not None else [value.name for value in model.graph.output]
    try:
        session = _session(standard(model), optimize=False)
        known = {value.name for value in session.get_inputs()}
        given = {name: array for name, array in feeds.items() if name in known}
        return dict(zip(wanted, session.run(wanted, given), strict=True))
    except Exception as error:  # ONNX Runtime raises classes of its own, none of them public
        cause = " ".join(str(error).split())
        raise InputError(f"ONNX Runtime cannot run graph {model.graph.name!r}: {cause}") from error


def opened(model: onnx.ModelProto, threads: int | None = None) -> onnxruntime.InferenceSession:
    """Open ``model`` on the CPU as the run time does, optimisations on, to be timed.

    Raises:
        InputError: ONNX Runtime cannot load the graph.
    """
    try:
        return _session(model, optimize=True, threads=threads)
    except Exception as error:  # ONNX Runtime raises classes of its own, none of them public
        cause = " ".join(str(error).split())
        raise InputError(f"ONNX Runtime cannot open graph {model.graph.name!r}: {cause}") from error


def _session(
    model: onnx.ModelProto, *, optimize: bool, threads: int | None = None
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if threads is not None:
        options.intra_op_num_threads = threads
    lying = outside(model)
    if lying:
        values = [_value(tensor) for tensor in lying.values()]
        options.add_external_initializers(list(lying), values)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _value(tensor: onnx.TensorProto) -> onnxruntime.OrtValue:
    """A weight in a file as ONNX Runtime takes it; it is not copied."""
    array = array_of(tensor)
    if array.dtype.kind in "biufc":
        return onnxruntime.OrtValue.ortvalue_from_numpy(array)
    # bfloat16 and its kin, which numpy does not have
    bits = array.view(f"u{array.dtype.itemsize}")
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, tensor.data_type)


def random_feeds(
    model: onnx.ModelProto, sizes: Mapping[str, int] | None = None, seed: int = 0
) -> dict[str, Array]:
    """Return seeded random inputs for ``model``: normal floats, small integers, coin flips.

    Args:
        model: its weights listed as inputs get no feed.
        sizes: numbers for the symbols of dynamic axes.
        seed: of the generator.

    Raises:
        InputError: a dynamic axis has no size, or an input is too large or of no known type.
    """
    generator = np.random.default_rng(seed)
    feeds: dict[str, Array] = {}
    for value in inputs_of(model):
        shape = []
        for axis, dim in enumerate(shape_of(value) or ()):
            size = dim if isinstance(dim, int) else (sizes or {}).get(dim or "")
            if size is None:
                raise InputError(
                    f"input {value.name!r} axis {axis} ({dim or 'unnamed'}) is dynamic and no size "
                    f"is given for it: expected one of {sorted(sizes or {}) or 'the sizes'}"
                )
            shape.append(size)
        if prod(shape) > MADE_UP:
            raise InputError(
                f"input {value.name!r} of shape ({','.join(map(str, shape))}) takes "
                f"{prod(shape):,} values, more than the {MADE_UP:,} that are made up for a check"
            )
        dtype = _dtype(value)
        if dtype.kind == "b":
            feeds[value.name] = generator.random(shape) < 0.5
        elif dtype.kind in "iu":
            feeds[value.name] = generator.integers(0, 8, shape).astype(dtype)
        else:
            feeds[value.name] = generator.standard_normal(shape).astype(dtype)
    return feeds


def _dtype(value: onnx.ValueInfoProto) -> np.dtype[Any]:
    """Numpy's type of an input's values."""
    kind = value.type.tensor_type.elem_type
    try:
        return helper.tensor_dtype_to_np_dtype(kind)
    except (KeyError, TypeError) as error:
        what = f"element type {kind}" if value.type.HasField("tensor_type") else "no tensor"
        raise InputError(f"input {value.name!r} is of {what}: expected one of ONNX's") from error


BATCH, SIDE, LENGTH = 1, 64, 8
"""Sizes of open axes: the first one, those of a picture (rank 4 or 5), and others."""


def feeds_for(
    inputs: Sequence[onnx.ValueInfoProto], sizes: Mapping[str, int] | None = None, seed: int = 0
) -> dict[str, Array]:
    """Return random arrays for inputs of a graph: normal floats, small integers, coin flips.

    Args:
        inputs: weights not among them.
        sizes: of open axes by symbol; a symbol that is not named, and an axis without one, gets a
            usual size.
        seed: of the generator.
    """
    known = dict(sizes or {})
    filled = []
    for value in inputs:
        shape = shape_of(value) or ()
        kind = value.type.tensor_type.elem_type
        sides = [
            side if isinstance(side, int) else _size(axis, side, len(shape), known)
            for axis, side in enumerate(shape)
        ]
        filled.append(helper.make_tensor_value_info(value.name, kind, sides))
    ports = onnx.ModelProto(graph=onnx.GraphProto(input=filled))
    return random_feeds(ports, seed=seed)


def _size(axis: int, symbol: str | None, rank: int, known: dict[str, int]) -> int:
    usual = BATCH if axis == 0 else SIDE if rank in (4, 5) else LENGTH
    return known.setdefault(symbol, usual) if symbol else usual


def fits(inputs: Sequence[onnx.ValueInfoProto], feeds: Mapping[str, Array]) -> bool:
    """Whether the arrays have the names, element types and shapes of these inputs."""
    return set(feeds) == {value.name for value in inputs} and all(
        _fits(value, feeds[value.name]) for value in inputs
    )


def _fits(value: onnx.ValueInfoProto, array: Array) -> bool:
    kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    shape = shape_of(value)
    return np.dtype(kind) == array.dtype and (
        shape is None
        or (
            len(shape) == array.ndim
            and all(
                not isinstance(side, int) or side == length
                for side, length in zip(shape, array.shape, strict=True)
            )
        )
    )
