"""RoIAlign of torchvision, which need not be installed: its operator is declared by its schema.

Tolerance: bilinear samples of values up to 9 at coordinates of a few pixels, 1e-6 each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.onnx import symbolic_helper

from surgery.export.export import export_onnx
from surgery.graph.run import run

from .cases import image

mmcv_roi_align = pytest.importorskip("mmcv.ops.roi_align").roi_align

SCHEMA = (
    "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, "
    "SymInt pooled_width, int sampling_ratio, bool aligned) -> Tensor"
)
ROIS = torch.tensor([[0.0, 1, 1, 19, 13], [1, 4, 2, 17, 15], [0, 3.3, 5.1, 9.7, 14.2]])
TOLERANCE = 1e-5


@pytest.fixture(scope="module", autouse=True)
def torchvision() -> Iterator[None]:
    """``torchvision::roi_align`` with mmcv's kernel, which computes the same."""

    def kernel(x, rois, scale, height, width, ratio, aligned):  # type: ignore[no-untyped-def]
        return mmcv_roi_align(x, rois, (height, width), scale, max(0, ratio), "avg", aligned)

    library = torch.library.Library("torchvision", "FRAGMENT")
    if not hasattr(torch.ops.torchvision, "roi_align"):
        library.define(SCHEMA)
        library.impl("roi_align", kernel, "CPU")
        library.impl(
            "roi_align",
            lambda x, rois, s, h, w, r, a: x.new_empty(rois.shape[0], x.shape[1], h, w),
            "Meta",
        )
    yield
    library._destroy()


class Pooled(nn.Module):
    def __init__(self, aligned: bool, ratio: int) -> None:
        super().__init__()
        self.aligned, self.ratio = aligned, ratio

    def forward(self, x: Tensor, rois: Tensor) -> Tensor:
        pool: Callable[..., Tensor] = torch.ops.torchvision.roi_align
        return pool(x, rois, 0.5, 3, 2, self.ratio, self.aligned)


def difference(net: nn.Module, opset: int, exporter: str, **options: Any) -> float:
    model = export_onnx(
        net.eval(),
        (image(), ROIS),
        input_names=["x", "rois"],
        output_names=["y"],
        opset=opset,
        exporter=exporter,
        **options,
    )
    found = run(model, {"x": image().numpy(), "rois": ROIS.numpy()})["y"]
    return float(np.abs(found - net(image(), ROIS).numpy()).max())


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("opset", [11, 15, 16])
def test_boxes_lie_where_torchvision_has_them(opset: int, aligned: bool) -> None:
    assert difference(Pooled(aligned, 2), opset, "torchscript") < TOLERANCE


@pytest.mark.parametrize("aligned", [False, True])
def test_dynamo_writes_it_too(aligned: bool) -> None:
    assert difference(Pooled(aligned, -1), 18, "dynamo") < TOLERANCE


def test_without_it_torchvisions_own_form_is_half_a_pixel_off_below_opset_16() -> None:
    def theirs(graph, x, rois, scale, height, width, ratio, aligned):  # type: ignore[no-untyped-def]
        def columns(first: int, end: int):  # type: ignore[no-untyped-def]
            bounds = [
                graph.op("Constant", value_t=torch.tensor([each])) for each in (first, end, 1)
            ]
            return graph.op("Slice", rois, *bounds)

        whole = graph.op("Constant", value_t=torch.tensor([-1]))
        images = graph.op("Cast", graph.op("Reshape", columns(0, 1), whole), to_i=7)
        sizes = {"output_height_i": height, "output_width_i": width, "sampling_ratio_i": ratio}
        return graph.op("RoiAlign", x, columns(1, 5), images, spatial_scale_f=scale, **sizes)

    parsed = symbolic_helper.parse_args("v", "v", "f", "i", "i", "i", "i")(theirs)
    torch.onnx.register_custom_op_symbolic("torchvision::roi_align", parsed, 15)
    try:
        assert difference(Pooled(False, 2), 15, "torchscript", symbolics=()) < TOLERANCE
        wrong = difference(Pooled(True, 2), 15, "torchscript", symbolics=(), verify=False)
        assert wrong > 0.5
        assert difference(Pooled(True, 2), 15, "torchscript") < TOLERANCE
    finally:
        torch.onnx.unregister_custom_op_symbolic("torchvision::roi_align", 15)
