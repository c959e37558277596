"""Time the decoders against what people run today, in one process on one thread.

    python benchmarks/decode.py [--json FILE] [--repeats 50]

Every row is the median CPU time of its repeats, taken in turns, so that other programs on the
machine count as little as they can; ratios are the thing to read. The groups:

- peaks: 80x128x128 heatmaps, few peaks or 14 % of the pixels over the threshold, against torch op
  by op (sigmoid, max_pool2d, compare, topk as e2ec and CenterNet run it), the numpy reference, and
  one maximum over the same memory, which is the floor.
- sample: 100 contours of 129 points from 64 channels of 128x128, against torch's grid_sample.
- keypoints: 17 maps of 64x48, argmax and DARK, against a loop over joints with OpenCV's blur.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import cv2
import numpy as np
import torch

from postprocess import decoders

Runs = dict[str, Callable[[], object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--repeats", type=int, default=50)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    groups = {
        "peaks, sparse": peak_runs(sparse_heatmap()),
        "peaks, 14 % over the threshold": peak_runs(dense_heatmap()),
        "peaks, every class above the last": peak_runs(rising_heatmap()),
        "sample 12900 points x 64 channels": sample_runs(),
        "keypoints 17x64x48": keypoint_runs(),
    }
    report = {"machine": machine(), "milliseconds": {}}
    for name, runs in groups.items():
        times = medians(runs, arguments.repeats)
        report["milliseconds"][name] = times
        print(f"\n{name}")
        fastest = times["cpp"]
        for label, milliseconds in times.items():
            print(f"  {label:28} {milliseconds:9.3f} ms {milliseconds / fastest:9.2f} x cpp")
    print("\n" + ", ".join(f"{key} {value}" for key, value in report["machine"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def machine() -> dict[str, str]:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if "model name" in line
        ]
        model = names[0] if names else model
    return {
        "cpu": model,
        "threads": "1",
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "torch": torch.__version__,
        "opencv": cv2.__version__,
    }


def medians(runs: Runs, repeats: int) -> dict[str, float]:
    """Median milliseconds of CPU time of each run; runs take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.thread_time()
            run()
            seconds[name].append(time.thread_time() - start)
    return {name: 1e3 * float(np.median(values)) for name, values in seconds.items()}


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
        "one maximum (numpy)": lambda: heatmap.max(),
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


def keypoint_runs() -> Runs:
    random = np.random.default_rng(3)
    grid_y, grid_x = np.mgrid[:64, :48]
    centres = random.uniform(6, 40, (17, 2))
    maps = np.stack([np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / 8) for x, y in centres])
    heatmaps = (maps + random.uniform(0, 0.01, maps.shape)).astype(np.float32)[None]

    def with_loop() -> object:
        points = []
        for heatmap in heatmaps[0]:
            y, x = np.unravel_index(np.argmax(heatmap), heatmap.shape)
            log = np.log(np.maximum(cv2.GaussianBlur(heatmap, (3, 3), 0), 1e-10))
            gradient = [log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]
            mixed = log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1]
            across = log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]
            along = log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]
            hessian = 0.25 * np.array([[across, mixed], [mixed, along]])
            points.append(np.array([x, y]) - np.linalg.solve(hessian, 0.5 * np.array(gradient)))
        return points

    return {
        "cpp": lambda: decoders.keypoints(heatmaps, method="dark"),
        "numpy": lambda: decoders.keypoints(heatmaps, method="dark", backend="numpy"),
        "loop over joints, OpenCV": with_loop,
    }


if __name__ == "__main__":
    main()
