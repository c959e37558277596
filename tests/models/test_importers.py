"""Weights come in from ncnn, ONNX and Paddle files, as found and in every form they occur in."""

from __future__ import annotations

import os
import pickle
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from models.checkpoints.ncnn import FLOAT16_TAG, is_ncnn, read_ncnn
from models.checkpoints.paddle import is_pickle, read_paddle
from models.errors import CheckpointError
from models.tinypose import TinyPose, plugin
from surgery.network.paddle2onnx import is_onnx, read_convolutions

SIZE = "128x96"
# BatchNorm unfolded in float32 and applied again: one rounding a layer, over 269 layers
UNFOLDED = 1e-4


@pytest.fixture(scope="module")
def ncnn(reference: Path) -> Path:
    return reference / "tinypose" / f"tinypose_{SIZE}.param"


@pytest.fixture(scope="module")
def graph_file(reference: Path) -> Path:
    return reference / "tinypose" / f"tinypose_{SIZE}.onnx"


@pytest.fixture(scope="module")
def expected(ncnn: Path) -> TinyPose:
    network = plugin.build({})
    plugin.load(network, ncnn)
    return network


def heatmap(network: TinyPose) -> Tensor:
    image = torch.randn(1, 3, 128, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        result: Tensor = network(image)
    return result


def copied(ncnn: Path, folder: Path) -> Path:
    for suffix in (".param", ".bin"):
        shutil.copyfile(ncnn.with_suffix(suffix), folder / f"model{suffix}")
    return folder / "model.param"


def assert_refused(message: str, read: Any, path: Path) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert path.stem in str(caught.value)


# ncnn


def test_ncnn_is_known_by_content_and_by_either_of_its_files(ncnn: Path, tmp_path: Path) -> None:
    assert is_ncnn(ncnn)
    assert is_ncnn(ncnn.with_suffix(".bin"))
    (tmp_path / "weights.bin").write_bytes(b"\0" * 8)
    assert not is_ncnn(tmp_path / "weights.bin")
    assert len(read_ncnn(ncnn.with_suffix(".bin"))) == 269


def test_float32_weights_of_ncnn_read_like_float16_ones(ncnn: Path, tmp_path: Path) -> None:
    path = copied(ncnn, tmp_path)
    halves = read_ncnn(ncnn)
    data = b""
    for conv in halves:
        assert conv.bias is not None
        data += np.uint32(0).tobytes() + conv.weight.tobytes() + conv.bias.tobytes()
    path.with_suffix(".bin").write_bytes(data)
    for single, half in zip(read_ncnn(path), halves, strict=True):
        assert np.array_equal(single.weight, half.weight)


def test_batch_norm_of_ncnn_is_taken_with_its_convolution(
    ncnn: Path, tmp_path: Path, expected: TinyPose
) -> None:
    path = copied(ncnn, tmp_path)
    convs = read_ncnn(ncnn)
    rng = np.random.default_rng(0)
    lines = path.read_text().splitlines()
    data, written, number = b"", [], 0
    for line in lines[2:]:
        words = line.split()
        if not words[0].startswith("Convolution") or number == len(convs) - 1:
            written.append(line)
            continue
        # scale the kernel up and let a BatchNorm scale the result down again
        conv, number = convs[number], number + 1
        scale = rng.uniform(0.5, 2, len(conv.weight)).astype(np.float32)
        top, flags = words[5], [w for w in words[6:] if w.split("=")[0] not in ("5", "9")]
        relu = "9=1" in words
        written.append(" ".join([*words[:5], f"{top}_conv", *flags, "5=0"]))
        norm_top = f"{top}_norm" if relu else top
        written.append(f"BatchNorm {words[1]}_bn 1 1 {top}_conv {norm_top} 0={len(scale)} 1=1e-05")
        if relu:
            written.append(f"ReLU {words[1]}_relu 1 1 {norm_top} {top}")
        data += np.uint32(0).tobytes() + (conv.weight * scale[:, None, None, None]).tobytes()
        variance = np.full_like(scale, 4.0 - 1e-5)
        slope, mean, bias = 2 / scale, np.zeros_like(scale), conv.bias
        assert bias is not None
        data += b"".join(array.tobytes() for array in (slope, mean, variance, bias))
    last = convs[-1]
    assert last.bias is not None
    data += np.uint32(0).tobytes() + last.weight.tobytes() + last.bias.tobytes()
    path.write_text("\n".join([*lines[:2], *written]))
    path.with_suffix(".bin").write_bytes(data)
    network = plugin.build({})
    plugin.load(network, path)
    assert not torch.equal(
        network.backbone.stem.conv1.conv.weight, expected.backbone.stem.conv1.conv.weight
    )
    torch.testing.assert_close(heatmap(network), heatmap(expected), atol=UNFOLDED, rtol=0)


def test_a_damaged_or_foreign_ncnn_file_is_one_clear_line(ncnn: Path, tmp_path: Path) -> None:
    path = copied(ncnn, tmp_path)
    weights = path.with_suffix(".bin")
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    assert_refused("too early", read_ncnn, path)
    weights.write_bytes(whole + b"1234")
    assert_refused("4 bytes left after the last layer", read_ncnn, path)
    assert int.from_bytes(whole[:4], "little") == FLOAT16_TAG
    weights.write_bytes(b"\x01\x02\x03\x04" + whole[4:])
    assert_refused("tag 0x04030201, neither float16", read_ncnn, path)
    weights.unlink()
    assert_refused("needs its weights beside it", read_ncnn, path)
    path.write_text(path.read_text().replace("0=32", "0-32", 1))
    weights.write_bytes(whole)
    assert_refused("cannot read the layer", read_ncnn, path)
    path.write_text("nothing of the kind")
    assert_refused("is not an ncnn .param text file", read_ncnn, path)


def test_another_network_is_refused_and_nothing_is_loaded(ncnn: Path, tmp_path: Path) -> None:
    path = copied(ncnn, tmp_path)
    network = plugin.build({})
    before = {key: value.clone() for key, value in network.state_dict().items()}
    # a convolution is fed from elsewhere, with a map of the same shape: only the wiring tells
    text = path.read_text()
    path.write_text(text.replace("split_1.tmp_1 relu_6.tmp_0", "split_0.tmp_1 relu_6.tmp_0"))
    with pytest.raises(CheckpointError, match=r"input from the convolutions \[0\], but .* \[7\]"):
        plugin.load(network, path)
    # one convolution less
    kept = [line for line in text.splitlines() if " Conv_268 " not in line]
    path.write_text("\n".join(kept))
    weights = path.with_suffix(".bin").read_bytes()
    path.with_suffix(".bin").write_bytes(weights[: -(4 + 2 * 17 * 40 + 4 * 17)])
    with pytest.raises(CheckpointError, match="268 convolutions, but TinyPose has 269"):
        plugin.load(network, path)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_other_widths_are_refused_with_both_shapes(ncnn: Path) -> None:
    narrow = plugin.build({"widths": [20, 40, 80, 160], "stem": 16})
    with pytest.raises(CheckpointError, match=r"\(32, 3, 3, 3\), but .* expects \(16, 3, 3, 3\)"):
        plugin.load(narrow, ncnn)


# ONNX


def loaded(path: Path) -> TinyPose:
    network = plugin.build({})
    assert plugin.load_convolutions(network, read_convolutions(path), path) == []
    return network


@pytest.mark.parametrize("size", ["128x96", "256x192"])
def test_an_onnx_file_gives_what_its_ncnn_twin_gives(reference: Path, size: str) -> None:
    path = reference / "tinypose" / f"tinypose_{size}.onnx"
    assert is_onnx(path)
    twin = plugin.build({})
    plugin.load(twin, path.with_suffix(".param"))
    own = loaded(path).state_dict()
    for key, value in twin.state_dict().items():
        assert torch.equal(own[key], value), key


def test_an_onnx_file_is_known_by_content_under_another_name(
    graph_file: Path, ncnn: Path, tmp_path: Path
) -> None:
    shutil.copyfile(graph_file, tmp_path / "weights")
    assert is_onnx(tmp_path / "weights")
    torch.save({"x": torch.zeros(1)}, tmp_path / "model.pth")
    (tmp_path / "begins").write_bytes(b"\x08" + bytes(40))
    others = (ncnn, ncnn.with_suffix(".bin"), tmp_path / "model.pth", tmp_path / "begins", tmp_path)
    assert not any(map(is_onnx, others))


def rewritten(path: Path, target: Path) -> onnx.ModelProto:
    """The graph with BatchNorm unfolded, weights as Constant nodes, names drifted, bias as Add."""
    model = onnx.load(str(path))
    graph = model.graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, value: np.ndarray) -> str:
        tensor = numpy_helper.from_array(value)
        nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        return name

    convs = [node for node in graph.node if node.op_type == "Conv"]
    for number, node in enumerate(graph.node):
        if node.op_type != "Conv":
            for name in node.input:
                if name in weights and weights[name].dtype == np.int64:
                    nodes.append(
                        helper.make_node(
                            "Constant", [], [name], value=numpy_helper.from_array(weights[name])
                        )
                    )
                    weights.pop(name)
            nodes.append(node)
            continue
        kernel, bias = weights[node.input[1]], weights[node.input[2]]
        top, name = node.output[0], f"p2o.{number}"
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        x = node.input[0]
        if node is convs[-1]:
            inputs = [x, constant(f"{name}.w", kernel)]
            nodes.append(helper.make_node("Conv", inputs, [f"{name}.y"], **attributes))
            shaped = constant(f"{name}.b", bias.reshape(1, -1, 1, 1))
            nodes.append(helper.make_node("Add", [f"{name}.y", shaped], [top]))
            continue
        scale = rng.uniform(0.5, 2, len(kernel)).astype(np.float32)
        mean = rng.standard_normal(len(kernel)).astype(np.float32)
        inputs = [x, constant(f"{name}.w", kernel * scale[:, None, None, None])]
        nodes.append(helper.make_node("Conv", inputs, [f"{name}.y"], **attributes))
        parts = {
            "scale": 2 / scale,
            "shift": bias + mean * 2 / scale / 2,
            "mean": mean,
            "var": np.full_like(scale, 4 - 1e-3),
        }
        arrays = [constant(f"{name}.{part}", value) for part, value in parts.items()]
        nodes.append(
            helper.make_node("BatchNormalization", [f"{name}.y", *arrays], [top], epsilon=1e-3)
        )
    del graph.node[:], graph.initializer[:], graph.input[1:]
    graph.node.extend(nodes)
    onnx.save(model, str(target))
    return model


def test_constants_unfolded_batch_norm_and_a_bias_by_add_read_the_same(
    graph_file: Path, tmp_path: Path, expected: TinyPose
) -> None:
    rewritten(graph_file, tmp_path / "other.onnx")
    network = loaded(tmp_path / "other.onnx")
    assert torch.equal(network.final_conv.bias, expected.final_conv.bias)
    assert (network.backbone.stem.conv1.norm.running_mean != 0).all()
    torch.testing.assert_close(heatmap(network), heatmap(expected), atol=UNFOLDED, rtol=0)


def test_a_file_that_is_no_onnx_or_computes_its_weights_is_one_clear_line(
    graph_file: Path, tmp_path: Path
) -> None:
    assert_refused("cannot read", read_convolutions, tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("nothing of the kind")
    assert_refused("is not an ONNX file", read_convolutions, tmp_path / "text.onnx")
    model = onnx.load(str(graph_file))
    model.graph.node[0].input[1] = "image"
    onnx.save(model, str(tmp_path / "computed.onnx"))
    assert_refused("is computed in the graph", read_convolutions, tmp_path / "computed.onnx")


# Paddle


def paddle_state(network: TinyPose) -> OrderedDict[str, Any]:
    state: OrderedDict[str, Any] = OrderedDict()
    for key, value in network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            name = key.replace("running_mean", "_mean").replace("running_var", "_variance")
            state[name] = value.numpy()
    state["StructuredToParameterName@@"] = {name: f"conv2d_{i}" for i, name in enumerate(state)}
    return state


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pdparams_of_every_pickle_protocol_load_by_name(
    protocol: int, expected: TinyPose, tmp_path: Path
) -> None:
    path = tmp_path / "tinypose.pdparams"
    path.write_bytes(pickle.dumps(paddle_state(expected), protocol=protocol))
    assert is_pickle(path)
    network = plugin.build({})
    assert plugin.load(network, path) == []
    assert torch.equal(heatmap(network), heatmap(expected))


class Harmful:
    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("nested", [False, True])
def test_pdparams_that_call_code_are_refused_before_they_run(
    nested: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pdparams"
    harmful: object = np.array([Harmful()], dtype=object) if nested else Harmful()
    path.write_bytes(pickle.dumps({"weight": harmful}))
    assert_refused(r"asks for \w+.mkdir|type 'O8', and only numbers", read_paddle, path)
    assert not (tmp_path / "harm").exists()


def test_pdparams_with_other_content_are_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "other.pdparams"
    assert_refused("cannot read", read_paddle, path)
    for content, message in (
        ([1, 2], "holds a list, expected a dict"),
        ({"epoch": 3}, "epoch is int, expected a numpy array"),
        ({"x": np.array(["text"])}, "type 'U4', and only numbers are allowed"),
        ({"UnpackBigParamInfor@@": {}}, "arrays in pieces"),
    ):
        path.write_bytes(pickle.dumps(content))
        assert_refused(message, read_paddle, path)
    path.write_bytes(pickle.dumps({"x": np.zeros(1000)})[:-50])
    assert_refused("cannot read .* as Paddle weights", read_paddle, path)
