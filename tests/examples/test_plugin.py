"""examples/plugin, installed for real: one export uses all of it, and bad plugins hurt nobody."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

BROKEN = """
[surgery.rewrites]
bad.import = circlenet_broken.missing:THING
bad.contract = circlenet_broken:NOTHING
dcn.plain = circlenet_broken:NOTHING
[surgery.targets]
nnapi = circlenet_broken:NOTHING
bad.target = circlenet_broken:NOTHING
"""


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it, in a folder of its own, and a broken one beside it."""
    pytest.importorskip("setuptools", "77", reason="setuptools builds the example")
    folder, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source")
    shutil.copytree(repository / "examples" / "plugin", source / "plugin")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*command, "--target", folder, source / "plugin"], check=True)
    (folder / "circlenet_broken.py").write_text("NOTHING = {}\n")
    info = folder / "circlenet_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: circlenet-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(BROKEN)
    return folder


def python(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "300", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def walked(
    installed: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """The folder in which all commands of docs/your-own-model.md were run, and their output."""
    folder = tmp_path_factory.mktemp("run")
    page = (repository / "docs" / "your-own-model.md").read_text()
    commands = [line for line in page.splitlines() if line.startswith("python -m ")]
    printed = {}
    for command in commands:
        done = python(installed, folder, *shlex.split(command)[1:])
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        printed[command] = done.stdout
    return folder, printed


@pytest.fixture(scope="module")
def bundle(walked: tuple[Path, dict[str, str]]) -> Path:
    return walked[0] / "outputs" / "circlenet"


def test_one_export_uses_model_rewrite_symbolic_pass_target_and_decoder(bundle: Path) -> None:
    manifest = json.loads((bundle / "bundle.json").read_text())
    report = json.loads((bundle / "report.json").read_text())
    fired = {entry["name"] for entry in manifest["ledger"] if entry["fired"]}
    assert manifest["model"]["name"] == "circlenet"
    assert {"circlenet.focus", "circlenet.div"} <= fired
    operators = {node.op_type for node in onnx.load(bundle / "backbone.onnx").graph.node}
    assert "Reciprocal" in operators  # written by the symbolic, without which the export fails
    assert not operators & {"Slice", "Div"}
    assert manifest["decoder"]["name"] == "circlenet"
    assert report["target"] == "small_npu"


def test_without_the_symbolic_the_export_is_refused(installed: Path, tmp_path: Path) -> None:
    leave_out = ("model=circlenet", "surgery.symbolics.also=[]", "out=bundle")
    done = python(installed, tmp_path, "-m", "surgery", *leave_out)
    assert done.returncode == 1
    assert "rms_norm" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "bundle").exists()


def test_without_the_operations_the_target_refuses_nodes(walked: tuple[Path, object]) -> None:
    before = onnx.load(walked[0] / "outputs" / "before" / "backbone.onnx")
    assert {"Slice", "Div"} <= {node.op_type for node in before.graph.node}


def test_the_run_time_finds_circles(walked: tuple[Path, dict[str, str]]) -> None:
    line = next(out for command, out in walked[1].items() if " postprocess " in command)
    found = json.loads(line)["instances"]
    assert found
    assert {len(instance["contour"]) for instance in found} == {32}


def test_the_list_names_every_member_and_every_broken_one(
    walked: tuple[Path, dict[str, str]],
) -> None:
    listed = next(out for command, out in walked[1].items() if "task=list" in command)
    rows = {
        (cells[1], cells[2], cells[3]): cells[4]
        for line in listed.splitlines()
        if len(cells := [cell.strip() for cell in line.split("│")]) == 6
    }
    ours = "circlenet-surgery"
    for member in (
        ("model", "circlenet"),
        ("rewrite", "circlenet.focus"),
        ("symbolic", "circlenet.rms_norm"),
        ("pass", "circlenet.div"),
        ("decoder", "circlenet"),
        ("target", "small_npu"),
    ):
        assert (*member, ours) in rows
    theirs = "circlenet-broken"
    assert "No module named" in rows["rewrite", "bad.import", theirs]
    assert "lacks name, exact" in rows["rewrite", "bad.contract", theirs]
    assert "is registered by" in rows["rewrite", "dcn.plain", f"model-surgery and {theirs}"]
    assert "ships with model-surgery" in rows["target", "nnapi", theirs]
    assert "is not a target" in rows["target", "bad.target", theirs]
