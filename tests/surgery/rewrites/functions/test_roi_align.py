"""mmcv's roi_align, which neither exporter can write on its own.

Tolerance: bilinear samples of values up to 4 at coordinates of a few pixels, 1e-6 each.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery import Ledger
from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.rewrites import patching

from .cases import image

mmcv_ops = pytest.importorskip("mmcv.ops")
NAME = "function.roi_align"
ROIS = torch.tensor([[0.0, 1, 1, 19, 13], [1, 4, 2, 17, 15], [0, 3.3, 5.1, 9.7, 14.2]])
TOLERANCE = 1e-5


class Pooled(nn.Module):
    """As two-stage detectors hold it, and as a function imported by its name."""

    def __init__(self, mode: str = "avg") -> None:
        super().__init__()
        self.layer = mmcv_ops.RoIAlign((3, 2), 0.5, 2, mode)

    def forward(self, x: Tensor, rois: Tensor) -> Tensor:
        pooled: Tensor = self.layer(x, rois) + mmcv_ops.roi_align(
            x, rois, (3, 2), 0.5, 0, "avg", True
        )
        return pooled


def difference(exporter: str, opset: int, *names: str) -> float:
    net = Pooled().eval()
    with patching(*names, exporter=exporter):
        model = export_onnx(
            net,
            (image(), ROIS),
            input_names=["x", "rois"],
            output_names=["y"],
            exporter=exporter,
            opset=opset,
        )
    found = run(model, {"x": image().numpy(), "rois": ROIS.numpy()})["y"]
    return float(np.abs(found - net(image(), ROIS).numpy()).max())


@pytest.mark.parametrize(
    ("exporter", "opset", "message"),
    [("dynamo", 18, "FakeTensor"), ("torchscript", 17, "axes for operator Squeeze")],
)
def test_without_it_neither_exporter_writes_it(exporter: str, opset: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        difference(exporter, opset)
    assert difference(exporter, opset, NAME) < TOLERANCE


def test_it_reaches_opset_11() -> None:
    assert difference("torchscript", 11, NAME) < TOLERANCE


def test_maxima_are_left_to_mmcv() -> None:
    ledger = Ledger()
    with patching(NAME, ledger=ledger):
        Pooled("max")(image(), ROIS)
    assert [(entry.fired, entry.reason) for entry in ledger] == [
        (True, ""),
        (False, "it takes maxima"),
    ]
