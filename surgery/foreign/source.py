"""The found file, read with care: its weights, its image input, and what ONNX infers of its shapes.

An ONNX file is foreign data. Weights beside it are read from its own folder only; what is wrong
with it is one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import onnx
from onnx import TensorProto, helper, inliner

from postprocess.errors import InputError

from ..graph.files import load_onnx
from ..graph.shapes import Shape, shape_of
from ..graph.view import View

Float = Literal["float32", "float16", "float64"]
Integer = Literal["uint8", "int8", "int16", "int32", "int64", "uint16"]
FLOATS, INTEGERS = get_args(Float), get_args(Integer)


@dataclass(frozen=True)
class ImageInput:
    """The input of a found graph that takes the picture.

    Attributes:
        name: of the graph's input.
        dtype: numpy's name of its element type.
        layout: "nchw" or "nhwc".
        batch, height, width: sizes, None where the graph leaves them open.
        channels: 3, or 1 (grey) or 4 (with alpha).
    """

    name: str
    dtype: str
    layout: str
    batch: int | None
    height: int | None
    width: int | None
    channels: int = 3


class Found(View):
    """The graph of a file that somebody else exported.

    Args:
        path: of the ``.onnx`` file.

    Raises:
        InputError: not a usable ONNX model; see :func:`read`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(read(path))
        self.path = path

    def dtype_of(self, name: str) -> str:
        """Numpy's name of a tensor's element type, "" where it is not known."""
        kind = self.element_type(name)
        return "" if kind == TensorProto.UNDEFINED else numpy_name(kind)

    def image_input(self, names: list[str] | None = None, layout: str | None = None) -> ImageInput:
        """The input that takes the picture: the only one with three channels, else with 1 or 4.

        Args:
            names: inputs to choose from; all that are not weights by default.
            layout: "nchw" or "nhwc" where the caller knows it: the channels may be left open then.

        Raises:
            InputError: there is none, or more than one.
        """
        values = {value.name: value for value in self.model.graph.input}
        names = self.inputs if names is None else names
        for channels in ((3,), (1, 4)):
            fitting = [
                port
                for name in names
                if (port := _image(values[name], layout, channels)) is not None
            ]
            if len(fitting) == 1:
                return fitting[0]
            if fitting:
                break
        listed = ", ".join(f"{name!r} {describe(values[name])}" for name in names) or "none"
        raise InputError(
            f"{self.path}: expected one image input of shape (N,3,H,W) or (N,H,W,3) (or of 1 or "
            f"4 channels), "
            f"the graph takes {listed}"
        )


def read(path: Path) -> onnx.ModelProto:
    """Read the file and the weights beside it, with local functions put in place.

    Raises:
        InputError: as :func:`~surgery.graph.files.load_onnx`.
    """
    try:
        model = load_onnx(path, weights=True)
        if model.functions:
            model = inliner.inline_local_functions(model)
    except InputError:
        raise
    except Exception as error:  # onnx raises protobuf's, its checker's and Python's own classes
        cause = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as an ONNX model: {cause}") from error
    if not model.graph.name:  # which ONNX's checker wants
        model.graph.name = path.stem
    _open_axes(model.graph)
    return model


def _open_axes(graph: onnx.GraphProto) -> None:
    """Leave open what some exporters write as a size of 0 or -1, in place."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        for side in value.type.tensor_type.shape.dim:
            if side.HasField("dim_value") and side.dim_value < 1:
                side.Clear()


def numpy_name(kind: int) -> str:
    """Numpy's name of an element type, ONNX's own where numpy has none."""
    try:
        return str(helper.tensor_dtype_to_np_dtype(kind))
    except (KeyError, TypeError):
        return f"type {kind}"


def describe(value: onnx.ValueInfoProto) -> str:
    """Type and shape of a port in words: ``int32 (1,192,192,3)``."""
    return f"{numpy_name(value.type.tensor_type.elem_type)} {dimensions(shape_of(value))}"


def dimensions(shape: Shape | None) -> str:
    """A shape in words; ``?`` stands for what is not known."""
    if shape is None:
        return "(?)"
    return "(" + ",".join("?" if side is None else str(side) for side in shape) + ")"


def _image(
    value: onnx.ValueInfoProto, layout: str | None, channels: Sequence[int]
) -> ImageInput | None:
    """The port as an image input; None where it cannot be one."""
    shape = shape_of(value)
    dtype = numpy_name(value.type.tensor_type.elem_type)
    if shape is None or len(shape) != 4 or dtype not in (*FLOATS, *INTEGERS):
        return None
    sides = [side if isinstance(side, int) else None for side in shape]
    first, last = (side in channels for side in (sides[1], sides[3]))
    if layout is not None:
        first = layout == "nchw" and (sides[1] is None or sides[1] in channels)
        last = layout == "nhwc" and (sides[3] is None or sides[3] in channels)
    if first:
        return ImageInput(
            value.name, dtype, "nchw", sides[0], sides[2], sides[3], sides[1] or channels[0]
        )
    if last:
        return ImageInput(
            value.name, dtype, "nhwc", sides[0], sides[1], sides[2], sides[3] or channels[0]
        )
    return None
