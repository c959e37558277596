"""ROI align and greedy NMS in numpy, against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from postprocess.decoders.greedy_nms import greedy_nms
from postprocess.decoders.roi import roi_align
from postprocess.errors import InputError


def bilinear(channel: NDArray[np.float64], x: float, y: float) -> float:
    """One sample as Mask R-CNN's code takes it: zero from a pixel outside on, else the border."""
    height, width = channel.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    dx, dy = x - left, y - top
    (a, b), (c, d) = channel[top : top + 2, left : left + 2]
    return float((1 - dy) * ((1 - dx) * a + dx * b) + dy * ((1 - dx) * c + dx * d))


def direct(
    feature: NDArray[np.float64], box: list[float], rows: int, columns: int
) -> NDArray[np.float64]:
    """One region, bin by bin and sample by sample in double precision."""
    x1, y1, x2, y2 = box
    wide, high = max(x2 - x1, 1) / columns, max(y2 - y1, 1) / rows
    across, down = math.ceil(wide), math.ceil(high)
    region = np.zeros((len(feature), rows, columns))
    for channel, row, column in np.ndindex(region.shape):
        total = sum(
            bilinear(
                feature[channel],
                x1 + column * wide + (i + 0.5) * wide / across,
                y1 + row * high + (j + 0.5) * high / down,
            )
            for i in range(across)
            for j in range(down)
        )
        region[channel, row, column] = total / (across * down)
    return region


BOXES = [
    [2.3, 1.1, 13.2, 9.7],
    [-4.0, -3.0, 5.0, 2.0],  # reaches outside above and to the left
    [10.0, 8.0, 20.0, 16.0],  # and below and to the right
    [6.2, 6.1, 6.3, 6.1],  # below a pixel: counts as one
    [9.0, 7.0, 3.0, 2.0],  # inside out: counts as one pixel as well
    [40.0, 40.0, 60.0, 50.0],  # outside
]


@pytest.mark.parametrize("size", [(3, 2), (7, 28), (1, 1)])
def test_a_region_averages_bilinear_samples_of_each_bin(size: tuple[int, int]) -> None:
    feature = np.random.default_rng(0).standard_normal((2, 12, 15))
    regions = roi_align(feature, np.array(BOXES), size)
    assert regions.dtype == np.float32
    wanted = np.stack([direct(feature, box, *size) for box in BOXES])
    # float32 weights and sums against double precision, values of up to 4
    np.testing.assert_allclose(regions, wanted, atol=2e-6)


def test_numpy_and_torch_give_the_same_regions() -> None:
    torch = pytest.importorskip("torch", reason="the other half of the comparison")
    from models.layers.roi import roi_align as in_torch

    feature = np.random.default_rng(1).standard_normal((4, 12, 15)).astype(np.float32)
    boxes = np.array(BOXES, np.float32)
    index = torch.zeros(len(boxes), dtype=torch.long)
    theirs = in_torch(torch.from_numpy(feature)[None], torch.from_numpy(boxes), index, (7, 28))
    np.testing.assert_allclose(roi_align(feature, boxes, (7, 28)), theirs.numpy(), atol=5e-6)


def test_no_box_gives_no_region_and_a_nan_gives_nan() -> None:
    feature = np.ones((3, 8, 8), np.float32)
    assert roi_align(feature, np.zeros((0, 4), np.float32), (7, 28)).shape == (0, 3, 7, 28)
    regions = roi_align(feature, np.array([[0, 0, np.nan, 4], [0, 0, 4, 4]], np.float32), (2, 2))
    assert np.isnan(regions[0]).all()
    assert (regions[1] == 1).all()


def test_wrong_shapes_are_one_line_that_names_them() -> None:
    feature = np.zeros((3, 8, 8), np.float32)
    with pytest.raises(InputError, match=r"boxes expects \(n,4\), got \(2, 3\)"):
        roi_align(feature, np.zeros((2, 3), np.float32), (7, 28))
    with pytest.raises(InputError, match=r"size expects at least one row.*got \(0, 28\)"):
        roi_align(feature, np.zeros((2, 4), np.float32), (0, 28))
    with pytest.raises(InputError, match=r"boxes expects \(3,4\) for the scores, got \(2, 4\)"):
        greedy_nms(np.zeros((2, 4), np.float32), np.zeros(3, np.float32), 0.5)


def test_a_suppressed_box_does_not_suppress() -> None:
    boxes = np.array([[0, 0, 9, 9], [4, 0, 13, 9], [8, 0, 17, 9]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    # neighbours share 6 of 14 columns, the outer two share 2 of 18
    assert greedy_nms(boxes, scores, 0.4).tolist() == [0, 2]
    assert greedy_nms(boxes, scores[::-1], 0.4).tolist() == [2, 0]
    assert greedy_nms(boxes, scores, 0.5).tolist() == [0, 1, 2]
    assert greedy_nms(boxes[:0], scores[:0], 0.5).tolist() == []
