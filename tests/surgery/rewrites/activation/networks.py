"""Images, how near two tensors are, and what a target says of an activation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surgery.export.export import export_onnx
from surgery.passes import PASSES
from surgery.targets.audit import audit
from surgery.targets.registry import load_target


def images(scale: float = 1.0, count: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [scale * torch.randn(2, 3, 16, 16, generator=generator) for _ in range(count)]


def rms(found: Tensor, wanted: Tensor) -> float:
    found, wanted = found.detach(), wanted.detach()
    return float(((found - wanted).square().mean() / wanted.square().mean()).sqrt())


def refused(net: nn.Module, exporter: str) -> bool:
    """Whether NNAPI refuses a node of the exported network."""
    model = export_onnx(
        net, (images()[0],), input_names=["x"], output_names=["y"], exporter=exporter, opset=20
    )
    folded = PASSES.get("fold").apply(model)  # the exporter casts its constants
    return bool(audit(folded, load_target("nnapi")).refused)
