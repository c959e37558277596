"""Deep Snake with component detection, for instances that occlusion cuts into pieces.

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), "Handling
multi-component objects"; parameter names and arithmetic as in github.com/zju3dv/snake (network
`rcnn_34`, configs/city_rcnn_snake.yaml).  Boxes of whole instances come from `act_hm` and `awh`; in
each, a second detector (`cp`) finds the boxes of its pieces, and each piece becomes a contour.
Everything is in feature pixels (network input / 4), x before y.

No output of the authors' own run is available for this network: its parts are tested separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .dla import CHANNELS
from .graph import Port
from .layers.dcn import ConvFactory
from .layers.deform import DCN
from .layers.guards import in_onnx_export
from .layers.roi import greedy_nms, roi_align
from .refine import RefineBranch
from .snake import BoxSnake, SnakePlugin

ROI = (7, 28)  # rows and columns of a region; the component maps have twice as many
INSTANCE_OVERLAP = 0.7
COMPONENT_OVERLAP = 0.1
COMPONENT_SCORE = 0.25
COMPONENTS = 50  # most peaks of an instance
WHOLE_CLASSES = (1, 2)  # Cityscapes' person and rider are never cut
HEATMAP_PRIOR = -2.19


class ComponentDetection(nn.Module):
    """Heatmap and sizes of an instance's components, from the features in its box."""

    def __init__(self, feature_dim: int, width: int = 256) -> None:
        super().__init__()
        widths = [feature_dim, *[width] * 4]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
        self.fusion = nn.Sequential(*layers)
        self.cp_hm, self.cp_wh = (
            nn.Sequential(nn.ConvTranspose2d(width, width, 2, stride=2), nn.Conv2d(width, out, 1))
            for out in (1, 2)
        )
        last = self.cp_hm[1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.constant_(last.bias, HEATMAP_PRIOR)

    def forward(self, regions: Tensor) -> Tensor:
        """(n, F, 7, 28) -> (n, 3, 14, 56): heatmap logits, width and height in feature pixels."""
        fused = self.fusion(regions)
        return torch.cat((self.cp_hm(fused), self.cp_wh(fused)), dim=1)


class RcnnSnake(BoxSnake):
    """The whole network (`rcnn_34`); parameters as for `DeepSnake`.

    component_width: hidden width of `ComponentDetection`.
    """

    def __init__(
        self,
        classes: int,
        *,
        channels: Sequence[int] = CHANNELS,
        head_conv: int = 256,
        component_width: int = 256,
        k: int = 100,
        threshold: float = 0.03,
        dcn: ConvFactory = DCN,
        **deformation: Any,
    ) -> None:
        heads = {"act_hm": classes, "awh": 2}
        super().__init__(heads, channels, head_conv, k, threshold, dcn, deformation)
        self.classes = classes
        self.cp = ComponentDetection(self.feature_dim, component_width)

    def refine_branches(self) -> dict[str, RefineBranch]:
        """The learned part after the backbone, by name: component, init, evolve0, ..."""
        count, (rows, columns) = "component_regions", ROI
        component = RefineBranch(
            self.cp,
            (Port("component_features", (count, self.feature_dim, rows, columns)),),
            Port("component_maps", (count, 3, 2 * rows, 2 * columns)),
        )
        return {"component": component, **super().refine_branches()}

    def instances(self, act_hm: Tensor, awh: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes of whole instances after NMS within each class.

        act_hm: (N, classes, h, w) logits.  awh: (N, 2, h, w).  Returns detection (n, 6: x1, y1, x2,
        y2, score, class) and image_index (n,), image by image, class by class, score descending.
        """
        _, detection, image_index = self.detect(act_hm, awh)
        kept = [image_index.new_zeros(0)]
        for image in range(len(act_hm)):
            for category in range(self.classes):
                same = (image_index == image) & (detection[:, 5] == category)
                mine = same.nonzero().squeeze(1)
                boxes, scores = detection[mine, :4], detection[mine, 4]
                kept.append(mine[greedy_nms(boxes, scores, INSTANCE_OVERLAP)])
        chosen = torch.cat(kept)
        return detection[chosen], image_index[chosen]

    def components(self, maps: Tensor, detection: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes of the instances' components.

        maps: (n, 3, 14, 56) of `ComponentDetection`.  detection: (n, 6).  Returns boxes (m, 4) and
        the instance of each, (m,) int64, instance by instance, score descending.
        """
        rows, columns = maps.shape[-2:]
        boxes, owners = [detection.new_zeros(0, 4)], [torch.zeros(0, dtype=torch.long)]
        for index, (region, instance) in enumerate(zip(maps, detection, strict=True)):
            box = instance[:4]
            if int(instance[5]) in WHOLE_CLASSES:
                found = box[None]
            else:
                scores, order = region[0].sigmoid().flatten().topk(min(COMPONENTS, rows * columns))
                size = region[1:].flatten(1)[:, order].T / 2
                cell = torch.stack((order % columns / columns, order // columns / rows), dim=1)
                centre = box[:2] + cell * (box[2:] - box[:2])
                found = torch.cat((centre - size, centre + size), dim=1)
                kept = greedy_nms(found, scores, COMPONENT_OVERLAP)
                found = found[kept[scores[kept] > COMPONENT_SCORE]]
            boxes.append(found)
            owners.append(torch.full((len(found),), index))
        return torch.cat(boxes), torch.cat(owners).to(detection.device)

    def forward(self, image: Tensor) -> Any:
        """Image (N, 3, H, W) float32 normalised, H and W multiples of 32.

        Returns act_hm, awh, feature; detection (n, 6) and image_index (n,) of the instances; cp_box
        (m, 4) and cp_ind (m,), the instance of each component; and it_ex, ex, it_py, py of
        `Deformation.contours`, one row a component; all in feature pixels.
        During ONNX export only the tuple of heads and feature: the rest runs outside the graph.
        """
        heads = self.heads(image)
        if in_onnx_export():
            return tuple(heads.values())
        feature = heads["feature"]
        detection, image_index = self.instances(heads["act_hm"], heads["awh"])
        maps = self.cp(roi_align(feature, detection[:, :4], image_index, ROI))
        boxes, owner = self.components(maps, detection)
        return {
            **heads,
            "detection": detection,
            "image_index": image_index,
            "cp_box": boxes,
            "cp_ind": owner,
            **self.gcn.contours(feature, boxes, image_index[owner]),
        }


class RcnnSnakePlugin(SnakePlugin):
    """The same for the network with component detection."""

    name = "snake_rcnn"
    class_head = "act_hm"
    network = RcnnSnake
    sizes = (*SnakePlugin.sizes, "component_width")
    switches = ("align_corners",)


plugin = RcnnSnakePlugin()
