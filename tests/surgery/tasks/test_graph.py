"""``task=graph``: an ONNX file in, the operated one out with its ledger, or one line."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import parser

from postprocess.errors import InputError
from surgery.tasks.graph import run

from ..conftest import Compose

TEXT = """<ir_version: 8, opset_import: ["": 17]>
net (float[N,4] x) => (float[N,4] y) { a = Neg(x) b = Exp(a) y = Abs(b) }"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three nodes."""
    path = tmp_path / "net.onnx"
    onnx.save(parser.parse_model(TEXT), path)
    return path


def ledger(model: onnx.ModelProto) -> list[str]:
    values = {entry.key: entry.value for entry in model.metadata_props}
    return [entry["name"] for entry in json.loads(values["surgery.ledger"])]


def test_the_operated_file_carries_its_ledger(
    file: Path, tmp_path: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out.onnx"
    steps = "graph.steps=[{extract: {outputs: [b]}}, {rename: {b: exp\\:0}}]"
    run(compose("task=graph", f"model.path={file}", f"out={out}", steps))
    model = onnx.load(out)
    assert [value.name for value in model.graph.output] == ["exp:0"]
    assert ledger(model) == ["extract", "rename"]
    said = capsys.readouterr().err
    assert "extract b: 2 of 3 nodes; outputs at most 0 apart" in said
    assert "2 nodes, opset 17, x float32 (N,4) -> exp:0 float32 (N,4)" in said

    run(compose("task=graph", f"model.path={out}", f"out={file}", "graph.steps=[{pass: dead}]"))
    assert ledger(onnx.load(file)) == ["extract", "rename", "pass"]


def test_a_yaml_file_holds_the_steps(file: Path, tmp_path: Path, compose: Compose) -> None:
    (tmp_path / "steps.yaml").write_text("- extract:\n    outputs: [b]\n- rename: {'b': 'q:0'}\n")
    out = tmp_path / "out.onnx"
    run(
        compose(
            "task=graph",
            f"model.path={file}",
            f"out={out}",
            f"graph.file={tmp_path}/steps.yaml",
        )
    )
    assert onnx.load(out).graph.output[0].name == "q:0"


def test_a_split_writes_a_folder_of_parts(file: Path, tmp_path: Path, compose: Compose) -> None:
    out = tmp_path / "parts"
    run(
        compose(
            "task=graph",
            f"model.path={file}",
            f"out={out}",
            "graph.steps=[{split: {at: [[a], [b]]}}]",
        )
    )
    assert sorted(path.name for path in out.iterdir()) == [f"part{i}.onnx" for i in range(3)]
    with pytest.raises(InputError, match="exists: a split needs a new or an empty folder"):
        run(
            compose(
                "task=graph", f"model.path={file}", f"out={out}", "graph.steps=[{split: {at: [a]}}]"
            )
        )


def test_without_a_place_nothing_is_written(file: Path, tmp_path: Path, compose: Compose) -> None:
    before = sorted(tmp_path.iterdir())
    run(compose("task=graph", f"model.path={file}", "graph.steps=[{pass: dead}]"))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("out", "steps", "told"),
    [
        ("out.onnx", "graph.steps=[]", "task=graph needs graph.steps"),
        ("out.onnx", "graph.file=none.yaml", "graph.file=none.yaml cannot be read"),
        ("out.txt", "graph.steps=[{pass: dead}]", "expects a file that ends in .onnx"),
        ("net.onnx", "graph.steps=[{pass: dead}]", "is the file that is read"),
        ("out.onnx", "graph.steps=[{split: {at: [a]}}]", "expects a folder"),
        ("out.onnx", "graph.steps=[{remove: a}, {rename: {c: d}}]", "steps[1].rename"),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    out: str, steps: str, told: str, file: Path, tmp_path: Path, compose: Compose
) -> None:
    before = file.read_bytes()
    with pytest.raises(InputError) as raised:
        run(compose("task=graph", f"model.path={file}", f"out={tmp_path / out}", steps))
    assert told in str(raised.value)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == before


def test_a_file_is_needed(compose: Compose) -> None:
    with pytest.raises(InputError, match="task=graph needs model"):
        run(compose("task=graph", "graph.steps=[{pass: dead}]"))
