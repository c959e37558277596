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

ROUNDED = """
from dataclasses import dataclass, replace

from surgery.rewrites.base import Replacement
from surgery.rewrites.dcn import OffsetStatistics
from surgery.rewrites.dcn.folded import fold
from surgery.rewrites.dcn.layer import convolution, described, match_deform
from surgery.rewrites.traits import Traits


class Rounded:
    name, summary, exact, min_opset = "dcn.rounded", "mean offsets in whole pixels", False, 1
    traits = Traits(offsets=True, leaves=frozenset({"Conv"}))

    def match(self, module):
        return match_deform(module)

    def replacement(self, module, path, context):
        layer, seen = described(module), context.calibration.get(OffsetStatistics, path)
        seen = replace(seen, mean_offset=seen.mean_offset.round())
        weight, padding, dilation, _ = fold(layer.weight, layer.geometry, seen, 7)
        return Replacement(convolution(layer, weight, padding=padding, dilation=dilation))


ROUNDED = Rounded()
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
    (folder / "rounded.py").write_text(ROUNDED)
    info = folder / "rounded-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rounded\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[surgery.rewrites]\ndcn.rounded = rounded:ROUNDED\n")
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


@pytest.fixture(scope="module")
def deformable(walked: tuple[Path, object]) -> Path:
    """The bundle of a network with deformable layers; two packages have strategies for them."""
    return walked[0] / "outputs" / "e2ec"


def test_a_strategy_of_another_package_is_chosen_fitted_and_exported(deformable: Path) -> None:
    report = json.loads((deformable / "report.json").read_text())
    assert report["strategy"]["name"] == "split"
    assert report["strategy"]["reason"].endswith("small_npu runs (it has Conv and Add and Relu)")
    assert report["fit"]["source"]
    fired = {entry["where"] for entry in report["ledger"] if entry["name"] == "dcn.split"}
    assert len(fired) == 16
    shipped = report["strategies"][0]
    assert (shipped["name"], shipped["chosen"]) == ("split", True)
    assert shipped["sure"]["kept"] >= 0.9 * shipped["sure"]["reference"] > 0
    inside = {
        node.op_type
        for node in onnx.load(deformable / "backbone.onnx").graph.node
        if any(e.value.startswith("dla.ida_up.") for e in node.metadata_props)
    }
    assert "Concat" not in inside


def test_a_strategy_of_another_package_is_measured_and_compared(
    installed: Path, tmp_path: Path
) -> None:
    asked = ("surgery.dcn=native", "surgery.compare=[rounded]", "surgery.pictures=1")
    quick = ("surgery.exporter=torchscript", "surgery.calibration.count=2", "out=bundle")
    done = python(installed, tmp_path, "-m", "surgery", "model=e2ec", *asked, *quick)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads((tmp_path / "bundle" / "report.json").read_text())["strategies"]
    assert [row["name"] for row in rows] == ["native", "rounded", "untouched, in torch"]
    assert rows[1]["latency"] > 0
    assert not rows[1]["exact"]
    assert "DeformConv" not in rows[1]["operators"]


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
        ("rewrite", "dcn.split"),
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
