"""What the found graph itself gives at the cut, and what it is fed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from postprocess.errors import InputError

from ..graph.run import Array, run
from ..support.child import in_child
from .layout import NCHW, Axes
from .source import Found, ImageInput


def feed(port: ImageInput, tensor: Array) -> Array:
    """A picture as the found graph takes it: its layout, its type, its batch.

    Args:
        port: the found graph's input.
        tensor: (1, 3, h, w) float32, what the operated graph takes.
    """
    batch = np.repeat(tensor, port.batch or 1, axis=0)
    if port.layout == "nhwc":
        batch = batch.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(batch.astype(port.dtype))


def tensors_at(
    found: Found,
    extracted: onnx.ModelProto,
    port: ImageInput,
    cut: Sequence[str],
    tensor: Array,
    *,
    safe: bool = True,
) -> tuple[dict[str, Array], str]:
    """The cut tensors as the found graph makes them, in ONNX Runtime as the graph is written.

    The whole graph is run where ONNX Runtime can run it, and else the part before the cut: in a
    child process where ``safe``, since nobody knows what a found graph does to a run time.

    Returns:
        Arrays by name in the found layout, and why the whole graph could not be run, or "".

    Raises:
        InputError: ONNX Runtime cannot run the part before the cut either.
    """
    feeds = {port.name: feed(port, tensor)}
    whole = onnx.ModelProto()
    whole.CopyFrom(found.model)
    present = {value.name for value in whole.graph.output}
    whole.graph.output.extend(v for v in extracted.graph.output if v.name not in present)
    execute = in_child(f"run {found.path.name} in ONNX Runtime", run) if safe else run
    try:
        return execute(whole, feeds, cut), ""
    except InputError as error:
        return execute(extracted, feeds, cut), str(error)


def channels_first(
    arrays: Mapping[str, Array], axes: Mapping[str, Axes | None]
) -> dict[str, Array]:
    """The same arrays in the layout that the operated graph gives them in, float32."""
    turned = {}
    for name, array in arrays.items():
        found = axes.get(name)
        if found is not None and array.ndim == len(NCHW):
            array = array.transpose([found.index(axis) for axis in NCHW])
        turned[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    return turned
