"""The ORT files compute what the ONNX files compute, and the kernels they need are listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from postprocess.errors import InputError
from surgery.export.ort_format import OPERATORS, write_ort
from surgery.graph.run import run
from surgery.graph.storage import save
from surgery.support import scratch

from ..precision.graphs import pictures, three_convolutions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    onnx.save(three_convolutions(), str(tmp_path / "backbone.onnx"))
    return tmp_path


def test_the_file_is_in_ort_format_and_computes_the_same(folder: Path) -> None:
    feeds = pictures(1)[0]
    write_ort(folder, ["backbone"], feeds["image"])
    assert (folder / "backbone.ort").read_bytes()[4:8] == b"ORTM"
    session = onnxruntime.InferenceSession(str(folder / "backbone.ort"))
    np.testing.assert_allclose(
        session.run(None, feeds)[0], run(three_convolutions(), feeds)["head"], atol=1e-5
    )


def test_nothing_but_the_ort_files_and_the_list_of_operators_is_added(folder: Path) -> None:
    files = write_ort(folder, ["backbone"], pictures(1)[0]["image"])
    assert files == ["backbone.ort", OPERATORS]
    assert {path.name for path in folder.iterdir()} == {"backbone.onnx", *files}
    operators = (folder / OPERATORS).read_text()
    assert "Conv" in operators
    assert "# - backbone.ort\n" in operators  # and not where it was made


def test_a_graph_that_onnx_runtime_does_not_load_is_one_line(folder: Path) -> None:
    graph = three_convolutions()
    graph.graph.node[0].op_type = "DCNv2"
    graph.graph.node[0].domain = "trt.plugins"
    graph.opset_import.append(helper.make_opsetid("trt.plugins", 1))
    onnx.save(graph, str(folder / "backbone.onnx"))
    with pytest.raises(InputError, match=r"target\.ort_format=true") as caught:
        write_ort(folder, ["backbone"], pictures(1)[0]["image"])
    assert "\n" not in str(caught.value)
    assert not (folder / "backbone.ort").exists()


def test_more_weights_than_a_file_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "_limit", 1500)
    save(three_convolutions(), tmp_path / "backbone.onnx")
    with pytest.raises(InputError, match="file cannot hold so many"):
        write_ort(tmp_path, ["backbone"], pictures(1)[0]["image"])
    assert not list(tmp_path.glob("*.ort"))
