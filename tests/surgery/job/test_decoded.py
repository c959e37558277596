"""``surgery.decode=inside`` puts a graph into the bundle that gives what the bundle gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import postprocess
from postprocess.bundle import SCHEMA_FILE
from postprocess.errors import InputError
from surgery.decoding import require_same, with_decoding
from surgery.foreign.job import run as run_found
from surgery.graph.run import run

from ..conftest import Compose
from ..decoding.heads import decode, logits, maps


def network() -> onnx.ModelProto:
    """Three heads of one convolution each, for any size in steps of four pixels."""
    draw = np.random.default_rng(0)
    nodes, weights = [], []
    for name, channels in (("hm", 2), ("wh", 2), ("feature", 4)):
        kernel = draw.normal(0, 1, (channels, 3, 4, 4)).astype(np.float32)
        kernel = abs(kernel) if name == "wh" else kernel  # sizes above 0
        weights.append(onnx.numpy_helper.from_array(kernel, f"{name}.weight"))
        nodes.append(helper.make_node("Conv", ["image", f"{name}.weight"], [name], strides=[4, 4]))
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "network",
        [port("image", 1, ["batch", 3, "h", "w"])],
        [port(n, 1, ["batch", c, "y", "x"]) for n, c in (("hm", 2), ("wh", 2), ("feature", 4))],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_network_with_its_decoding_gives_what_the_decoder_gives() -> None:
    model, decoder = network(), {"name": "ctdet"}
    decoded = with_decoding(model, decoder)
    onnx.checker.check_model(decoded, full_check=True)
    outputs = [value.name for value in decoded.graph.output]
    assert outputs == ["feature", "scores", "classes", "boxes", "count"]
    for shape in ((2, 3, 32, 48), (1, 3, 64, 32)):
        image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        found = run(decoded, {"image": image})
        assert require_same(decoder, run(model, {"image": image}), found).outputs["boxes"].max == 0


def test_a_wrong_row_is_found_out() -> None:
    heads = {"hm": logits(), "wh": maps(2, 0, 9)}
    found = decode({"name": "ctdet"}, heads)
    found["boxes"][1, 3] += 1
    with pytest.raises(InputError, match="boxes of the decoding in the graph differ"):
        require_same({"name": "ctdet"}, heads, found)
    found["count"][0] -= 1
    with pytest.raises(InputError, match="finds 99 instances, the decoder 100"):
        require_same({"name": "ctdet"}, heads, found)


def job(folder: Path, compose: Compose, *more: str) -> None:
    """Operate on a found graph, decoding inside, into folder/out."""
    path = folder / "found.onnx"
    onnx.save(network(), path)
    said = (f"model.path={path}", f"out={folder / 'out'}", "model.input.size=[64,64]")
    run_found(compose("model=onnx", *said, "surgery.decode=inside", *more))


def test_the_bundle_of_a_found_graph_lists_it_and_runs_as_before(
    tmp_path: Path, compose: Compose
) -> None:
    out = tmp_path / "out"
    job(
        tmp_path,
        compose,
        "model.cut=[hm,wh]",
        "model.decoder={name: ctdet, k: 7}",
        "model.input.scale=0.004",
        "model.runs=1",
        "surgery.safe=false",  # the passes run here, not in a child
    )
    document = json.loads((out / "bundle.json").read_text())
    assert set(document["graphs"]) == {"backbone"}
    assert document["decoded"]["file"] == "decoded.onnx"
    assert [each["name"] for each in document["decoded"]["outputs"]][-1] == "count"
    assert document["parity"]["decoder outside, inside the graph"]["instances"]["matched"] == 7
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))
    runtime = postprocess.load(out)
    image = postprocess.stages.read_arrays(out / "golden.npz")["image"]
    stages = runtime.run_stages(image)
    found = run(onnx.load(out / "decoded.onnx"), {"image": stages.input})
    np.testing.assert_allclose(found["boxes"][0], stages.instances.boxes, atol=1e-4)


def test_a_decoder_that_is_not_written_as_a_graph_is_refused_before_anything_is_written(
    tmp_path: Path, compose: Compose
) -> None:
    with pytest.raises(InputError, match="decoder 'snake_rcnn' is not written as a graph"):
        job(tmp_path, compose, "model.cut=[hm,wh,feature]", "model.decoder={name: snake_rcnn}")
    assert not (tmp_path / "out").exists()
