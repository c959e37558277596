"""E2EC: end-to-end contour instance segmentation, under the published parameter names.

Zhang, Wei, Ji: "E2EC: An End-to-End Contour-based Method for High-Quality High-Speed Instance
Segmentation" (CVPR 2022); parameter names and arithmetic as in github.com/zhang-tao-whu/e2ec.

A centre heatmap gives instances; each centre regresses an initial contour; a coarse step moves all
its points at once from features at the points and the centre; circular convolutions then evolve it.
Contours are in feature pixels (network input / 4) in every method; `forward` reports input pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoints import load_into, load_state
from .classes import class_names
from .dla import CHANNELS, FIRST_LEVEL, DLASeg
from .errors import ModelError
from .evolution import STRIDE, Evolution
from .graph import Graph, Port, centre_ports
from .layers.contour import MIN_POINTS
from .layers.dcn import ConvFactory, dcn_layer, offset_renaming
from .layers.deform import DCN
from .layers.guards import in_onnx_export
from .layers.peaks import find_peaks
from .layers.sampling import clip_contours, sample_features
from .refine import RefineBranch, refine_graph


class CoarseStep(nn.Module):
    """Global deformation (section 3.2): one linear map over all points' features moves them."""

    def __init__(self, feature_dim: int, points: int, hidden: int) -> None:
        super().__init__()
        self.points = points
        self.trans_feature = nn.Sequential(
            nn.Conv2d(feature_dim, hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, feature_dim, 1),
        )
        self.trans_poly = nn.Linear((points + 1) * feature_dim, points * 4, bias=False)
        self.trans_fuse = nn.Linear(points * 4, points * 2)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (n, points + 1, F), the centre's first -> offsets (n, points, 2)."""
        flat = samples.transpose(1, 2).flatten(1)  # channel by channel, as the weights expect
        offsets: Tensor = self.trans_fuse(self.trans_poly(flat))
        return offsets.reshape(-1, self.points, 2)


class Decode(nn.Module):
    """Holds the coarse step under its published name, `train_decoder.refine`."""

    def __init__(self, refine: CoarseStep) -> None:
        super().__init__()
        self.refine = refine


class E2EC(nn.Module):
    """The whole network.

    classes, points: number of classes and of points per contour.  channels: widths of the six DLA
    levels; the feature map has channels[2].  head_conv, trans_dim: hidden widths of the heads and
    of `trans_feature`.  state_dim, fusion_dim: widths of the evolutions.  evolutions: how many.
    init_stride, coarse_stride, evolve_stride: what the three kinds of offsets are multiplied by.
    k, threshold: at most k instances an image, each with a score of at least the threshold.
    dcn: makes the deformable layers.
    """

    def __init__(
        self,
        classes: int,
        *,
        points: int = 128,
        channels: Sequence[int] = CHANNELS,
        head_conv: int = 256,
        state_dim: int = 128,
        fusion_dim: int = 256,
        trans_dim: int = 256,
        evolutions: int = 3,
        init_stride: float = 10.0,
        coarse_stride: float = 4.0,
        evolve_stride: float = 1.0,
        k: int = 100,
        threshold: float = 0.05,
        dcn: ConvFactory = DCN,
    ) -> None:
        super().__init__()
        self.classes, self.points, self.evolutions = classes, points, evolutions
        self.feature_dim = channels[FIRST_LEVEL]
        self.init_stride = init_stride
        self.coarse_stride = coarse_stride
        self.k, self.threshold = k, threshold
        heads = {"ct_hm": classes, "wh": 2 * points}
        self.dla = DLASeg(heads, channels, head_conv, dcn)
        self.train_decoder = Decode(CoarseStep(self.feature_dim, points, trans_dim))
        self.gcn = Evolution(
            evolutions, self.feature_dim, state_dim, fusion_dim, offset_scale=evolve_stride
        )

    def refine_branches(self) -> dict[str, RefineBranch]:
        """The learned part after the backbone, by name: coarse_feature, coarse, evolve0, ..."""
        width, points, refine = self.feature_dim, self.points, self.train_decoder.refine
        spatial = ("batch", width, "height", "width")
        return {
            "coarse_feature": RefineBranch(
                refine.trans_feature, (Port("feature", spatial),), Port("coarse_feature", spatial)
            ),
            "coarse": RefineBranch(
                refine,
                (Port("coarse_samples", ("coarse_contours", points + 1, width)),),
                Port("coarse_offset", ("coarse_contours", points, 2)),
            ),
            **self.gcn.evolve_branches(points),
        }

    @property
    def backbone(self) -> nn.Module:
        """The part that becomes the backbone graph: image -> (ct_hm, wh, feature)."""
        return self.dla

    def heads(self, image: Tensor) -> dict[str, Tensor]:
        """The backbone's outputs by name.

        Image (N, 3, H, W) -> ct_hm (N, classes, H/4, W/4) logits, wh (N, 2 * points, H/4, W/4),
        feature (N, channels[2], H/4, W/4).
        """
        ct_hm, wh, feature = self.dla(image)
        return {"ct_hm": ct_hm, "wh": wh, "feature": feature}

    def coarse_feature(self, feature: Tensor) -> Tensor:
        """The feature map that the coarse step samples: (N, F, h, w) both."""
        transformed: Tensor = self.train_decoder.refine.trans_feature(feature)
        return transformed

    def initial(self, wh: Tensor, centres: Tensor, image_index: Tensor) -> Tensor:
        """Initial contours (n, points, 2), unclipped.

        wh: (N, 2 * points, h, w).  centres: (n, 2) whole feature pixels, x before y.
        image_index: (n,) int64.
        """
        x, y = centres[:, 0].long(), centres[:, 1].long()
        offsets = wh[image_index, :, y, x].reshape(-1, self.points, 2)
        return centres[:, None, :] + offsets * self.init_stride

    def coarse(
        self, coarse_feature: Tensor, centres: Tensor, init: Tensor, image_index: Tensor
    ) -> Tensor:
        """Coarse contours (n, points, 2), unclipped.

        coarse_feature: (N, F, h, w) from `coarse_feature`.  centres: (n, 2), unclipped.
        init: (n, points, 2), clipped at test time.  Gradients reach `init` both through the sum and
        through the sampling; the authors train without the first.
        """
        points = torch.cat((centres[:, None, :], init), dim=1)
        samples = sample_features(coarse_feature, points, image_index)
        offsets: Tensor = self.train_decoder.refine(samples)
        return init + offsets * self.coarse_stride

    def evolve(self, index: int, feature: Tensor, contours: Tensor, image_index: Tensor) -> Tensor:
        """Contours (n, points, 2) after evolution `index`, from those before it; never clipped.

        feature: (N, F, h, w), the backbone's own.  image_index: (n,) int64.
        """
        return self.gcn.evolve(index, feature, contours, image_index)

    def detect(self, ct_hm: Tensor) -> tuple[Tensor, Tensor]:
        """Peaks of the centre logits (N, classes, h, w).

        Returns detection (n, 4: x, y, score, class; feature pixels) image by image and score
        descending, and image_index (n,) int64.
        """
        return find_peaks(ct_hm.sigmoid(), self.k, self.threshold)

    def forward(self, image: Tensor) -> Any:
        """Image (N, 3, H, W) float32 normalised, H and W multiples of 32.

        Returns ct_hm, wh, feature; detection, image_index; and the contours poly_init, poly_coarse
        and py (a list, one per evolution), each (n, points, 2) in network-input pixels.
        During ONNX export only the tuple (ct_hm, wh, feature): the rest runs outside the graph.
        """
        heads = self.heads(image)
        if in_onnx_export():
            return heads["ct_hm"], heads["wh"], heads["feature"]
        feature = heads["feature"]
        height, width = feature.shape[-2:]
        detection, image_index = self.detect(heads["ct_hm"])
        centres = detection[:, :2]
        init = clip_contours(self.initial(heads["wh"], centres, image_index), height, width)
        coarse = self.coarse(self.coarse_feature(feature), centres, init, image_index)
        coarse = clip_contours(coarse, height, width)
        evolved = self.gcn.evolved(feature, coarse, image_index)
        return {
            **heads,
            "detection": detection,
            "image_index": image_index,
            "poly_init": init * STRIDE,
            "poly_coarse": coarse * STRIDE,
            "py": [contours * STRIDE for contours in evolved],
        }


SIZES = ("points", "head_conv", "state_dim", "fusion_dim", "trans_dim", "evolutions", "k")
FACTORS = ("init_stride", "coarse_stride", "evolve_stride", "threshold")
DECODING = (*FACTORS, "points", "evolutions", "k", "nms_iou", "jagged_filter")
CLASS_KEYS = ("dla.ct_hm.2.weight", "dla.ct_hm.2.bias")


class E2ECPlugin:
    """Builds, loads and describes E2EC; `config` is the `model:` node, as plain values."""

    name = "e2ec"

    def build(self, config: Mapping[str, Any]) -> E2EC:
        """The network in eval mode; raises ModelError where it cannot be built as configured."""
        channels = [int(width) for width in config.get("channels", CHANNELS)]
        if len(channels) != len(CHANNELS) or min(channels) < 1:
            raise ModelError(
                f"model.channels={channels} must be {len(CHANNELS)} positive widths, one per level"
            )
        settings: dict[str, Any] = {key: int(config[key]) for key in SIZES if key in config}
        for key, value in settings.items():
            least = MIN_POINTS if key == "points" else 1
            if value < least:
                raise ModelError(f"model.{key}={value} must be at least {least}")
        settings |= {key: float(config[key]) for key in FACTORS if key in config}
        dcn = str(config.get("dcn", "charlesshang"))
        network = E2EC(len(self.classes(config)), channels=channels, dcn=dcn_layer(dcn), **settings)
        # As fast as the contiguous layout, and its rounding stays closest to the reference outputs
        # (tests/models/test_e2ec_reference.py). mmcv's kernels would read it as contiguous.
        if dcn != "mmcv":
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
        assert isinstance(module, E2EC)
        image = Port("image", ("batch", 3, "height", "width"))
        widths = {"ct_hm": module.classes, "wh": 2 * module.points, "feature": module.feature_dim}
        backbone = Graph("backbone", module.backbone, (image,), centre_ports(widths))
        return [backbone, refine_graph(module.refine_branches())]

    def decoder(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The run-time decoder's name and parameters."""
        parameters = {key: config[key] for key in DECODING if key in config}
        return {"name": "e2ec", "stride": STRIDE, **parameters}

    def classes(self, config: Mapping[str, Any]) -> list[str]:
        """Class names in the order of the heatmap's channels."""
        return class_names(config["classes"])

    def keypoints(self, config: Mapping[str, Any]) -> list[str]:
        """None: contours have no named points."""
        return []

    def skeleton(self, config: Mapping[str, Any]) -> list[tuple[int, int]]:
        """None, as there are no keypoints."""
        return []


plugin = E2ECPlugin()
