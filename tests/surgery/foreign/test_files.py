"""What can be wrong with a file that somebody else exported is handled, or told in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import postprocess
from postprocess.errors import InputError
from surgery.foreign.source import Found
from surgery.graph.run import run
from surgery.graph.weights import place_of

from .conftest import Operate, manifest
from .graphs import SIDE, Builder, plain, port, trunk


def refusal(action: Callable[[], object]) -> str:
    """The one line of a refusal."""
    with pytest.raises(InputError) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line
    return line


def external(folder: Path, location: str = "weights.bin") -> Path:
    """The plain graph with its weights in a file beside it."""
    path = folder / "external.onnx"
    onnx.save(plain(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())
    return path


def with_input(model: onnx.ModelProto, name: str, shape: list[int]) -> onnx.ModelProto:
    model.graph.input.append(port(name, shape))
    return model


def branching(inside_network: bool) -> onnx.ModelProto:
    """A graph whose If stands before or behind the head ``hm``; its branches capture a tensor."""
    build = Builder()
    feature = trunk(build, "image")
    captured = feature if inside_network else "hm"
    branches = {
        f"{branch}_branch": helper.make_graph(
            [helper.make_node(kind, [captured], [branch])],
            branch,
            [],
            [port(branch, [1, 8 if inside_network else 3, SIDE // 4, SIDE // 4])],
        )
        for branch, kind in (("then", "Relu"), ("else", "Abs"))
    }
    if not inside_network:
        build.conv(feature, (8, 3), "hm")
    mean = build.node("ReduceMean", [captured], "mean", keepdims=0)
    above = build.node("Greater", [mean, build.weight(np.float32(1e3), "limit")], "above")
    build.nodes.append(helper.make_node("If", [above], ["chosen"], name="choose", **branches))
    if inside_network:
        build.conv("chosen", (8, 3), "hm")
    build.conv(feature, (8, 2), "wh")
    outputs = [port("hm" if inside_network else "chosen", [1, 3, SIDE // 4, SIDE // 4])]
    return build.model(
        [port("image", [1, 3, SIDE, SIDE])], [*outputs, port("wh", [1, 2, SIDE // 4, SIDE // 4])]
    )


def looping() -> onnx.ModelProto:
    """A graph that doubles its heatmap three times in a Loop that captures nothing."""
    build = Builder()
    feature = trunk(build, "image")
    build.conv(feature, (8, 3), "hm")
    build.conv(feature, (8, 2), "wh")
    sides = [1, 3, SIDE // 4, SIDE // 4]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["goes_on"]),
            helper.make_node("Add", ["state", "state"], ["doubled"]),
        ],
        "body",
        [
            port("count", [], TensorProto.INT64),
            port("go", [], TensorProto.BOOL),
            port("state", sides),
        ],
        [port("goes_on", [], TensorProto.BOOL), port("doubled", sides)],
    )
    times = build.weight(np.int64(3), "times")
    loop = helper.make_node("Loop", [times, "", "hm"], ["more"], name="repeat", body=body)
    build.nodes.append(loop)
    return build.model(
        [port("image", [1, 3, SIDE, SIDE])],
        [port("more", sides), port("wh", [1, 2, SIDE // 4, SIDE // 4])],
    )


def test_weights_in_a_file_beside_the_model_are_read(operate: Operate, tmp_path: Path) -> None:
    bundle = operate(external(tmp_path))
    graph = onnx.load(bundle / "backbone.onnx", load_external_data=False).graph
    assert all(tensor.data_location != TensorProto.EXTERNAL for tensor in graph.initializer)


def test_missing_and_truncated_weights_are_told(tmp_path: Path) -> None:
    path = external(tmp_path)
    data = tmp_path / "weights.bin"
    data.write_bytes(data.read_bytes()[:100])
    assert "weights.bin is truncated" in refusal(lambda: Found(path))
    data.write_bytes(b"")
    assert "weights.bin is truncated" in refusal(lambda: Found(path))
    data.unlink()
    assert "weights.bin, which is not beside it" in refusal(lambda: Found(path))


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "a/../../secret.bin"])
def test_weights_outside_of_the_model_s_folder_are_not_read(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(100_000))
    folder = tmp_path / "folder"
    folder.mkdir()
    path = external(folder, location)
    assert "outside of its own folder: refused" in refusal(lambda: Found(path))


def test_a_weight_that_is_not_as_long_as_its_shape_says_is_told(tmp_path: Path) -> None:
    path = external(tmp_path)
    model = onnx.load(path, load_external_data=False)
    weight = model.graph.initializer[0]
    weight.dims[0] += 1
    path.write_bytes(model.SerializeToString())
    line = refusal(lambda: Found(path))
    assert f"weight {weight.name!r} of shape" in line
    assert "the file says" in line


def test_a_link_out_of_the_model_s_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = external(folder)
    (folder / "weights.bin").rename(tmp_path / "secret.bin")
    (folder / "weights.bin").symlink_to(tmp_path / "secret.bin")
    assert "its weights cannot be read" in refusal(lambda: Found(path))


def test_more_weights_than_a_graph_in_memory_can_hold_stay_in_their_file(tmp_path: Path) -> None:
    path = external(tmp_path)
    model = onnx.load(path, load_external_data=False)
    with (tmp_path / "weights.bin").open("r+b") as file:
        file.truncate(2**31 + 4)  # a hole on the disk
    first = model.graph.initializer[0]
    del first.dims[:], first.external_data[:]
    first.dims.append(2**29 + 1)
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", str(2**31 + 4))):
        first.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    model = Found(path).model
    assert place_of(model.graph.initializer[0]) == (tmp_path / "weights.bin", 0)
    assert model.ByteSize() < 100_000


def test_a_constant_s_value_outside_of_the_model_s_folder_is_not_read(tmp_path: Path) -> None:
    model = plain()
    value = onnx.TensorProto(data_type=TensorProto.FLOAT, dims=[4], name="value")
    value.data_location = TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../secret.bin")
    model.graph.node.append(helper.make_node("Constant", [], ["secret"], value=value))
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (folder / "found.onnx").write_bytes(model.SerializeToString())
    assert refusal(lambda: Found(folder / "found.onnx"))


def test_what_is_no_onnx_model_is_told(tmp_path: Path) -> None:
    whole = plain().SerializeToString()
    path = tmp_path / "found.onnx"
    for content, told in [
        (b"", "is empty"),
        (b"PK\x03\x04" + bytes(40), "zip archive"),
        (b"not an onnx file at all", "not an ONNX model"),
        (whole[: len(whole) // 2], "only a part of one"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "holds no graph"),
    ]:
        path.write_bytes(content)
        assert told in refusal(lambda: Found(path))
    assert "cannot read" in refusal(lambda: Found(tmp_path / "missing.onnx"))


def test_a_second_input_behind_the_cut_is_left_out(operate: Operate) -> None:
    model = with_input(plain(outputs=("hm", "moved")[:1]), "shift", [2, 1, 1])
    model.graph.node.append(helper.make_node("Add", ["wh", "shift"], ["moved"], name="move"))
    model.graph.output.append(port("moved", [1, 2, SIDE // 4, SIDE // 4]))
    bundle = operate(model, "model.cut=[hm,wh]")
    assert [each["name"] for each in manifest(bundle)["graphs"]["backbone"]["inputs"]] == ["image"]


def test_a_second_input_before_the_cut_is_refused(operate: Operate) -> None:
    model = with_input(plain(), "shift", [3, 1, 1])
    model.graph.node.insert(0, helper.make_node("Add", ["image", "shift"], ["moved"]))
    model.graph.node[1].input[0] = "moved"
    line = refusal(lambda: operate(model, "model.cut=[hm,wh]"))
    assert "needs 2 inputs ('image', 'shift'), expected one picture" in line


def test_a_graph_that_takes_no_picture_is_refused(operate: Operate) -> None:
    model = plain()
    model.graph.input[0].CopyFrom(port("image", [1, 5, SIDE, SIDE]))
    line = refusal(lambda: operate(model))
    assert "expected one image input of shape (N,3,H,W) or (N,H,W,3)" in line
    assert f"'image' float32 (1,5,{SIDE},{SIDE})" in line


@pytest.fixture
def picture() -> NDArray[np.float32]:
    noise = np.random.default_rng(3).standard_normal((1, 3, SIDE, SIDE))
    return noise.astype(np.float32)


def test_an_if_in_the_network_stays_and_gives_what_it_gave(
    operate: Operate, picture: NDArray[np.float32]
) -> None:
    model = branching(inside_network=True)
    bundle = operate(model)
    heads = postprocess.load(bundle).heads(picture)
    for name, expected in run(model, {"image": picture}).items():
        np.testing.assert_allclose(heads[name], expected, atol=1e-5)


@pytest.mark.parametrize("model", [branching(inside_network=False), looping()])
def test_an_if_or_a_loop_behind_the_heads_is_cut_off(
    model: onnx.ModelProto, operate: Operate
) -> None:
    bundle = operate(model)  # cut=auto
    graph = onnx.load(bundle / "backbone.onnx").graph
    assert not {node.op_type for node in graph.node} & {"If", "Loop"}
    assert {value.name for value in graph.output} == {"hm", "wh"}


def test_a_broken_graph_is_refused_before_anything_is_written(
    operate: Operate, tmp_path: Path
) -> None:
    model = plain()
    weight = model.graph.initializer.pop(0)
    assert f"reads {weight.name!r}, which nothing makes" in refusal(lambda: operate(model))
    model = plain()
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]  # a cycle
    assert "is made only behind it" in refusal(lambda: operate(model))
    model = plain()
    model.graph.node.append(model.graph.node[0])  # makes the same tensor again
    assert "not valid" in refusal(lambda: operate(model))
    assert not (tmp_path / "bundle").exists()


def test_an_operator_that_onnx_runtime_lacks_is_refused_before_the_cut_and_fine_behind_it(
    operate: Operate,
) -> None:
    model = plain()
    model.opset_import.append(helper.make_opsetid("vendor", 1))
    nms = helper.make_node("BatchedNMS", ["hm", "wh"], ["kept"], domain="vendor", name="nms")
    model.graph.node.append(nms)
    del model.graph.output[:]
    model.graph.output.append(port("kept", [1, 5]))
    bundle = operate(model)
    assert {v.name for v in onnx.load(bundle / "backbone.onnx").graph.output} == {"hm", "wh"}
    assert "not timed" in (bundle / "report.html").read_text()
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type, relu.domain = "Swish9", "vendor"
    assert "ONNX Runtime cannot run graph" in refusal(lambda: operate(model))
