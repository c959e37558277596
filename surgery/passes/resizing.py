"""What a Resize node does along each axis, in the form in which the ``resize_*`` passes take it.

Resize is separable: each axis has a matrix, and the result is their product with the tensor. Every
attribute (coordinates, rounding, cubic coefficient, what lies outside, antialiasing) is in these
matrices, so that they are read off from ONNX Runtime's own kernel, run on the unit vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ..graph.run import run
from ..graph.view import View
from .node_pass import Array, attribute

REQUIRED = 13  # below this opset the region of interest and the scales may be empty, not left out


@dataclass(frozen=True)
class Resizing:
    """A Resize with constant scales or sizes over some axes of a tensor.

    Attributes:
        scales: output size by input size, by axis, those that change nothing left out.
        sizes: input and output size by axis where both are known.
        stated: whether the node gives sizes, of which the scales follow; the other way round, the
            size is rounded down and the scale counts.
    """

    node: onnx.NodeProto
    opset: int
    scales: dict[int, float]
    sizes: dict[int, tuple[int, int]]
    stated: bool

    @property
    def mode(self) -> str:
        """Interpolation: nearest, linear or cubic."""
        return str(attribute(self.node, "mode", "nearest"))

    @property
    def coordinates(self) -> str:
        """How output positions are mapped to input positions."""
        return str(attribute(self.node, "coordinate_transformation_mode", "half_pixel"))

    def factor(self, axis: int) -> int | None:
        """The scale of an axis where it is a whole number."""
        scale = self.scales[axis]
        return round(scale) if scale >= 1 and scale == round(scale) else None

    def matrix(self, axis: int, size: int) -> NDArray[np.float32]:
        """What happens along ``axis`` of ``size`` elements, (outputs, ``size``).

        Raises:
            InputError: ONNX Runtime does not run the node.
        """
        known = self.sizes.get(axis)
        stated = self.stated and known is not None and known[0] == size
        copy = onnx.NodeProto()
        copy.CopyFrom(self.node)
        # along the last of four axes: ONNX Runtime's linear kernels take images
        weights: dict[str, Array] = {"none": np.zeros(0, np.float32)}
        if stated:
            assert known is not None
            weights["sizes"] = np.array([1, size, 1, known[1]], np.int64)
        else:
            weights["scales"] = np.array([1, 1, 1, self.scales[axis]], np.float32)
        left_out = "none" if self.opset < REQUIRED else ""
        places = ["x", left_out, "scales"] if not stated else ["x", left_out, left_out, "sizes"]
        del copy.input[:]
        copy.input.extend(places)
        copy.output[0] = "y"
        kept = [a for a in copy.attribute if a.name not in ("axes", "keep_aspect_ratio_policy")]
        del copy.attribute[:]
        copy.attribute.extend(kept)
        unit = np.eye(size, dtype=np.float32)[None, :, None]
        model = helper.make_model(
            helper.make_graph(
                [copy],
                "resize",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, unit.shape)],
                [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                [numpy_helper.from_array(values, name) for name, values in weights.items()],
            ),
            opset_imports=[helper.make_opsetid("", self.opset)],
            ir_version=8,
        )
        return np.asarray(run(model, {"x": unit})["y"][0, :, 0].T, np.float32)


def describe(node: onnx.NodeProto, view: View) -> Resizing | str:
    """Return what a Resize does, or why that is unknown."""
    shape = view.shape(node.input[0])
    given, stated = view.input(node, 2), view.input(node, 3)
    values = view.constant(given or stated)
    if shape is None:
        return "its input's rank is not known"
    if values is None:
        return "its scales or sizes are not constants"
    if attribute(node, "coordinate_transformation_mode") == "tf_crop_and_resize":
        return "it crops, too (tf_crop_and_resize)"
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        return "it keeps the aspect ratio"
    axes = [axis % len(shape) for axis in attribute(node, "axes") or range(len(shape))]
    scales, sizes = {}, {}
    for axis, value in zip(axes, values.tolist(), strict=True):
        size = shape[axis]
        if given:
            scale = float(value)
            after = int(np.floor(size * scale)) if isinstance(size, int) else None
        elif isinstance(size, int):
            scale, after = value / size, int(value)
        else:
            return "it states its output size, and its input has none"
        if scale != 1:
            scales[axis] = scale
            if isinstance(size, int) and after is not None:
                sizes[axis] = (size, after)
    return Resizing(node, view.opset, scales, sizes, not given)
