"""RoIAlign, of torchvision and of mmcv, as RoiAlign.

torchvision's own symbolic (torchvision/ops/_register_onnx_ops.py) writes ``aligned=True`` below
opset 16 as if it were False, with a warning ("ROIAlign with aligned=True is only supported in opset
>= 16"): every box is half a feature pixel off. mmcv's is not a valid graph from opset 13 on; its
function reaches the exporters as ``surgery::roi_align`` (see ``function.roi_align``).

He et al., "Mask R-CNN" (2017), section 3. ONNX's RoiAlign says since opset 16 where pixel centres
lie (coordinate_transformation_mode); below, they lie as with ``aligned=False``, and
``aligned=True`` is reached by moving the boxes by half a feature pixel. Exact, but for one thing
below opset 16: the old operator takes no box for smaller than one feature pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import Nodes, Value

MODE_STATED = 16  # from this opset on, the operator says where pixel centres lie


@dataclass(frozen=True)
class _RoiAlign:
    name: str = "roi_align"
    summary: str = "RoIAlign of torchvision and mmcv, aligned ones below opset 16 as well"
    operators: tuple[str, ...] = ("torchvision::roi_align", "surgery::roi_align")
    arguments: tuple[str, ...] = ("v", "v", "f", "i", "i", "i", "b")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(
        self,
        nodes: Nodes,
        x: Value,
        rois: Value,
        scale: float,
        height: int,
        width: int,
        ratio: int,
        aligned: bool,
    ) -> Value:
        """x (N, C, H, W), rois (n, 5: image, x1, y1, x2, y2) -> (n, C, height, width)."""
        op, constant = nodes.op, nodes.constant
        images = nodes.cast(op("Reshape", _columns(nodes, rois, 0, 1), constant([-1])))
        boxes = _columns(nodes, rois, 1, 5)
        stated = {}
        if nodes.opset >= MODE_STATED:
            mode = "half_pixel" if aligned else "output_half_pixel"
            stated["coordinate_transformation_mode"] = mode
        elif aligned:
            boxes = op("Sub", boxes, constant(0.5 / scale, boxes))
        return op(
            "RoiAlign",
            x,
            boxes,
            images,
            output_height=height,
            output_width=width,
            sampling_ratio=max(0, ratio),
            spatial_scale=float(scale),
            **stated,
        )


def _columns(nodes: Nodes, rois: Value, first: int, end: int) -> Value:
    bounds = (nodes.constant([each]) for each in (first, end, 1))
    return nodes.op("Slice", rois, *bounds)


ROI_ALIGN = _RoiAlign()
