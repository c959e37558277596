"""``task=audit``: one target on a screen, several in a table, and the same as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from postprocess.errors import InputError
from surgery.targets.registry import target_names
from surgery.tasks.audit import run

from ..conftest import Compose


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Relu, then a TopK that few accelerators take."""
    port = helper.make_tensor_value_info
    k = helper.make_node(
        "Constant", [], ["k"], value=helper.make_tensor("k", TensorProto.INT64, [1], [2])
    )
    graph = helper.make_graph(
        [
            k,
            helper.make_node("Relu", ["x"], ["a"]),
            helper.make_node("TopK", ["a", "k"], ["y", "indices"]),
        ],
        "g",
        [port("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [
            port("y", TensorProto.FLOAT, [1, 4, 8, 2]),
            port("indices", TensorProto.INT64, [1, 4, 8, 2]),
        ],
    )
    path = tmp_path / "my graph.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def _overrides(file: Path, target: str, *more: str) -> list[str]:
    return ["task=audit", f"model.path='{file}'", f"target={target}", *more]


def test_screen_of_one_target_ends_in_a_command_that_can_be_typed(
    file: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    run(compose(*_overrides(file, "nnapi")))
    screen = capsys.readouterr().out
    assert screen.startswith("nnapi runs 1 of 2 nodes, in 1 partition")
    assert f"model=onnx model.path='{file}' model.cut=auto" in screen


def test_first_answer_is_a_line_for_each_target_and_what_to_do(
    file: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    run(compose("task=audit", f"model.path='{file}'"))
    screen = capsys.readouterr().out
    count = len(target_names())
    assert re.match(rf"\d+ of {count} targets run the whole graph as it is", screen)
    lines = [line.split()[0] for line in screen.splitlines() if line]
    assert set(target_names()) <= set(lines)
    assert "model.cut=auto (exact) may remove (not tried) refused nodes: " in screen
    assert "target=TARGET" in screen
    assert len(screen.splitlines()) <= 40


def test_json_on_the_terminal_is_the_json_in_the_file(
    file: Path, compose: Compose, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(compose(*_overrides(file, "nnapi", "json=true", f"out={tmp_path}/found.json")))
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "found.json").read_text())
    assert printed["refused"][0]["remedy"] == "model.cut=auto"
    run(compose(*_overrides(file, "nnapi", f"out={tmp_path}/folder")))
    assert json.loads((tmp_path / "folder" / "audit.json").read_text()) == printed


def test_all_targets_are_audited_or_those_that_are_named(
    file: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    run(compose(*_overrides(file, "all", "json=true")))
    assert sorted(json.loads(capsys.readouterr().out)["targets"]) == target_names()
    run(compose(*_overrides(file, "all", "target.members=[qnn,nnapi]", "json=true")))
    assert list(json.loads(capsys.readouterr().out)["targets"]) == ["qnn", "nnapi"]
    with pytest.raises(InputError, match="unknown target 'qmn'; did you mean 'qnn'"):
        run(compose(*_overrides(file, "all", "target.members=[qmn]")))


def test_graph_is_run_in_the_targets_runtime_where_that_is_asked_for(
    file: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    run(compose(*_overrides(file, "opencv", "load=true")))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("opencv ")
    assert "from ONNX Runtime's" in last


def test_place_that_cannot_be_written_is_refused_by_name(file: Path, compose: Compose) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        run(compose(*_overrides(file, "nnapi", f"out='{file}/below'")))


def test_file_and_list_of_targets_are_enough_on_the_command_line(file: Path) -> None:
    command = [sys.executable, "-m", "surgery", "task=audit", str(file), "target=[qnn,nnapi]"]
    done = subprocess.run(
        [*command, "json=true"], cwd=file.parent, capture_output=True, text=True, check=True
    )
    assert list(json.loads(done.stdout)["targets"]) == ["qnn", "nnapi"]


def test_a_graph_with_an_open_batch_is_run_at_a_usual_size(
    tmp_path: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> '
        "g (float[batch,3,8,8] x) => (float[batch,3,8,8] y) { y = Relu(x) }"
    )
    onnx.save(model, tmp_path / "open.onnx")
    run(compose(*_overrides(tmp_path / "open.onnx", "onnxruntime", "load=true")))
    assert "runs it" in " ".join(capsys.readouterr().out.split())
