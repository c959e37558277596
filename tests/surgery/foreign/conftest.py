"""A found file in a folder of its own, and the main job on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from surgery.config.run import Config
from surgery.foreign.job import run
from surgery.foreign.source import Found

Save = Callable[[onnx.ModelProto], Found]
Operate = Callable[..., Path]

CTDET = "{name: ctdet, heatmap: hm, size: wh}"


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a model to a file and read it as a found one."""

    def saved(model: onnx.ModelProto) -> Found:
        path = tmp_path / "found.onnx"
        onnx.save(model, path)
        return Found(path)

    return saved


@pytest.fixture
def operate(tmp_path: Path, compose: Callable[..., Config]) -> Operate:
    """Run the main job on a model or a file; the bundle's folder is returned."""

    def operated(model: onnx.ModelProto | Path, *overrides: str) -> Path:
        path = model if isinstance(model, Path) else tmp_path / "found.onnx"
        if isinstance(model, onnx.ModelProto):
            onnx.save(model, path)
        out = tmp_path / "bundle"
        given = {override.partition("=")[0] for override in overrides}
        # passes run here: a child takes seconds to start, and test_job.py has one
        defaults = {"model": "onnx", "model.runs": "1", "surgery.safe": "false"}
        if "model" not in given:
            defaults["model.decoder"] = CTDET
        run(
            compose(
                *(f"{key}={value}" for key, value in defaults.items() if key not in given),
                f"model.path={path}",
                f"out={out}",
                "threads=1",
                *overrides,
            )
        )
        return out

    return operated


def manifest(bundle: Path) -> dict[str, Any]:
    """What bundle.json holds."""
    content: dict[str, Any] = json.loads((bundle / "bundle.json").read_text())
    return content
