"""PP-TinyPose: keypoints of one person from a small crop, under the published parameter names.

PaddleDetection's configs/keypoint/tiny_pose (architecture `TopDownHRNet`: ppdet/modeling/
architectures/keypoint_hrnet.py) over Lite-HRNet `wider_naive`; 17 COCO joints; 1.32 M parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .checkpoints import load_into, load_state
from .checkpoints.convolutions import FoundConv, load_convolutions
from .checkpoints.ncnn import is_ncnn, read_ncnn
from .checkpoints.paddle import is_pickle, read_paddle
from .errors import CheckpointError, ModelError
from .graph import Graph, Port
from .layers.lite_hrnet import STEM, WIDTHS, LiteHRNet

STRIDE = 4  # network-input pixels per heatmap pixel

# COCO's person keypoints in the order of the heatmaps, and the pairs that a drawing joins.
KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
SKELETON = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8),
    (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip


class TinyPose(nn.Module):
    """Lite-HRNet and one pointwise convolution: a heatmap for every joint."""

    def __init__(
        self, joints: int = len(KEYPOINTS), widths: Sequence[int] = WIDTHS, stem: int = STEM
    ) -> None:
        super().__init__()
        self.joints = joints
        self.backbone = LiteHRNet(widths, stem)
        self.final_conv = nn.Conv2d(widths[0], joints, 1)
        nn.init.normal_(self.final_conv.weight, 0.0, 0.001)
        assert self.final_conv.bias is not None
        nn.init.zeros_(self.final_conv.bias)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) float32 normalised, sides multiples of 32 -> (N, joints, H/4, W/4)."""
        heatmap: Tensor = self.final_conv(self.backbone(image))
        return heatmap


class _Outputs(nn.Module):
    """The network as a graph's module: a tuple comes out."""

    def __init__(self, network: TinyPose) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return (self.network(image),)


DECODING = ("method", "kernel", "udp", "score", "threshold")


class TinyPosePlugin:
    """Builds, loads and describes PP-TinyPose for the `model:` node of a configuration."""

    name = "tinypose"

    def build(self, config: Mapping[str, Any]) -> TinyPose:
        """The network in eval mode; raises ModelError where it cannot be built as configured."""
        widths = [int(width) for width in config.get("widths", WIDTHS)]
        stem = int(config.get("stem", STEM))
        if len(widths) != len(WIDTHS) or any(width < 2 or width % 2 for width in (*widths, stem)):
            raise ModelError(
                f"model.widths={widths} and model.stem={stem} must be even numbers, "
                f"{len(WIDTHS)} widths: half of the channels of a unit pass through it"
            )
        return TinyPose(len(self.keypoints(config)), widths, stem).eval()

    def load(self, module: nn.Module, path: str | Path) -> list[str]:
        """Load a checkpoint, its kind found from its content; returns the ignored keys.

        path: Paddle's `.pdparams`; ncnn's `.param`, or the `.bin` beside it; a `.safetensors` or
        PyTorch file under this network's names.  An ONNX graph comes in by `load_convolutions`.
        Raises CheckpointError where it cannot be read or does not fit.
        """
        if is_ncnn(path):
            return self.load_convolutions(module, read_ncnn(path), path)
        if Path(path).suffix == ".onnx":
            raise CheckpointError(
                f"{path} is an ONNX graph: read its convolutions with onnx, then load_convolutions"
            )
        state = read_paddle(path) if is_pickle(path) else load_state(path)
        return load_into(module, state, path)

    def load_convolutions(
        self, module: nn.Module, found: Sequence[FoundConv], path: str | Path
    ) -> list[str]:
        """Load the convolutions of an exported graph, BatchNorm folded or not; nothing is ignored.

        Raises CheckpointError where the graph is not this network's; `path` is for the message.
        """
        load_convolutions(module, found, path)
        return []

    def graphs(self, module: nn.Module, config: Mapping[str, Any]) -> list[Graph]:
        """The whole network; decoding is outside of it."""
        assert isinstance(module, TinyPose)
        image = Port("image", ("batch", 3, "height", "width"))
        sides = ("heatmap_height", "heatmap_width")
        heatmap = Port("heatmap", ("batch", module.joints, *sides))
        return [Graph("backbone", _Outputs(module).eval(), (image,), (heatmap,))]

    def decoder(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The run-time decoder's name and parameters."""
        parameters = {key: config[key] for key in DECODING if key in config}
        return {"name": "keypoints", "heatmap": "heatmap", "stride": float(STRIDE), **parameters}

    def classes(self, config: Mapping[str, Any]) -> list[str]:
        """One class: the network sees one person a crop."""
        return ["person"]

    def keypoints(self, config: Mapping[str, Any]) -> list[str]:
        """Keypoint names in the order of the heatmaps."""
        return list(KEYPOINTS)

    def skeleton(self, config: Mapping[str, Any]) -> list[tuple[int, int]]:
        """Pairs of keypoints to join when drawing."""
        return list(SKELETON)


plugin = TinyPosePlugin()
