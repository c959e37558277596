"""Deformable convolutions of found files: DeformConv and plugins' nodes in one form.

What the passes ``deform_sampled`` and ``deform_gathered`` share. A deformable convolution samples
its input at k = kh * kw places for each output pixel, p = p_out * stride - pad + tap * dilation +
offset (Zhu et al., "Deformable ConvNets v2", 2019, equation 1), multiplies by the mask, and
convolves. The samples times the mask are a tensor of C * k channels, and the kernel a 1x1 Conv over
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from postprocess.errors import InputError

from ..graph.plugins import as_deform_conv, is_plugin, standard
from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute


@dataclass(frozen=True)
class Layer:
    """A deformable convolution of known sizes.

    Attributes:
        image, offset, mask, bias: names of its inputs, "" for one that is left out.
        weight: (O, C / group, kh, kw) float32.
        batch, channels, height, width: of the image.
        rows, columns: of the output.
        groups: parts of the channels with offsets of their own.
        group: of the convolution.
        places: (1, taps, 2: y x, rows, columns) pixels, where the taps lie without offsets.
    """

    image: str
    offset: str
    mask: str
    bias: str
    weight: NDArray[np.float32]
    batch: int
    channels: int
    height: int
    width: int
    rows: int
    columns: int
    groups: int
    group: int
    places: NDArray[np.float32]

    @property
    def taps(self) -> int:
        """Places that one output pixel samples."""
        return int(self.weight.shape[2] * self.weight.shape[3])

    @property
    def images(self) -> int:
        """Images that are sampled on their own: one a group of offsets."""
        return self.batch * self.groups

    @property
    def each(self) -> int:
        """Channels of such an image."""
        return self.channels // self.groups


def read(node: onnx.NodeProto, view: View) -> Layer | str:
    """The layer of a DeformConv, or why it cannot be written in other nodes."""
    source, sizes = view.sizes(node.input[0]), view.sizes(node.input[2])
    weight = view.constant(node.input[1])
    if source is None or sizes is None:
        return "its sizes are not known: fix them first"
    if weight is None:
        return "its weight is computed"
    if weight.dtype != np.float32:
        return f"its weight is {weight.dtype}, expected float32"
    batch, channels, height, width = source
    rows, columns = sizes[2:]
    kernel = weight.shape[2:]
    groups = attribute(node, "offset_group", 1)
    wanted = 2 * groups * kernel[0] * kernel[1]
    if sizes[1] != wanted:
        return f"its offsets have {sizes[1]} channels, expected {wanted}"
    return Layer(
        image=node.input[0],
        offset=node.input[2],
        mask=view.input(node, 4),
        bias=view.input(node, 3),
        weight=weight,
        batch=batch,
        channels=channels,
        height=height,
        width=width,
        rows=rows,
        columns=columns,
        groups=groups,
        group=attribute(node, "group", 1),
        places=_places(node, kernel, rows, columns),
    )


def _places(
    node: onnx.NodeProto, kernel: tuple[int, ...], rows: int, columns: int
) -> NDArray[np.float32]:
    pads = attribute(node, "pads", [0] * 4)
    strides, dilations = (attribute(node, name, [1, 1]) for name in ("strides", "dilations"))
    tap = np.mgrid[: kernel[0], : kernel[1]].reshape(2, -1).T * np.array(dilations)
    out = np.mgrid[:rows, :columns] * np.array(strides)[:, None, None]
    places = tap[:, :, None, None] + out[None] - np.array(pads[:2])[None, :, None, None]
    return np.asarray(places[None], np.float32)


def sampled_places(draft: Draft, layer: Layer) -> str:
    """Add the places with their offsets, (images, taps, 2: y x, rows, columns) pixels."""
    shape = draft.ints(layer.images, layer.taps, 2, layer.rows, layer.columns, role="apart")
    offsets = draft.op("Reshape", layer.offset, shape)
    return draft.op("Add", offsets, draft.weight(layer.places, "places"))


def convolve(draft: Draft, layer: Layer, samples: str) -> None:
    """Add the 1x1 Conv over samples of (batch, C * taps, rows, columns) values in that order."""
    sizes = (layer.batch, layer.channels * layer.taps, layer.rows, layer.columns)
    flat = draft.op("Reshape", samples, draft.ints(*sizes, role="flat"))
    pointwise = np.ascontiguousarray(layer.weight.reshape(layer.weight.shape[0], -1, 1, 1))
    inputs = [flat, draft.weight(pointwise)]
    if layer.bias:
        inputs.append(layer.bias)
    draft.op("Conv", *inputs, kernel_shape=[1, 1], group=layer.group, final=True)


class DeformPass(NodePass):
    """A pass over DeformConv and the plugins' nodes, each shown to ``rewrite`` as DeformConv."""

    def _view(self, model: onnx.ModelProto) -> View:
        try:
            return View(standard(model))  # sizes behind a plugin's node are inferred from this
        except InputError:
            return View(model)

    def _answer(self, node: onnx.NodeProto, view: View) -> Answer:
        if not is_plugin(node):
            return super()._answer(node, view)
        try:
            return self.rewrite(as_deform_conv(node), view)
        except InputError as error:
            return str(error)


def rewriting(write: Callable[[Draft, Layer], str]) -> Callable[[onnx.NodeProto, View], Answer]:
    """A pass's ``rewrite`` out of a function that adds the nodes or says why it cannot."""

    def rewrite(node: onnx.NodeProto, view: View) -> Answer:
        layer = read(node, view)
        if isinstance(layer, str):
            return layer
        draft = Draft(node, view)
        return write(draft, layer) or draft

    return rewrite
