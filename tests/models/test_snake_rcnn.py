"""The parts of Deep Snake's component detection, each against its definition."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.layers.roi import greedy_nms, roi_align
from models.snake_rcnn import ROI, ComponentDetection, RcnnSnake

SMALL: dict[str, Any] = {
    "channels": [8, 8, 8, 16, 16, 16],
    "head_conv": 8,
    "component_width": 8,
    "state_dim": 8,
    "fusion_dim": 16,
    "points": 32,
}


def bilinear(channel: Tensor, x: float, y: float) -> float:
    """One sample as Mask R-CNN's code takes it: zero from a pixel outside on, else the border."""
    height, width = channel.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    dx, dy = x - left, y - top
    a, b, c, d = channel[top : top + 2, left : left + 2].flatten().tolist()
    return float((1 - dy) * ((1 - dx) * a + dx * b) + dy * ((1 - dx) * c + dx * d))


def test_roi_align_averages_bilinear_samples_of_each_bin() -> None:
    torch.manual_seed(0)
    feature = torch.randn(2, 1, 12, 15)
    boxes = torch.tensor([
        [2.3, 1.1, 13.2, 9.7],
        [-4.0, -3.0, 5.0, 2.0],  # reaches outside above and to the left
        [10.0, 8.0, 20.0, 16.0],  # and below and to the right
        [6.2, 6.1, 6.3, 6.1],  # below a pixel: counts as one
        [1.0, 0.0, 14.0, 11.0],
    ])  # fmt: skip
    image_index = torch.tensor([0, 1, 0, 1, 1])
    rows, columns = 3, 2
    regions = roi_align(feature, boxes, image_index, (rows, columns))
    assert regions.shape == (5, 1, 3, 2)
    for region, box, image in zip(regions, boxes.tolist(), image_index.tolist(), strict=True):
        x1, y1, x2, y2 = box
        bin_width, bin_height = max(x2 - x1, 1) / columns, max(y2 - y1, 1) / rows
        across, down = math.ceil(bin_width), math.ceil(bin_height)
        for row in range(rows):
            for column in range(columns):
                total = sum(
                    bilinear(
                        feature[image, 0],
                        x1 + column * bin_width + (i + 0.5) * bin_width / across,
                        y1 + row * bin_height + (j + 0.5) * bin_height / down,
                    )
                    for i in range(across)
                    for j in range(down)
                )
                # float32 against double precision
                assert region[0, row, column].item() == pytest.approx(
                    total / (across * down), abs=1e-5
                )


def test_roi_align_of_no_box_is_empty() -> None:
    none = roi_align(torch.zeros(1, 4, 8, 8), torch.zeros(0, 4), torch.zeros(0).long(), ROI)
    assert none.shape == (0, 4, 7, 28)


def test_a_suppressed_box_does_not_suppress() -> None:
    boxes = torch.tensor([[0.0, 0, 9, 9], [4, 0, 13, 9], [8, 0, 17, 9]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    # neighbours share 6 of 14 columns, the outer two share 2 of 18
    assert greedy_nms(boxes, scores, 0.4).tolist() == [0, 2]
    assert greedy_nms(boxes, scores.flip(0), 0.4).tolist() == [2, 0]
    assert greedy_nms(boxes, scores, 0.5).tolist() == [0, 1, 2]
    assert greedy_nms(boxes[:0], scores[:0], 0.5).tolist() == []


def test_parameters_have_the_published_names() -> None:
    network = RcnnSnake(8)
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert shapes["dla.act_hm.2.weight"] == [8, 256, 1, 1]
    assert shapes["dla.awh.2.weight"] == [2, 256, 1, 1]
    assert shapes["cp.fusion.0.weight"] == [256, 64, 3, 3]
    assert shapes["cp.fusion.6.weight"] == [256, 256, 3, 3]
    assert shapes["cp.cp_hm.0.weight"] == [256, 256, 2, 2]
    assert shapes["cp.cp_hm.1.weight"] == [1, 256, 1, 1]
    assert shapes["cp.cp_wh.1.weight"] == [2, 256, 1, 1]
    assert shapes["gcn.fuse.weight"] == [64, 128, 1]
    assert shapes["gcn.evolve_gcn1.prediction.4.bias"] == [2]


def test_component_maps_have_twice_the_size_of_a_region() -> None:
    maps = ComponentDetection(4, 8)(torch.zeros(3, 4, *ROI))
    assert maps.shape == (3, 3, 14, 56)


def test_components_lie_where_their_peaks_are_in_the_box() -> None:
    network = RcnnSnake(8, **SMALL)
    maps = torch.full((1, 3, 14, 56), -9.0)
    maps[0, 0, 7, 14] = maps[0, 0, 7, 42] = 3.0  # a quarter and three quarters along, halfway down
    maps[0, 1:] = torch.tensor([6.0, 4.0])[:, None, None]
    car = torch.tensor([[10.0, 20.0, 50.0, 30.0, 0.9, 0.0]])
    boxes, owner = network.components(maps, car)
    assert sorted(boxes.tolist()) == [[17, 23, 23, 27], [37, 23, 43, 27]]
    assert owner.tolist() == [0, 0]


@pytest.mark.parametrize("category", [1.0, 2.0])
def test_persons_and_riders_are_one_component_each(category: float) -> None:
    network = RcnnSnake(8, **SMALL)
    found = torch.tensor([[10.0, 20.0, 50.0, 30.0, 0.9, category]])
    boxes, owner = network.components(torch.full((1, 3, 14, 56), 3.0), found)
    assert boxes.tolist() == [[10, 20, 50, 30]]
    assert owner.tolist() == [0]


def test_nms_of_instances_is_within_a_class() -> None:
    network = RcnnSnake(2, **SMALL)
    act_hm = torch.full((1, 2, 16, 16), -9.0)
    act_hm[0, 0, 8, 6], act_hm[0, 0, 8, 8], act_hm[0, 1, 8, 8] = 2.0, 3.0, 1.0
    detection, image_index = network.instances(act_hm, torch.full((1, 2, 16, 16), 13.0))
    # the two boxes of class 0 share 12 of 16 columns
    assert detection[:, 5].tolist() == [0, 1]
    assert detection[:, 0].tolist() == [1.5, 1.5]
    assert image_index.tolist() == [0, 0]


def test_the_whole_network_gives_a_contour_for_every_component() -> None:
    torch.manual_seed(0)
    network = RcnnSnake(3, **SMALL, k=4, threshold=0.0).eval()
    with torch.inference_mode():
        found = network(torch.randn(2, 3, 64, 64))
    count = len(found["cp_ind"])
    assert count > 0
    assert found["cp_box"].shape == (count, 4)
    assert [contours.shape for contours in found["py"]] == [(count, 32, 2)] * 3
    assert found["cp_ind"].max() < len(found["detection"])
    branches = network.refine_branches()
    assert list(branches) == ["component", "init", "evolve0", "evolve1", "evolve2"]
    assert branches["component"].output.shape[1:] == (3, 14, 56)


def test_no_instance_gives_empty_contours_of_the_usual_shapes() -> None:
    network = RcnnSnake(3, **SMALL, threshold=1.0).eval()
    with torch.inference_mode():
        found = network(torch.zeros(1, 3, 64, 64))
    assert found["detection"].shape == (0, 6)
    assert found["cp_box"].shape == (0, 4)
    assert found["py"][-1].shape == (0, 32, 2)
