"""A tiny bundle, drawn pictures, and what the run time finds in them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from postprocess.__main__ import main

from ....postprocess.conftest import write_tiny_bundle

Rows = dict[str, Any]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    write_tiny_bundle(folder)
    return folder


@pytest.fixture
def draw(tmp_path: Path) -> Callable[[int], Path]:
    """Draw so many pictures of blobs, of several sizes, into a folder."""

    def drawn(count: int) -> Path:
        folder, random = tmp_path / "pictures", np.random.default_rng(0)
        folder.mkdir()
        for number in range(count):
            picture = np.full((64 + 8 * (number % 3), 96, 3), 40, np.uint8)
            for _ in range(number % 4):
                x, y = (int(random.integers(16, side - 16)) for side in (96, 64))
                color = (255, 0, 0) if random.random() < 0.5 else (0, 0, 255)
                cv2.circle(picture, (x, y), 8, color, -1)
            cv2.imwrite(str(folder / f"{number:04}.png"), picture)
        return folder

    return drawn


def by_the_run_time(bundle: Path, images: Path) -> Rows:
    """Instances by path as ``python -m postprocess --json`` prints them."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        main([str(bundle), str(images), "--json", "--threads", "1"])
    lines = map(json.loads, printed.getvalue().splitlines())
    return {line["image"]: line["instances"] for line in lines}
