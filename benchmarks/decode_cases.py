"""The cases of decode.py: what runs, on what input, against what.

- peaks: few peaks as a trained network gives, 14 % of the pixels over the threshold, and the worst
  order of classes, against torch op by op (sigmoid, max_pool2d, compare, topk as e2ec and CenterNet
  run it), the numpy reference, and one maximum over the same memory, which is the floor.
- sample: 100 contours of 129 points, against torch's grid_sample.
- keypoints: argmax and DARK, against rtmlib where it is installed (pip install rtmlib), and a loop
  over joints with OpenCV's blur.
- run lengths: contours of 128 points, against pycocotools.
- 1080p to 512x512: letterbox and normalisation, against OpenCV's INTER_AREA and numpy.
- warp to 256x192: a person's crop of the same photo, against OpenCV's warpAffine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from pycocotools import mask as coco

from postprocess import _native, decoders

try:
    from rtmlib.tools.pose_estimation.post_processings import post_dark_udp
except ImportError:
    post_dark_udp = None

Runs = dict[str, Callable[[], object]]


@dataclass(frozen=True)
class Case:
    name: str
    runs: Runs
    aims: dict[str, float] = field(default_factory=dict)


def sparse_heatmap() -> np.ndarray:
    """Background far below the threshold and 40 bumps, as a trained network gives."""
    random = np.random.default_rng(0)
    heatmap = random.normal(-7.0, 0.7, (80, 128, 128)).astype(np.float32)
    grid_y, grid_x = np.mgrid[:128, :128]
    for _ in range(40):
        y, x = random.uniform(0, 128, 2)
        bump = 9 * np.exp(-((grid_y - y) ** 2 + (grid_x - x) ** 2) / 8)
        heatmap[random.integers(80)] += bump.astype(np.float32)
    return heatmap


def dense_heatmap() -> np.ndarray:
    """Noise of which 14 % reaches a probability of 0.05."""
    heatmap = np.random.default_rng(1).normal(size=(80, 128, 128)).astype(np.float32)
    return heatmap + np.float32(np.log(0.05 / 0.95) - np.quantile(heatmap, 0.86))


def rising_heatmap() -> np.ndarray:
    """The dense one in the worst order for the decoder: each class beats the one before."""
    return dense_heatmap() + np.linspace(0, 3, 80, dtype=np.float32)[:, None, None]


def peak_runs(heatmap: np.ndarray) -> Runs:
    tensor = torch.from_numpy(heatmap)[None]

    @torch.no_grad()
    def with_torch() -> object:
        scores = torch.sigmoid(tensor)
        top = torch.nn.functional.max_pool2d(scores, 3, stride=1, padding=1)
        scores = scores * (top == scores).float()
        best, _ = torch.topk(scores.view(1, 80, -1), 100)
        return torch.topk(best.view(1, -1), 100)

    return {
        "cpp": lambda: decoders.peaks(heatmap),
        "numpy": lambda: decoders.peaks(heatmap, backend="numpy"),
        "torch, op by op": with_torch,
        "one maximum over the memory": lambda: heatmap.max(),
    }


def sample_runs() -> Runs:
    random = np.random.default_rng(2)
    feature = random.normal(size=(64, 128, 128)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 129)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    centres, radii = random.uniform(8, 120, (100, 1, 2)), random.uniform(4, 30, (100, 1, 1))
    points = np.clip(centres + radii * circle, 0, 127).astype(np.float32)
    tensor, grid = torch.from_numpy(feature)[None], torch.from_numpy(points / 64 - 1)[None]

    @torch.no_grad()
    def with_torch() -> object:
        return torch.nn.functional.grid_sample(tensor, grid, align_corners=False)

    return {
        "cpp": lambda: decoders.sample(feature, points),
        "numpy": lambda: decoders.sample(feature, points, backend="numpy"),
        "torch grid_sample": with_torch,
    }


def keypoint_runs(method: str) -> Runs:
    heatmaps = joint_heatmaps()
    runs = {
        "cpp": lambda: decoders.keypoints(heatmaps, method=method),
        "numpy": lambda: decoders.keypoints(heatmaps, method=method, backend="numpy"),
        "loop over joints, OpenCV's blur": lambda: with_loop(heatmaps),
    }
    if post_dark_udp is not None:
        runs["rtmlib, argmax and DARK-UDP"] = lambda: with_rtmlib(heatmaps)
    return runs


def joint_heatmaps() -> np.ndarray:
    random = np.random.default_rng(3)
    grid_y, grid_x = np.mgrid[:64, :48]
    centres = random.uniform(6, 40, (17, 2))
    maps = np.stack([np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / 8) for x, y in centres])
    return (maps + random.uniform(0, 0.01, maps.shape)).astype(np.float32)[None]


def with_loop(heatmaps: np.ndarray) -> list[np.ndarray]:
    """DARK as its authors write it: blur within a border, scale to the old maximum, log, step."""
    points = []
    for heatmap in heatmaps[0]:
        y, x = np.unravel_index(np.argmax(heatmap), heatmap.shape)
        bordered = np.zeros((heatmap.shape[0] + 2, heatmap.shape[1] + 2))
        bordered[1:-1, 1:-1] = heatmap
        blurred = cv2.GaussianBlur(bordered, (3, 3), 0)[1:-1, 1:-1]
        log = np.log(np.maximum(blurred * (heatmap.max() / blurred.max()), 1e-10))
        dx = 0.5 * (log[y][x + 1] - log[y][x - 1])
        dy = 0.5 * (log[y + 1][x] - log[y - 1][x])
        dxx = 0.25 * (log[y][x + 2] - 2 * log[y][x] + log[y][x - 2])
        dyy = 0.25 * (log[y + 2][x] - 2 * log[y][x] + log[y - 2][x])
        dxy = 0.25 * (log[y + 1][x + 1] - log[y - 1][x + 1] - log[y + 1][x - 1] + log[y - 1][x - 1])
        points.append([x, y] - np.linalg.inv([[dxx, dxy], [dxy, dyy]]) @ [dx, dy])
    return points


def with_rtmlib(heatmaps: np.ndarray) -> np.ndarray:
    """What rtmlib's ViTPose does with heatmaps; it blurs them in place, so it gets a copy."""
    flat = heatmaps.reshape(*heatmaps.shape[:2], -1)
    rows, columns = np.divmod(flat.argmax(axis=2), heatmaps.shape[3])
    flat.max(axis=2)
    points = np.stack([columns, rows], axis=-1).astype(np.float32)
    return post_dark_udp(points, heatmaps.copy(), kernel=3)


def movenet_runs() -> Runs:
    random = np.random.default_rng(4)
    center, heatmap = (random.normal(-6, 1.5, (1, n, 48, 48)).astype(np.float32) for n in (1, 17))
    center[0, 0, 25, 22] = 2
    heatmap[0, np.arange(17), np.arange(10, 27), np.arange(15, 32)] = 2
    regression = random.normal(0, 5, (1, 34, 48, 48)).astype(np.float32)
    offset = random.uniform(0, 1, (1, 34, 48, 48)).astype(np.float32)
    heads = (center, heatmap, regression, offset)
    return {
        "cpp": lambda: decoders.movenet(*heads),
        "numpy": lambda: decoders.movenet(*heads, backend="numpy"),
    }


def ctdet_runs() -> Runs:
    heatmap, random = sparse_heatmap(), np.random.default_rng(5)
    size = random.uniform(2, 30, (2, 128, 128)).astype(np.float32)
    offset = random.uniform(0, 1, (2, 128, 128)).astype(np.float32)
    return {
        "cpp": lambda: decoders.ctdet(heatmap, size, offset),
        "numpy": lambda: decoders.ctdet(heatmap, size, offset, backend="numpy"),
    }


def mask_runs() -> Runs:
    random = np.random.default_rng(6)
    angle = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    centres, radii = random.uniform(50, 450, (50, 1, 2)), random.uniform(10, 90, (50, 1, 1))
    contours = (centres + radii * circle).astype(np.float32)
    lists = [contour.astype(float).ravel().tolist() for contour in contours]
    return {
        "cpp": lambda: decoders.run_lengths(contours, 512, 512),
        "numpy": lambda: decoders.run_lengths(contours, 512, 512, backend="numpy"),
        "pycocotools": lambda: [coco.frPyObjects([each], 512, 512) for each in lists],
    }


def photo_1080p() -> np.ndarray:
    coarse = np.random.default_rng(7).integers(0, 256, (68, 120, 3)).astype(np.uint8)
    return cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC)


def preprocess_runs() -> Runs:
    photo = photo_1080p()
    mean, std = np.asarray([0.408, 0.447, 0.470], "f4"), np.asarray([0.289, 0.274, 0.278], "f4")
    scale = np.float32(1 / 255)

    def with_opencv_and_numpy() -> np.ndarray:
        canvas = np.zeros((512, 512, 3), np.uint8)
        canvas[112:400] = cv2.resize(photo, (512, 288), interpolation=cv2.INTER_AREA)
        normalised = (canvas.astype(np.float32) * scale - mean) / std
        return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None])

    def with_opencv_alone() -> np.ndarray:
        return cv2.resize(photo, (512, 288), interpolation=cv2.INTER_AREA)

    batch, size = photo[None], (512, 512)
    return {
        "cpp": lambda: _native.preprocess(batch, *size, False, False, scale, mean, std),
        "OpenCV's resize and numpy": with_opencv_and_numpy,
        "OpenCV's resize alone": with_opencv_alone,
    }


def warp_runs() -> Runs:
    photo, (height, width) = photo_1080p(), (256, 192)
    matrix = _native.person_affine([700, 200, 1200, 1000], height, width, 1.25, False)
    to_input = np.reshape(matrix, (2, 3))
    return {
        "cpp": lambda: _native.warp(photo[None], matrix, height, width),
        "OpenCV's warpAffine": lambda: cv2.warpAffine(photo, to_input, (width, height)),
    }


def cases() -> list[Case]:
    """All of them; an aim is the least number of times that `cpp` is faster."""
    floor = "one maximum over the memory"
    rtmlib, loop = "rtmlib, argmax and DARK-UDP", "loop over joints, OpenCV's blur"
    return [
        Case("peaks 80x128x128, few", peak_runs(sparse_heatmap()), {floor: 1 / 3, "numpy": 1}),
        Case("peaks, 14 % reach 0.05", peak_runs(dense_heatmap()), {floor: 1 / 8, "numpy": 1}),
        Case("peaks, every class above the last", peak_runs(rising_heatmap()), {"numpy": 1}),
        Case("sample 12900 points x 64 channels", sample_runs(), {"torch grid_sample": 3}),
        Case("DARK 17x64x48", keypoint_runs("dark"), {rtmlib: 8, loop: 50, "numpy": 1}),
        Case("DARK-UDP 17x64x48", keypoint_runs("dark_udp"), {rtmlib: 8, loop: 50, "numpy": 1}),
        Case("MoveNet 48x48", movenet_runs(), {"numpy": 1}),
        Case("ctdet 80x128x128", ctdet_runs(), {"numpy": 1}),
        Case("run lengths of 50 contours", mask_runs(), {"numpy": 1}),
        Case("1080p to 512x512", preprocess_runs(), {"OpenCV's resize and numpy": 2}),
        Case("warp of a person to 256x192", warp_runs()),
    ]
