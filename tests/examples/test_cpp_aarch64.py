"""surgery-run for AArch64, under emulation, against `python -m postprocess`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from . import tiny_bundles as tiny
from .conftest import BUILD, assert_same, in_python, need, run


def test_json_of_the_pipeline_on_aarch64_is_that_of_python(tmp_path: Path) -> None:
    need("qemu-aarch64")
    program, root = BUILD / "cpp-aarch64" / "surgery-run", BUILD / "arm64"
    if not program.is_file():
        pytest.skip("surgery-run was not built for AArch64: make examples-aarch64")
    backbone = tiny.convolutions({"heatmap": (tiny.JOINTS, 4.0, 0.5)})
    bundle = tiny.write(
        tmp_path / "pose", {"backbone": backbone}, {"name": "keypoints"}, resize="affine"
    )
    photo = tmp_path / "photo.png"
    coarse = np.random.default_rng(4).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    cv2.imwrite(str(photo), cv2.resize(coarse, (170, 213), interpolation=cv2.INTER_CUBIC))
    libraries = f"LD_LIBRARY_PATH={root}/usr/lib/aarch64-linux-gnu:{root}/lib/aarch64-linux-gnu"
    emulator = ("qemu-aarch64", "-L", root, "-E", libraries)
    done = run(*emulator, program, bundle, photo, "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert_same(found, in_python(bundle, photo), pixels=0.01, score=1e-5)
