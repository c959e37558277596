"""A found graph becomes a bundle that gives what the graph gave, decoded outside of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

import postprocess
from postprocess.errors import InputError
from surgery.graph.run import run
from surgery.support.ledger import Ledger

from .conftest import Operate, manifest
from .graphs import SIDE, STRIDE, centernet, plain

# Float32 rounding of heads of size 10 and less, as the passes reorder sums: 5e-6 measured.
PIXELS = 1e-4
PLAIN = {
    "Conv", "ConvTranspose", "Resize", "Relu", "Clip", "Sigmoid", "Softplus", "Add", "Sub", "Mul",
}  # fmt: skip


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    """A wide picture, so that a letterbox pads it."""
    values = np.random.default_rng(5).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), 2), np.uint8)


def ctdet(**changes: Any) -> str:
    """The decoder of the contract's example, with changes."""
    given = {
        "name": "ctdet", "heatmap": "tensor/b:0", "size": "tensor/a:0", "offset": None,
        "box": "ltrb", "activation": "sigmoid", "stride": STRIDE, "size_unit": "input",
        "size_scale": 2.0, "center_shift": 0.0, "kernel": 3, "k": 20, "threshold": 0.05,
    }  # fmt: skip
    pairs = [f"{key}: {json.dumps(value)}" for key, value in {**given, **changes}.items()]
    return "model.decoder={" + ", ".join(pairs).replace('"', "'") + "}"


def boxes_of(
    heatmap: NDArray[np.float32], sizes: NDArray[np.float32], *, logits: bool
) -> NDArray[np.float64]:
    """CenterNet's decode written out pixel by pixel: (n, 6) score, class, box in input pixels."""
    scores = heatmap.astype(np.float64)
    if logits:
        scores = 1 / (1 + np.exp(-scores))
    rows = []
    for kind, y, x in np.ndindex(scores.shape):
        around = scores[kind, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        if scores[kind, y, x] == around.max() and scores[kind, y, x] >= 0.05:
            left, top, right, bottom = 2.0 * sizes[:, y, x].astype(np.float64)
            cx, cy = x * STRIDE, y * STRIDE
            box = [cx - left, cy - top, cx + right, cy + bottom]
            rows.append([scores[kind, y, x], kind, *box])
    return np.array(sorted(rows, key=lambda row: -row[0])[:20])  # ties by class, y, x


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("probabilities", [True, False])
def test_boxes_are_those_of_a_direct_decode_of_the_found_heads(
    layout: str, probabilities: bool, operate: Operate, picture: NDArray[np.uint8]
) -> None:
    model = centernet(layout=layout, probabilities=probabilities)
    decoder = ctdet(activation="none" if probabilities else "sigmoid")
    out = operate(
        model,
        "model.cut=['tensor/a:0','tensor/b:0']",
        f"model.input={{layout: {layout}, dtype: float32, color: rgb, scale: 1.0, mean: [0,0,0], "
        f"std: [1,1,1], size: [{SIDE},{SIDE}], resize: letterbox}}",
        decoder,
    )
    runtime = postprocess.load(out)
    tensor, transform = runtime.preprocess(picture)
    feed = tensor if layout == "nchw" else tensor.transpose(0, 2, 3, 1)
    heads = run(_with_heads(model), {"image:0": feed}, ["tensor/a:0", "tensor/b:0"])
    if layout == "nhwc":
        heads = {name: head.transpose(0, 3, 1, 2) for name, head in heads.items()}
    expected = boxes_of(heads["tensor/b:0"][0], heads["tensor/a:0"][0], logits=not probabilities)
    found = runtime(picture).instances
    assert len(expected) > 5
    assert len(found) == len(expected)
    assert [each.class_index for each in found] == expected[:, 1].astype(int).tolist()
    np.testing.assert_allclose([each.score for each in found], expected[:, 0], atol=1e-6)
    boxes = transform.to_image(expected[:, 2:].reshape(-1, 2, 2)).reshape(-1, 4)
    np.testing.assert_allclose([each.box for each in found], boxes, atol=PIXELS)


def _with_heads(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its heads among the outputs."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    for letter in "ab":
        copy.graph.output.add(name=f"tensor/{letter}:0").type.tensor_type.elem_type = 1
    return copy


@pytest.mark.parametrize("kind", [TensorProto.INT32, TensorProto.UINT8, TensorProto.FLOAT])
def test_channels_last_integers_become_nchw_float32_with_no_cast_or_transpose_left(
    kind: int, operate: Operate
) -> None:
    out = operate(
        centernet(dtype=kind), "model.cut=['tensor/a:0','tensor/b:0']", ctdet(), "target=portable"
    )
    graph = onnx.load(out / "backbone.onnx").graph
    assert {node.op_type for node in graph.node} <= PLAIN
    (image,) = manifest(out)["graphs"]["backbone"]["inputs"]
    assert image == {"name": "image:0", "dtype": "float32", "shape": [1, 3, SIDE, SIDE]}
    heads = {each["name"]: each["shape"] for each in manifest(out)["graphs"]["backbone"]["outputs"]}
    assert heads == {"tensor/a:0": [1, 4, 16, 16], "tensor/b:0": [1, 3, 16, 16]}


def test_cut_auto_gives_the_heads_that_the_decode_reads(operate: Operate) -> None:
    out = operate(
        centernet(probabilities=True), ctdet(heatmap="likely", size="sizes", activation="none")
    )
    outputs = manifest(out)["graphs"]["backbone"]["outputs"]
    assert sorted(each["name"] for each in outputs) == ["likely", "sizes"]


def test_a_node_s_name_stands_for_its_output_in_cut_and_decoder(operate: Operate) -> None:
    out = operate(
        centernet(), "model.cut=['node/sizes','node/hm']", ctdet(heatmap="node/hm", size="sizes")
    )
    decoder = manifest(out)["decoder"]
    assert (decoder["heatmap"], decoder["size"]) == ("hm", "sizes")


def test_the_operated_graph_and_its_decoder_go_by_other_names(operate: Operate) -> None:
    out = operate(
        centernet(),
        "model.cut=['node/sizes','node/hm']",
        "model.names={hm: heatmap, node/sizes: sizes_ltrb, image\\:0: image}",
        ctdet(heatmap="node/hm", size="sizes"),
    )
    document = manifest(out)
    backbone = document["graphs"]["backbone"]
    assert [each["name"] for each in backbone["inputs"]] == ["image"]
    assert [each["name"] for each in backbone["outputs"]] == ["sizes_ltrb", "heatmap"]
    decoder = document["decoder"]
    assert (decoder["heatmap"], decoder["size"]) == ("heatmap", "sizes_ltrb")
    assert max(postprocess.load(out).check_golden().values()) == 0.0


def test_a_name_that_is_not_cut_at_cannot_be_changed(operate: Operate) -> None:
    with pytest.raises(InputError, match="names 'tensor/c:0', which is not cut at; did you mean"):
        operate(
            centernet(),
            "model.cut=['tensor/a:0','tensor/b:0']",
            "model.names={tensor/c\\:0: x}",
            ctdet(),
        )


def test_the_bundle_is_whole_and_its_report_says_what_was_done(operate: Operate) -> None:
    cut = "model.cut=['tensor/a:0','tensor/b:0']"
    out = operate(centernet(), cut, ctdet(), "surgery.safe=null")  # passes in a child: the default
    assert {path.name for path in out.iterdir()} == {
        "bundle.json", "backbone.onnx", "golden.npz", "overlay.png", "report.html", "report.json",
    }  # fmt: skip
    report = json.loads((out / "report.json").read_text())
    assert {"found", "operated", "decoding", "speedup"} <= set(report["latency"])
    assert report["latency"]["found"]["median"] > 0
    ((_, parity),) = report["parity"].items()
    assert all(each["within"] for each in parity["outputs"].values())
    ledger = Ledger.from_json(manifest(out)["ledger"])
    done = {(entry.kind, entry.name, entry.where) for entry in ledger.fired()}
    assert {("cut", "cut", "tensor/a:0"), ("interface", "channels first", "image:0")} <= done
    assert ("pass", "transpose", "found") in done
    assert "Latency before and after" in (out / "report.html").read_text()


@pytest.mark.parametrize("activation", ["sigmoid", "none"])
def test_a_second_sigmoid_is_pointed_out(activation: str, operate: Operate) -> None:
    out = operate(
        centernet(probabilities=True),
        "model.cut=['tensor/a:0','tensor/b:0']",
        ctdet(activation=activation),
    )
    noted = [entry for entry in manifest(out)["ledger"] if entry["name"] == "activation"]
    assert [entry["where"] for entry in noted] == ["tensor/b:0"] * (activation == "sigmoid")


def test_golden_values_check_out(operate: Operate) -> None:
    out = operate(centernet(), "model.cut=['tensor/a:0','tensor/b:0']", ctdet())
    assert max(postprocess.load(out).check_golden().values()) == 0.0


def test_an_open_batch_and_open_sizes_follow_the_picture(
    operate: Operate, picture: NDArray[np.uint8]
) -> None:
    model = plain(("batch", 3, "height", "width"))
    out = operate(model, "input.batch=null", "model.input.multiple=16")
    (image,) = manifest(out)["graphs"]["backbone"]["inputs"]
    assert image["shape"] == ["batch", 3, "height", "width"]
    runtime = postprocess.load(out)
    tensor, _ = runtime.preprocess(picture)
    assert tensor.shape == (1, 3, 48, 80)
    two = runtime.heads(np.concatenate([tensor, tensor[..., ::-1]]))
    expected = run(model, {"image": tensor})
    for name, head in expected.items():
        np.testing.assert_allclose(two[name][:1], head, rtol=1e-5, atol=1e-4)


def test_an_open_batch_is_one_and_open_sizes_are_fixed_on_request(operate: Operate) -> None:
    out = operate(plain((0, 3, "height", "width")), "model.input.size=[32,48]")
    inputs, outputs = (manifest(out)["graphs"]["backbone"][key] for key in ("inputs", "outputs"))
    assert inputs[0]["shape"] == [1, 3, 32, 48]
    assert [each["shape"] for each in outputs] == [[1, 3, 8, 12], [1, 2, 8, 12]]


def test_a_fixed_batch_of_a_found_graph_stays(operate: Operate, picture: NDArray[np.uint8]) -> None:
    out = operate(plain((4, 3, SIDE, SIDE)))
    assert manifest(out)["graphs"]["backbone"]["inputs"][0]["shape"] == [4, 3, SIDE, SIDE]
    postprocess.load(out)(picture)


def test_half_precision_inside_is_float32_outside(operate: Operate) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    out = operate(convert_float_to_float16(plain()))
    for kind in ("inputs", "outputs"):
        for each in manifest(out)["graphs"]["backbone"][kind]:
            assert each["dtype"] == "float32"


def test_weights_listed_as_inputs_are_freed(operate: Operate) -> None:
    model = plain()
    for tensor in model.graph.initializer:
        model.graph.input.add().CopyFrom(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    out = operate(model)
    assert [value.name for value in onnx.load(out / "backbone.onnx").graph.input] == ["image"]


def test_movenet_gives_the_keypoints_of_its_own_graph(reference: Path, operate: Operate) -> None:
    out = operate(
        reference / "movenet" / "movenet_lightning.onnx", "model=movenet", "target=portable"
    )
    graph = onnx.load(out / "backbone.onnx").graph
    assert {node.op_type for node in graph.node} <= PLAIN
    runtime = postprocess.load(out)
    expected = np.load(reference / "movenet" / "keypoints.npz")
    photos = sorted({name.partition(".")[0] for name in expected})
    for photo in photos:
        image = expected[f"{photo}.input_rgb"][..., ::-1]
        (person,) = runtime(np.ascontiguousarray(image)).instances
        assert person.keypoints is not None
        x, y, score = person.keypoints.T
        relative = np.stack([y / image.shape[0], x / image.shape[1], score], axis=1)
        np.testing.assert_allclose(relative, expected[f"{photo}.keypoints"][0, 0], atol=1e-4)


def test_tinypose_is_cut_at_the_heatmap_that_ncnn_gives(reference: Path, operate: Operate) -> None:
    folder = reference / "tinypose"
    out = operate(
        folder / "tinypose_128x96.onnx",
        "model.decoder={name: keypoints, heatmap: conv2d_441.tmp_1, stride: 4}",
        "model.input={scale: 0.00392156862745098, mean: [0.485,0.456,0.406], "
        "std: [0.229,0.224,0.225], resize: stretch}",
    )
    backbone = manifest(out)["graphs"]["backbone"]
    assert [each["name"] for each in backbone["outputs"]] == ["conv2d_441.tmp_1"]
    assert [each["name"] for each in backbone["inputs"]] == ["image"]
    runtime = postprocess.load(out)
    expected = np.load(folder / "heatmaps_128x96.npz")
    for photo in sorted({name.partition(".")[0] for name in expected}):
        tensor, _ = runtime.preprocess(expected[f"{photo}.crop"])
        heatmap = runtime.heads(tensor)["conv2d_441.tmp_1"][0]
        np.testing.assert_allclose(heatmap, expected[f"{photo}.heatmap"], atol=1e-4)
