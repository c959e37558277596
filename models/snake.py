"""Deep Snake, under the published parameter names.

Peng, Jiang, Pi, Li, Bao, Zhou: "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020);
parameter names and arithmetic as in github.com/zju3dv/snake (network `ro_34`).

A centre heatmap and a size map give boxes; `deformation.py` makes contours of them.  Everything is
in feature pixels (network input / 4), x before y.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoints import load_into, load_state
from .classes import class_names
from .deformation import Deformation
from .dla import CHANNELS, FIRST_LEVEL, DLASeg
from .errors import ModelError
from .evolution import STRIDE
from .graph import Graph, Port, centre_ports
from .layers.boxes import boxes_around
from .layers.dcn import ConvFactory, dcn_layer, offset_renaming
from .layers.deform import DCN
from .layers.guards import in_onnx_export
from .layers.peaks import find_peaks
from .refine import RefineBranch, refine_graph


class BoxSnake(nn.Module):
    """What Deep Snake's two detectors share: a DLA that gives boxes, and contours out of boxes.

    heads: the DLA's, a centre heatmap first and box sizes second.  channels: widths of the six DLA
    levels; the feature map has channels[2].  head_conv: hidden width of the heads.  k, threshold:
    at most k instances an image, each with a score of at least the threshold.  dcn: makes the
    deformable layers.  deformation: what `Deformation` takes, from init_points to align_corners.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        channels: Sequence[int],
        head_conv: int,
        k: int,
        threshold: float,
        dcn: ConvFactory,
        deformation: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.k, self.threshold = k, threshold
        self.feature_dim = channels[FIRST_LEVEL]
        self.dla = DLASeg(heads, channels, head_conv, dcn)
        self.gcn = Deformation(self.feature_dim, **deformation)

    @property
    def backbone(self) -> nn.Module:
        """The part that becomes the backbone graph: image -> (*heads, feature)."""
        return self.dla

    def refine_branches(self) -> dict[str, RefineBranch]:
        """The learned part after the backbone, by name: init, evolve0, evolve1, ..."""
        return self.gcn.refine_branches()

    def heads(self, image: Tensor) -> dict[str, Tensor]:
        """Image (N, 3, H, W) -> heads (N, channels, H/4, W/4), heatmaps as logits, and feature."""
        return dict(zip((*self.dla.heads, "feature"), self.dla(image), strict=True))

    def detect(self, heatmap: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes around the peaks of the centre logits.

        heatmap: (N, classes, h, w).  sizes: (N, 2, h, w) of boxes.  Returns centres (n, 2),
        detection (n, 6: x1, y1, x2, y2, score, class) and image_index (n,) int64, image by image
        and score descending.  Boxes are cut to the map: see `boxes_around`.
        """
        height, width = heatmap.shape[-2:]
        peaks, image_index = find_peaks(heatmap.sigmoid(), self.k, self.threshold)
        centres, score_and_class = peaks[:, :2], peaks[:, 2:]
        x, y = centres.long().unbind(dim=1)
        boxes = boxes_around(centres, sizes[image_index, :, y, x], height, width)
        return centres, torch.cat((boxes, score_and_class), dim=1), image_index


class DeepSnake(BoxSnake):
    """The whole network (`ro_34`).

    classes: number of classes.  reg: the checkpoint holds a centre-offset head `reg`, which is
    never decoded (COCO's does).  The others: see `BoxSnake`.
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
        heads = {"ct_hm": classes, "wh": 2, **({"reg": 2} if reg else {})}
        super().__init__(heads, channels, head_conv, k, threshold, dcn, deformation)

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


class SnakePlugin:
    """Builds, loads and describes Deep Snake for the `model:` node of a configuration."""

    name = "snake"
    class_head = "ct_hm"
    network: Callable[..., BoxSnake] = DeepSnake
    sizes: tuple[str, ...] = (
        "init_points", "points", "head_conv", "state_dim", "fusion_dim", "evolutions", "k",
    )  # fmt: skip
    switches: tuple[str, ...] = ("reg", "align_corners")
    decoding: tuple[str, ...] = (
        "init_points", "points", "evolutions", "align_corners", "k", "threshold",
    )  # fmt: skip

    def build(self, config: Mapping[str, Any]) -> BoxSnake:
        """The network in eval mode; raises ModelError where it cannot be built as configured."""
        channels = [int(width) for width in config.get("channels", CHANNELS)]
        if len(channels) != len(CHANNELS) or min(channels) < 1:
            raise ModelError(
                f"model.channels={channels} must be {len(CHANNELS)} positive widths, one each level"
            )
        parameters: dict[str, Any] = {key: int(config[key]) for key in self.sizes if key in config}
        for key, value in parameters.items():
            if value < 1:
                raise ModelError(f"model.{key}={value} must be at least 1")
        parameters |= {key: bool(config[key]) for key in self.switches if key in config}
        if "threshold" in config:
            parameters["threshold"] = float(config["threshold"])
        dcn = dcn_layer(str(config.get("dcn", "charlesshang")))
        classes = len(self.classes(config))
        network = type(self).network(classes, channels=channels, dcn=dcn, **parameters)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval()

    def load(self, module: nn.Module, path: str | Path) -> list[str]:
        """Load a checkpoint under the published names, or mmcv's; returns the ignored keys.

        Raises CheckpointError where it cannot be read or does not fit.
        """
        rename = offset_renaming(module.state_dict().keys())
        keys = tuple(f"dla.{self.class_head}.2.{kind}" for kind in ("weight", "bias"))
        return load_into(module, load_state(path), path, rename=rename, class_keys=keys)

    def graphs(self, module: nn.Module, config: Mapping[str, Any]) -> list[Graph]:
        """The backbone, and the learned part after it."""
        assert isinstance(module, BoxSnake)
        image = Port("image", ("batch", 3, "height", "width"))
        widths = {**module.dla.heads, "feature": module.feature_dim}
        backbone = Graph(
            "backbone", module.backbone, (image,), centre_ports(widths, self.class_head)
        )
        return [backbone, refine_graph(module.refine_branches())]

    def decoder(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The run-time decoder's name and parameters."""
        parameters = {key: config[key] for key in self.decoding if key in config}
        return {"name": self.name, "stride": float(STRIDE), **parameters}

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
