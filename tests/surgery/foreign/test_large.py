"""A found graph whose weights no graph in memory can hold goes the same way as any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

import postprocess
from postprocess.__main__ import main
from postprocess.bundle import sha256
from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.graph.files import load_onnx
from surgery.graph.weights import has_outside, is_outside
from surgery.support import scratch
from surgery.targets import Target
from surgery.targets.audit import audit
from surgery.tasks.graph import run as run_graph

from .conftest import Operate, manifest
from .graphs import SIDE, Builder, centernet, plain, port

LIMIT = 3000  # bytes, in the place of 2 GB; the graphs of these tests hold 4 to 5 kB
Compose = Callable[..., Config]


@pytest.fixture(autouse=True)
def small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_limit", LIMIT)


def beside(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model with every weight in ``weights.bin``."""
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


CUT = (
    "model.cut=['tensor/a:0','tensor/b:0']",
    "surgery.opset=18",
    "model.decoder={name: ctdet, heatmap: 'tensor/b:0', size: 'tensor/a:0', box: ltrb}",
)


@pytest.fixture
def expected(operate: Operate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bundle of the same graph with its weights inside."""
    with monkeypatch.context() as patch:
        patch.setattr(scratch, "_limit", scratch.LIMIT)
        bundle = operate(centernet(), *CUT)
    return bundle.rename(tmp_path / "expected")


@pytest.mark.parametrize("safe", [False, True])
def test_its_bundle_keeps_weights_beside_the_graph_and_gives_the_same(
    operate: Operate, tmp_path: Path, expected: Path, safe: bool
) -> None:
    path = beside(centernet(), tmp_path / "found.onnx")
    bundle = operate(path, *CUT, f"surgery.safe={str(safe).lower()}")
    graph = onnx.load(bundle / "backbone.onnx", load_external_data=False)
    assert has_outside(graph)
    files = manifest(bundle)["files"]
    assert files["backbone.onnx.data"] == sha256(bundle / "backbone.onnx.data")
    onnx.checker.check_model(bundle / "backbone.onnx", full_check=True)
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    heads = [postprocess.load(b).run_stages(image).heads for b in (expected, bundle)]
    for name, array in heads[0].items():
        np.testing.assert_allclose(heads[1][name], array, atol=1e-5)
    nodes = [onnx.load(b / "backbone.onnx").graph.node for b in (expected, bundle)]
    assert sorted(n.op_type for n in nodes[0]) == sorted(n.op_type for n in nodes[1])


def test_the_run_time_opens_its_bundle(
    operate: Operate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = operate(beside(plain(), tmp_path / "found.onnx"))
    capsys.readouterr()
    assert main([str(bundle), str(bundle / "overlay.png"), "--json"]) == 0
    assert "instances" in json.loads(capsys.readouterr().out)


def test_a_part_that_fits_is_one_file_again(operate: Operate, tmp_path: Path) -> None:
    build = Builder()
    build.conv("image", (3, 8), "small")
    build.conv("small", (8, 40), "large")
    shapes = [port("image", [1, 3, SIDE, SIDE])], [port("large", [1, 40, SIDE, SIDE])]
    path = beside(build.model(*shapes), tmp_path / "found.onnx")
    decoder = "model.decoder={name: keypoints, heatmap: small, method: argmax}"
    names = "model.keypoints=[a,b,c,d,e,f,g,h]"
    bundle = operate(path, "model.cut=[small]", decoder, names)
    assert not (bundle / "backbone.onnx.data").exists()
    onnx.checker.check_model(onnx.load(bundle / "backbone.onnx"))


def test_the_audit_reads_no_large_weight(tmp_path: Path, compose: Compose) -> None:
    path = beside(plain(), tmp_path / "found.onnx")
    target = Target.from_config(compose("task=audit", "target=onnxruntime").target)
    assert audit(path, target).ok
    lying = [tensor.name for tensor in load_onnx(path).graph.initializer if is_outside(tensor)]
    assert lying == ["c2.weight"]  # the one of a kilobyte and more


STEPS = "graph.steps=[{extract: {outputs: [wh]}}, {rename: {wh: size}}, {pass: dead}, {opset: 18}]"


def test_operations_write_it_in_two_files(tmp_path: Path, compose: Compose) -> None:
    path = beside(plain(), tmp_path / "found.onnx")
    out = tmp_path / "new" / "out.onnx"
    run_graph(compose("task=graph", f"model.path={path}", f"out={out}", STEPS))
    assert sorted(file.name for file in out.parent.iterdir()) == ["out.onnx", "out.onnx.data"]
    onnx.checker.check_model(out, full_check=True)
    assert onnx.load(out).graph.output[0].name == "size"


def test_operations_do_not_overwrite_the_weights_that_they_read(
    tmp_path: Path, compose: Compose
) -> None:
    path, data = tmp_path / "found.onnx", tmp_path / "out.onnx.data"
    onnx.save(plain(), path, save_as_external_data=True, location=data.name, size_threshold=0)
    content = data.read_bytes()
    with pytest.raises(InputError, match="holds those of the file that is read"):
        run_graph(compose("task=graph", f"model.path={path}", f"out={tmp_path}/out.onnx", STEPS))
    assert data.read_bytes() == content
    assert not (tmp_path / "out.onnx").exists()
