"""``surgery.precision`` and ``target.ort_format`` in the main job: what the bundle then holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

import postprocess
from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.export.ort_format import OPERATORS
from surgery.precision.fp16 import to_float16
from surgery.tasks.doctor import run as doctor
from surgery.tasks.export import run

from .graphs import three_convolutions, weight_types

TITLE = "ONNX Runtime in float32, in fp16"


@pytest.fixture(scope="module")
def bundle(compose: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle")
    run(
        compose(
            "surgery.precision=fp16",
            "target=onnxruntime",  # the default one has no DeformConv
            "target.ort_format=true",
            "surgery.dcn=native",
            "surgery.exporter=torchscript",
            "surgery.compare=[]",
            "surgery.pictures=1",
            "surgery.calibration.count=2",
            f"out={out}",
        )
    )
    return out


def test_the_graphs_are_float16_and_the_run_time_feeds_and_reads_float32(bundle: Path) -> None:
    info = json.loads((bundle / "bundle.json").read_text())
    for name in ("backbone", "refine"):
        kinds = weight_types(onnx.load(bundle / f"{name}.onnx")).values()
        assert TensorProto.FLOAT16 in kinds
        assert TensorProto.FLOAT not in kinds
        ports = info["graphs"][name]["inputs"] + info["graphs"][name]["outputs"]
        assert {port["dtype"] for port in ports} == {"float32"}
    assert max(postprocess.load(bundle).check_golden().values()) == 0.0


def test_parity_shows_float32_against_float16_with_its_bound(bundle: Path) -> None:
    report = json.loads((bundle / "report.json").read_text())
    for found in report["parity"][TITLE]["outputs"].values():
        assert 0 < found["max"] <= found["tolerance"] < 0.02 * found["scale"]
    assert "surgery.precision=fp16" in report["verdict"]["text"]
    assert report["verdict"]["good"]
    assert TITLE in (bundle / "report.html").read_text()


def test_the_ort_files_and_their_operators_are_part_of_the_bundle(bundle: Path) -> None:
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    assert {"backbone.ort", "refine.ort", OPERATORS} <= files.keys()


def test_a_found_graph_gets_its_ort_file_too(compose: Any, tmp_path: Path) -> None:
    onnx.save(three_convolutions(), str(tmp_path / "found.onnx"))
    out = tmp_path / "out"
    run(
        compose(
            "model=onnx",
            f"model.path={tmp_path / 'found.onnx'}",
            "model.cut=[head]",
            "model.decoder={name: keypoints, heatmap: head, stride: 1.0, method: argmax}",
            "target=onnxruntime",  # the default one has no DeformConv
            "target.ort_format=true",
            f"out={out}",
        )
    )
    assert {"backbone.ort", OPERATORS} <= {path.name for path in out.iterdir()}


def found(compose: Any, folder: Path, model: onnx.ModelProto, *more: str) -> Config:
    onnx.save(model, str(folder / "found.onnx"))
    config: Config = compose(
        "model=onnx",
        f"model.path={folder / 'found.onnx'}",
        "model.runs=1",
        "surgery.safe=false",
        "surgery.calibration.count=8",
        "target=onnxruntime",
        f"out={folder / 'out'}",
        *more,
    )
    return config


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("decoder", ["keypoints", "none"])
def test_a_found_graph_is_reduced_and_held_against_itself_in_float32(
    compose: Any, tmp_path: Path, precision: str, decoder: str
) -> None:
    own = "{name: keypoints, heatmap: head, stride: 1.0, method: argmax}"
    given = own if decoder == "keypoints" else "{name: none}"
    model = three_convolutions()
    more = (f"surgery.precision={precision}", f"model.decoder={given}")
    run(found(compose, tmp_path, model, *more))
    out = tmp_path / "out"
    kinds = weight_types(onnx.load(out / "backbone.onnx"))
    expected = {"fp16": TensorProto.FLOAT16, "int8": TensorProto.INT8}[precision]
    assert expected in kinds.values()
    report = json.loads((out / "report.json").read_text())
    figures = report["parity"][f"ONNX Runtime in float32, in {precision}"]["outputs"]["head"]
    assert 0 < figures["max"] <= figures["tolerance"]
    assert f"surgery.precision={precision}" in report["verdict"]["text"]
    assert any("surgery.calibration.images" in entry["reason"] for entry in report["ledger"])
    assert max(postprocess.load(out).check_golden().values()) == 0.0


def test_a_bare_file_at_the_doctors_door_is_reduced_too(compose: Any, tmp_path: Path) -> None:
    doctor(found(compose, tmp_path, three_convolutions(), "surgery.precision=fp16"))
    kinds = weight_types(onnx.load(tmp_path / "out" / "backbone.onnx")).values()
    assert TensorProto.FLOAT16 in kinds


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_found_graph_of_reduced_precision_is_refused_in_one_line(
    compose: Any, tmp_path: Path, precision: str
) -> None:
    config = found(
        compose,
        tmp_path,
        to_float16(three_convolutions()),
        f"surgery.precision={precision}",
        "model.decoder={name: none}",
    )
    with pytest.raises(InputError, match="weights in FLOAT16"):
        run(config)
    assert not (tmp_path / "out").exists()
