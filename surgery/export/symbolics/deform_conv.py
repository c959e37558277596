"""Deformable convolution that a network calls as a function, as DeformConv (opset 19 and later).

The TorchScript exporter has no form for ``torchvision.ops.deform_conv2d`` at any opset: it ends
with an UnsupportedOperatorError that names torchvision::deform_conv2d, since torchvision registers
none. dynamo has one (onnxscript, torch_lib/ops/vision.py), where torchvision is installed, and for
nobody else's function. ``surgery.dcn`` replaces layers that are modules; a network that
computes its offsets itself and calls the function holds no such module. mmcv's function reaches the
exporters as ``surgery::deform_conv2d`` (see ``function.modulated_deform_conv2d``).

Dai et al., "Deformable Convolutional Networks" (2017), equation 2; with a mask, Zhu et al.,
"Deformable ConvNets v2" (2019), equation 1. DeformConv takes offsets as (dy, dx) for each tap, as
torchvision does, and the mask behind the bias; without a mask that input is left out. Exact: it is
the same operation under another name. ``deform_conv.decomposed`` serves below opset 19.
"""

from __future__ import annotations

from dataclasses import dataclass

from postprocess.errors import InputError

from .base import Nodes, Value

OPERATORS = ("torchvision::deform_conv2d", "surgery::deform_conv2d")
ARGUMENTS = (*"vvvvv", *"iiiiiiii", "b")


@dataclass(frozen=True)
class _DeformConv:
    name: str = "deform_conv"
    summary: str = "deformable convolution of torchvision and mmcv as DeformConv"
    operators: tuple[str, ...] = OPERATORS
    arguments: tuple[str, ...] = ARGUMENTS
    opsets: range = range(19, 24)
    exact: bool = True

    def translate(
        self,
        nodes: Nodes,
        x: Value,
        weight: Value,
        offset: Value,
        mask: Value,
        bias: Value,
        stride_y: int,
        stride_x: int,
        pad_y: int,
        pad_x: int,
        dilation_y: int,
        dilation_x: int,
        groups: int,
        offset_groups: int,
        use_mask: bool,
    ) -> Value:
        """x (N, C, H, W), weight (O, C / groups, kh, kw), offset (N, 2 g kh kw, h, w: dy, dx).

        mask is (N, g kh kw, h, w) where ``use_mask``, bias (O,); returns (N, O, h, w).
        """
        inputs = [x, weight, offset, bias, *([mask] if use_mask else [])]
        return nodes.op(
            "DeformConv",
            *inputs,
            kernel_shape=list(kernel(nodes, weight, self.name)[1:]),
            strides=[stride_y, stride_x],
            pads=[pad_y, pad_x, pad_y, pad_x],
            dilations=[dilation_y, dilation_x],
            group=groups,
            offset_group=offset_groups,
        )


def kernel(nodes: Nodes, weight: Value, name: str) -> tuple[int, int, int]:
    """Return the output channels, rows and columns of ``weight``.

    Raises:
        InputError: they are not known while exporting.
    """
    sizes = nodes.shape(weight)
    if sizes is None or len(sizes) != 4 or None in sizes:
        raise InputError(
            f"symbolic {name!r} is written for weights (O, C, kh, kw) of known sizes, got {sizes}: "
            f"surgery.symbolics.skip=[{name}]"
        )
    outputs, _, rows, columns = (int(size or 0) for size in sizes)
    return outputs, rows, columns


DEFORM_CONV = _DeformConv()
