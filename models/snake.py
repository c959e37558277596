"""Deep Snake, under the published parameter names.

Peng, Jiang, Pi, Li, Bao, Zhou: "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020);
parameter names and arithmetic as in github.com/zju3dv/snake (network `ro_34`).

A centre heatmap and a size map give boxes; `deformation.py` makes contours of them.  Everything is
in feature pixels (network input / 4), x before y.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoints import load_into, load_state
from .classes import class_names
from .deformation import Deformation
from .dla import CHANNELS, FIRST_LEVEL, DLASeg
from .e2ec import STRIDE
from .errors import ModelError
from .graph import Graph, Port
from .layers.dcn import ConvFactory, dcn_layer, offset_renaming
from .layers.deform import DCN
from .layers.guards import in_onnx_export
from .layers.peaks import find_peaks
from .refine import RefineBranch, refine_graph


class DeepSnake(nn.Module):
    """The whole network.

    classes: number of classes.  reg: the checkpoint holds a centre-offset head `reg`, which is
    never decoded (COCO's does).  channels: widths of the six DLA levels; the feature map has
    channels[2].  head_conv: hidden width of the heads.  k, threshold: at most k instances an image,
    each with a score of at least the threshold.  dcn: makes the deformable layers.
    deformation: what `Deformation` takes, from init_points to align_corners.
    """

    def __init__(
        self,
        classes: int,
        *,
        reg: bool = False,
        channels: Sequence[int] = CHANNELS,
        head_conv: int = 256,
        k: int = 100,
        threshold: float = 0.05,
        dcn: ConvFactory = DCN,
        **deformation: Any,
    ) -> None:
        super().__init__()
        self.classes, self.k, self.threshold = classes, k, threshold
        self.feature_dim = channels[FIRST_LEVEL]
        heads = {"ct_hm": classes, "wh": 2, **({"reg": 2} if reg else {})}
        self.dla = DLASeg(heads, channels, head_conv, dcn)
        self.gcn = Deformation(self.feature_dim, **deformation)

    @property
    def backbone(self) -> nn.Module:
        """The part that becomes the backbone graph: image -> (ct_hm, wh[, reg], feature)."""
        return self.dla

    def refine_branches(self) -> dict[str, RefineBranch]:
        """The learned part after the backbone, by name: init, evolve0, evolve1, ..."""
        return self.gcn.refine_branches()

    def heads(self, image: Tensor) -> dict[str, Tensor]:
        """Image (N, 3, H, W) -> ct_hm (N, classes, H/4, W/4) logits, wh (N, 2, ...), feature."""
        return dict(zip((*self.dla.heads, "feature"), self.dla(image), strict=True))

    def detect(self, ct_hm: Tensor, wh: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes around the peaks of the centre logits.

        ct_hm: (N, classes, h, w).  wh: (N, 2, h, w) box sizes.  Returns centres (n, 2), detection
        (n, 6: x1, y1, x2, y2, score, class) and image_index (n,) int64, image by image and score
        descending.  Boxes are cut at 0 above and to the left, at size - 1 below and to the right.
        """
        height, width = ct_hm.shape[-2:]
        peaks, image_index = find_peaks(ct_hm.sigmoid(), self.k, self.threshold)
        centres, score_and_class = peaks[:, :2], peaks[:, 2:]
        x, y = centres.long().unbind(dim=1)
        half = wh[image_index, :, y, x] / 2
        low = (centres - half).clamp(min=0)
        high = torch.minimum(centres + half, centres.new_tensor((width - 1.0, height - 1.0)))
        return centres, torch.cat((low, high, score_and_class), dim=1), image_index

    def forward(self, image: Tensor) -> Any:
        """Image (N, 3, H, W) float32 normalised, H and W multiples of 32.

        Returns the heads and feature; ct (n, 2), detection (n, 6) and image_index (n,) of `detect`;
        and it_ex, ex, it_py, py of `Deformation.contours`; all in feature pixels, as the authors'.
        During ONNX export only the tuple of heads and feature: the rest runs outside the graph.
        """
        heads = self.heads(image)
        if in_onnx_export():
            return tuple(heads.values())
        centres, detection, image_index = self.detect(heads["ct_hm"], heads["wh"])
        stages = self.gcn.contours(heads["feature"], detection[:, :4], image_index)
        found = {"ct": centres, "detection": detection, "image_index": image_index}
        return {**heads, **found, **stages}


SIZES = ("init_points", "points", "head_conv", "state_dim", "fusion_dim", "evolutions", "k")
SWITCHES = ("reg", "align_corners")
DECODING = ("init_points", "points", "evolutions", "align_corners", "k", "threshold")
CLASS_KEYS = ("dla.ct_hm.2.weight", "dla.ct_hm.2.bias")


class SnakePlugin:
    """Builds, loads and describes Deep Snake for the `model:` node of a configuration."""

    name = "snake"

    def build(self, config: Mapping[str, Any]) -> DeepSnake:
        """The network in eval mode; raises ModelError where it cannot be built as configured."""
        channels = [int(width) for width in config.get("channels", CHANNELS)]
        if len(channels) != len(CHANNELS) or min(channels) < 1:
            raise ModelError(
                f"model.channels={channels} must be {len(CHANNELS)} positive widths, one each level"
            )
        sizes = {key: int(config[key]) for key in SIZES if key in config}
        for key, value in sizes.items():
            if value < 1:
                raise ModelError(f"model.{key}={value} must be at least 1")
        parameters: dict[str, Any] = {
            **sizes,
            **{key: bool(config[key]) for key in SWITCHES if key in config},
            "threshold": float(config.get("threshold", 0.05)),
            "dcn": dcn_layer(str(config.get("dcn", "charlesshang"))),
        }
        network = DeepSnake(len(self.classes(config)), channels=channels, **parameters)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval()

    def load(self, module: nn.Module, path: str | Path) -> list[str]:
        """Load a checkpoint under the published names, or mmcv's; returns the ignored keys.

        Raises CheckpointError where it cannot be read or does not fit.
        """
        rename = offset_renaming(module.state_dict().keys())
        return load_into(module, load_state(path), path, rename=rename, class_keys=CLASS_KEYS)

    def graphs(self, module: nn.Module, config: Mapping[str, Any]) -> list[Graph]:
        """The backbone, and the learned part after it."""
        assert isinstance(module, DeepSnake)
        image = Port("image", ("batch", 3, "height", "width"))
        widths = {**module.dla.heads, "feature": module.feature_dim}
        outputs = tuple(
            Port(name, ("batch", width, "feature_height", "feature_width"))
            for name, width in widths.items()
        )
        backbone = Graph("backbone", module.backbone, (image,), outputs)
        return [backbone, refine_graph(module.refine_branches())]

    def decoder(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The run-time decoder's name and parameters."""
        parameters = {key: config[key] for key in DECODING if key in config}
        return {"name": "snake", "stride": float(STRIDE), **parameters}

    def classes(self, config: Mapping[str, Any]) -> list[str]:
        """Class names in the order of the heatmap's channels."""
        return class_names(config["classes"])

    def keypoints(self, config: Mapping[str, Any]) -> list[str]:
        """None: contours have no named points."""
        return []

    def skeleton(self, config: Mapping[str, Any]) -> list[tuple[int, int]]:
        """None, as there are no keypoints."""
        return []


plugin = SnakePlugin()
