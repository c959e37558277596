"""LiteRT's converter is a foreign program: it sees a copy, and what it prints becomes one line."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from postprocess.errors import InputError
from surgery.targets.runtimes import RUNTIMES

# As onnx2tf 1.29 does: it writes over its input, and stops at a node with coloured lines.
PROGRAM = """import sys
from pathlib import Path
Path(sys.argv[sys.argv.index("-i") + 1]).write_bytes(b"simplified")
print("\\x1b[31mERROR:\\x1b[0m The trace log is below.")
print("\\x1b[31mERROR:\\x1b[0m onnx_op_name: head/Reshape_3")
sys.exit(1)
"""


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, script = tmp_path / "onnx2tf", tmp_path / "onnx2tf.py"
    script.write_text(PROGRAM)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')  # paths have spaces
    program.chmod(0o755)
    monkeypatch.setenv("SURGERY_ONNX2TF", str(program))
    monkeypatch.setattr("surgery.targets.runtimes.litert.installed", lambda package: "2.0")


@pytest.mark.usefixtures("converter")
def test_file_given_is_left_as_it_is_by_a_converter_that_writes_over_its_input(
    tmp_path: Path,
) -> None:
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [port("x", TensorProto.FLOAT, [1, 4])],
        [port("y", TensorProto.FLOAT, [1, 4])],
    )
    path = tmp_path / "mine.onnx"
    onnx.save(helper.make_model(graph), str(path))
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        RUNTIMES.get("litert").load(path, 1)
    assert path.read_bytes() == before
    assert str(caught.value) == ("onnx2tf does not take mine.onnx: it stops at node head/Reshape_3")


def test_converter_beside_this_python_is_found_where_the_path_does_not_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SURGERY_ONNX2TF", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("surgery.targets.runtimes.litert.installed", lambda package: "2.0")
    monkeypatch.setattr("sys.executable", str(tmp_path / "environment" / "python"))
    assert RUNTIMES.get("litert").version() is None
    program = tmp_path / "environment" / "onnx2tf"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert RUNTIMES.get("litert").version() == "2.0"
