"""Run times open a graph, keep its names, shapes and layout, and say so when they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError
from surgery.graph.run import random_feeds
from surgery.support.child import StepError
from surgery.targets.registry import load_target, target_names
from surgery.targets.runtimes import RUNTIMES
from surgery.targets.trial import attempt

NAMES = RUNTIMES.names()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of two outputs, one with a bare activation: image -> heat, half."""
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((5, 3, 3, 3)).astype(np.float32)
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "w"], ["heat"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["heat"], ["positive"]),
            helper.make_node(
                "MaxPool", ["positive"], ["half"], kernel_shape=[2, 2], strides=[2, 2]
            ),
        ],
        "plain",
        [port("image", TensorProto.FLOAT, [1, 3, 8, 12])],
        [
            port("heat", TensorProto.FLOAT, [1, 5, 8, 12]),
            port("half", TensorProto.FLOAT, [1, 5, 4, 6]),
        ],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = tmp_path_factory.mktemp("plain") / "plain.onnx"
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_runtime_gives_the_graphs_own_outputs(name: str, plain: Path) -> None:
    runtime = RUNTIMES.get(name)
    if runtime.version() is None:
        pytest.skip(f"{name} is not installed: {runtime.install}")
    trial = attempt(name, plain, random_feeds(onnx.load(str(plain))), runs=5)
    # 27 products of float32: a few units in the last place of the largest value
    assert trial.relative <= 1e-5
    assert trial.difference <= 1e-5 * trial.scale
    assert trial.runtime == f"{name} {runtime.version()}"
    assert trial.seconds > 0
    assert trial.reference_seconds > 0


@pytest.mark.parametrize("name", NAMES)
def test_runtime_that_is_missing_says_what_to_install(
    name: str, plain: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runtime = RUNTIMES.get(name)
    monkeypatch.setattr(type(runtime), "version", lambda self: None)
    with pytest.raises(InputError, match="is not installed") as caught:
        runtime.load(plain, 1)
    assert runtime.install in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_operator_that_no_runtime_has_is_refused_by_file_in_one_line(
    name: str, tmp_path: Path
) -> None:
    if RUNTIMES.get(name).version() is None:
        pytest.skip(f"{name} is not installed: {RUNTIMES.get(name).install}")
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Special", ["x"], ["y"], domain="my.ops", name="special")],
        "g",
        [port("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [port("y", TensorProto.FLOAT, [1, 4, 8, 8])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my.ops", 1)]
    path = tmp_path / "special.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    with pytest.raises(StepError, match=r"special\.onnx") as caught:
        attempt(name, path, {"x": np.zeros((1, 4, 8, 8), np.float32)}, runs=5)
    assert "\n" not in str(caught.value)


def test_targets_name_only_runtimes_that_exist() -> None:
    named = {load_target(name).runtime for name in target_names()} - {""}
    assert named <= set(NAMES)
    assert {"onnxruntime", "openvino", "opencv", "litert"} <= named


def test_web_package_in_this_pythons_environment_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SURGERY_NODE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.which", lambda program: program)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))
    assert RUNTIMES.get("onnxruntime-web").version() is None
    package = tmp_path / "environment" / "lib" / "node_modules" / "onnxruntime-web"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1.2.3"}')
    assert RUNTIMES.get("onnxruntime-web").version() == "1.2.3"
