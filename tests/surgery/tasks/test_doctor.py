"""``python -m surgery FILE.onnx``: recognised, cut, proven, with the command that repeats it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from surgery.foreign.families import recognise
from surgery.foreign.source import Found

from ..foreign.graphs import SIDE, Builder, centernet, port


def surgery(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "surgery", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def pose(joints: int) -> onnx.ModelProto:
    """A network with one map a joint, and the places of the maxima as a second output."""
    build = Builder()
    features = build.node("Relu", [build.conv("x", (3, 8), "c1", strides=[4, 4])], "f1")
    build.conv(features, (8, joints), "maps")
    flat = build.node("Reshape", ["maps", build.weight([1, joints, -1], "shape")], "flat")
    build.node("ArgMax", [flat], "places", axis=2, keepdims=0)
    side = SIDE // 4
    return build.model(
        [port("x", (1, 3, SIDE, SIDE))],
        [port("maps", (1, joints, side, side)), port("places", (1, joints), 7)],
    )


def test_a_file_alone_becomes_a_bundle_and_its_command_repeats_it(tmp_path: Path) -> None:
    onnx.save(centernet(), tmp_path / "best (1).onnx")
    done = surgery(tmp_path, "best (1).onnx", "threads=1")
    assert done.returncode == 0, done.stderr
    assert "family: CenterNet boxes" in done.stderr
    bundle = tmp_path / "outputs" / "best_1_"
    first = json.loads((bundle / "bundle.json").read_text())
    assert first["decoder"]["name"] == "ctdet"
    line = next(line for line in done.stderr.splitlines() if line.startswith("to repeat it:"))
    command = shlex.split(line.partition(": ")[2])
    assert command[:3] == ["python", "-m", "surgery"]
    again = surgery(tmp_path, *command[3:-1], "out=again", "threads=1")
    assert again.returncode == 0, again.stderr
    second = json.loads((tmp_path / "again" / "bundle.json").read_text())
    for part in ("decoder", "preprocess", "graphs", "keypoints"):
        assert second[part] == first[part], part


def test_nothing_of_the_demo_is_written_for_a_file(tmp_path: Path) -> None:
    onnx.save(centernet(), tmp_path / "best.onnx")
    surgery(tmp_path, "best.onnx", "threads=1")
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == ["best"]


@pytest.mark.parametrize("arguments", [[], ["doctor", "missing.onnx"], ["missing.onnx"]])
def test_no_argument_is_help_and_a_missing_file_one_line(
    tmp_path: Path, arguments: list[str]
) -> None:
    done = surgery(tmp_path, *arguments)
    assert not (tmp_path / "outputs").exists()
    if arguments:
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("surgery: ")
        assert "missing.onnx" in done.stderr
    else:
        assert done.returncode == 0
        assert "Usage: python -m surgery" in done.stdout


def test_an_unknown_preset_is_one_line_with_the_nearest(tmp_path: Path) -> None:
    done = surgery(tmp_path, "model=onnx", "model.input=imagenett")
    assert done.returncode == 1
    assert "did you mean 'imagenet'" in done.stderr


def test_one_head_of_joints_is_a_heatmap_network(tmp_path: Path) -> None:
    onnx.save(pose(17), tmp_path / "pose.onnx")
    found = Found(tmp_path / "pose.onnx")
    proposal = recognise(found, found.image_input())
    assert proposal.decoder["name"] == "keypoints"
    assert proposal.decoder["stride"] == 4.0
    assert proposal.keypoints == "coco"


def test_a_graph_of_no_family_gets_its_backbone_alone(tmp_path: Path) -> None:
    onnx.save(pose(3), tmp_path / "three.onnx")
    found = Found(tmp_path / "three.onnx")
    assert recognise(found, found.image_input()).decoder == {"name": "none"}
