"""mmcv's ``roi_align`` as an operator that both exporters can write.

mmcv's function is a ``torch.autograd.Function`` around compiled code. The dynamo exporter runs that
code on tensors without values and ends with "Cannot access data pointer of Tensor (e.g.
FakeTensor, FunctionalTensor)". The TorchScript exporter calls mmcv's own symbolic, which writes a
Squeeze with its axes as an attribute: from opset 13 on, the graph is not valid ONNX ("Unrecognized
attribute: axes for operator Squeeze").

The stand-in calls the operator ``surgery::roi_align``, which is mmcv's function under a name that
exporters see; the symbolic ``roi_align`` writes it as RoiAlign. Exact with ``aligned=False``, and
with ``aligned=True`` from opset 16 on; the symbolic says what holds below. Left to the original:
maximum pooling, which ONNX Runtime's RoiAlign and mmcv compute differently (the maximum of weighted
corners, and of interpolated values).
"""

from __future__ import annotations

import importlib

from torch import Tensor

from ...support.torch_compat import custom_op
from ..guard import Guard
from .base import Original, patch


@custom_op("surgery::roi_align")
def roi_align_operator(
    input: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """mmcv's average pooling; the arguments are those of ``torchvision::roi_align``.

    Args:
        input: (N, C, H, W).
        rois: (n, 5): index in the batch, x1, y1, x2, y2 in pixels of the image.
        spatial_scale: feature pixels of an image pixel.
        pooled_height: rows of the output.
        pooled_width: columns of the output.
        sampling_ratio: samples of a bin along each axis; 0 for as many as it has pixels.
        aligned: whether pixel centres are at half numbers.

    Returns:
        (n, C, pooled_height, pooled_width).
    """
    function = importlib.import_module("mmcv.ops.roi_align").RoIAlignFunction
    size = (pooled_height, pooled_width)
    pooled: Tensor = function.apply(
        input, rois, size, spatial_scale, sampling_ratio, "avg", aligned
    )
    return pooled


@roi_align_operator.register_fake
def _(
    input: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    return input.new_empty(rois.shape[0], input.shape[1], pooled_height, pooled_width)


@patch(
    "mmcv.ops.roi_align.roi_align",
    name="function.roi_align",
    summary="mmcv's roi_align as an operator that both exporters write",
    guard=Guard(versions={"mmcv": ">=1.3"}),
)
def ROI_ALIGN(
    original: Original[..., Tensor],
    input: Tensor,
    rois: Tensor,
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    pool_mode: str = "avg",
    aligned: bool = True,
) -> Tensor:
    """Arguments and result of ``mmcv.ops.roi_align``."""
    if pool_mode != "avg":
        original.decline("it takes maxima")
        return original(input, rois, output_size, spatial_scale, sampling_ratio, pool_mode, aligned)
    height, width = (output_size,) * 2 if isinstance(output_size, int) else output_size
    ratio = max(0, sampling_ratio)
    pooled: Tensor = roi_align_operator(input, rois, spatial_scale, height, width, ratio, aligned)
    return pooled
