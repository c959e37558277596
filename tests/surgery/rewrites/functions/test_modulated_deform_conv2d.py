"""mmcv's modulated_deform_conv2d called as a function, which neither exporter can write.

Tolerance: samples at coordinates of up to 15 pixels in float32, in sums of 36 products.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery import Ledger
from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.rewrites import patching

from .cases import image

mmcv_ops = pytest.importorskip("mmcv.ops")
NAME = "function.modulated_deform_conv2d"
TOLERANCE = 1e-4


class Called(nn.Module):
    """Offsets and mask from one convolution, as DCNv2's own layer computes them; no bias."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 4, 3, 3))
        self.shifts = nn.Conv2d(8, 2 * 27, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y, x_, mask = self.shifts(x).chunk(3, 1)
        offset = torch.cat([y, x_], 1)
        made: Tensor = mmcv_ops.modulated_deform_conv2d(
            x, offset, mask.sigmoid(), self.weight, None, 1, (1, 2), (1, 2), 2, 2
        )
        return made


def exported(exporter: str, opset: int, *names: str) -> onnx.ModelProto:
    with patching(*names, exporter=exporter):
        return export_onnx(
            Called().eval(),
            (image(),),
            input_names=["x"],
            output_names=["y"],
            exporter=exporter,
            opset=opset,
        )


def difference(exporter: str, opset: int, *names: str) -> float:
    found = run(exported(exporter, opset, *names), {"x": image().numpy()})["y"]
    return float(np.abs(found - Called().eval()(image()).detach().numpy()).max())


def test_without_it_dynamo_writes_nothing() -> None:
    with pytest.raises(InputError, match="its data is not allocated yet"):
        difference("dynamo", 19)
    assert difference("dynamo", 19, NAME) < TOLERANCE


def test_without_it_the_torchscript_exporter_writes_mmcvs_own_node() -> None:
    model = exported("torchscript", 17)
    assert "MMCVModulatedDeformConv2d" in {node.op_type for node in model.graph.node}
    with pytest.raises(
        Exception, match=r"MMCVModulatedDeformConv2d.* is not a registered function"
    ):
        InferenceSession(model.SerializeToString())
    assert difference("torchscript", 17, NAME) < TOLERANCE


def test_it_is_undone_and_gives_what_mmcv_gives() -> None:
    net, before, ledger = Called().eval(), mmcv_ops.modulated_deform_conv2d, Ledger()
    expected = net(image())
    with patching(NAME, ledger=ledger):
        assert torch.equal(net(image()), expected)
    assert mmcv_ops.modulated_deform_conv2d is before
    assert [(entry.fired, entry.effect) for entry in ledger] == [(True, {"calls": 1.0})]
