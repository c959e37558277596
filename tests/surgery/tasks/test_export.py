"""The main job on the demo network: what the bundle holds, and that it is right."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import postprocess
from surgery.config.run import Config
from surgery.tasks.export import run

PLAIN_OPERATORS = {"Conv", "ConvTranspose", "Relu", "Add", "Concat", "MaxPool"}
EXACT = ["native", "decomposed", "keep"]
# a job whose verdict is not looked at
QUICK = ("surgery.compare=[]", "surgery.pictures=1", "surgery.judge.count=1")


def mask_iou(contour: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [np.round(contour - 0.5).astype(np.int32)], 1)
    return float((mask & (drawn > 0)).sum() / (mask | (drawn > 0)).sum())


def operators(path: Path) -> set[str]:
    return {node.op_type for node in onnx.load(path).graph.node}


@pytest.fixture(scope="module")
def bundles() -> dict[tuple[str, ...], Path]:
    """Bundles by the overrides that made them, so that each is made once."""
    return {}


@pytest.fixture
def bundle(compose, bundles, tmp_path_factory):  # type: ignore[no-untyped-def]
    def make(*overrides: str) -> Path:
        if overrides not in bundles:
            out = tmp_path_factory.mktemp("bundle")
            config: Config = compose(*overrides, f"out={out}")
            run(config)
            bundles[overrides] = out
        return bundles[overrides]

    return make


def test_the_default_bundle_holds_what_the_design_lists(bundle) -> None:  # type: ignore[no-untyped-def]
    names = {path.name for path in bundle().iterdir()}
    assert names == {
        "backbone.onnx",
        "bundle.json",
        "golden.npz",
        "overlay.png",
        "refine.onnx",
        "report.html",
        "report.json",
    }


def test_the_bundle_gives_its_own_golden_values_again(bundle) -> None:  # type: ignore[no-untyped-def]
    differences = postprocess.load(bundle()).check_golden()
    assert differences
    assert max(differences.values()) == 0.0  # the same machine, run time and threads


def test_the_demo_network_finds_every_object_of_its_scene(bundle) -> None:  # type: ignore[no-untyped-def]
    from surgery.network.pictures import SCENE_SEED
    from surgery.scenes import DOMAINS, draw

    scene = draw(SCENE_SEED, 0)
    found = postprocess.load(bundle("surgery.dcn=native", *QUICK))(scene.image)
    labels = tuple(DOMAINS["shapes"].classes)
    sure = [instance for instance in found.instances if instance.score >= 0.3]
    for truth in scene.instances:
        same = [each.contour for each in sure if each.label == labels[truth.label]]
        assert max(mask_iou(contour, truth.mask) for contour in same) > 0.7


def test_the_first_run_needs_no_fitting_and_gives_plain_convolutions(bundle) -> None:  # type: ignore[no-untyped-def]
    report = json.loads((bundle() / "report.json").read_text())
    assert report["strategy"]["name"] == "distilled"
    assert "weights" in report["fit"]["source"]
    assert report["fit"]["source"].startswith("found in")
    assert operators(bundle() / "backbone.onnx") == PLAIN_OPERATORS
    assert report["audit"]["ok"]
    assert report["audit"]["partitions"] == [report["audit"]["nodes"]]


def test_the_report_times_a_picture_from_end_to_end(bundle) -> None:  # type: ignore[no-untyped-def]
    timed = json.loads((bundle() / "report.json").read_text())["end_to_end"]
    scores = np.load(bundle() / "golden.npz")["detection"][:, 2]
    assert timed["instances"] == len(scores)
    assert timed["sure"] == (scores >= timed["sure_threshold"]).sum() < len(scores)
    assert set(timed["ms"]) == {"preprocess", "backbone", "decode and refine", "all"}
    assert timed["sure_ms"] > 0
    assert "Latency from picture to result" in (bundle() / "report.html").read_text()


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_plain_convolutions_leave_only_plain_operators(bundle, exporter: str) -> None:  # type: ignore[no-untyped-def]
    folder = bundle("surgery.dcn=plain", f"surgery.exporter={exporter}", *QUICK)
    assert operators(folder / "backbone.onnx") == PLAIN_OPERATORS


def test_no_graph_samples_a_grid(bundle) -> None:  # type: ignore[no-untyped-def]
    for name in ("backbone.onnx", "refine.onnx"):
        assert "GridSample" not in operators(bundle() / name)


def test_weights_are_initializers_and_not_inputs(bundle) -> None:  # type: ignore[no-untyped-def]
    for name in ("backbone.onnx", "refine.onnx"):
        graph = onnx.load(bundle() / name).graph
        weights = {tensor.name for tensor in graph.initializer}
        assert weights
        assert not weights & {value.name for value in graph.input}
    assert [v.name for v in onnx.load(bundle() / "backbone.onnx").graph.input] == ["image"]


def test_the_backbones_outputs_are_the_heads_and_the_feature(bundle) -> None:  # type: ignore[no-untyped-def]
    graph = onnx.load(bundle() / "backbone.onnx").graph
    assert [value.name for value in graph.output] == ["ct_hm", "wh", "feature"]


@pytest.mark.parametrize("dcn", EXACT)
def test_exact_strategies_find_the_same_contours_as_the_untouched_network(bundle, dcn: str) -> None:  # type: ignore[no-untyped-def]
    opset = ["surgery.opset=18"] if dcn != "native" else []
    folder = bundle(f"surgery.dcn={dcn}", *opset, *QUICK)
    golden = np.load(folder / "golden.npz")
    report = json.loads((folder / "report.json").read_text())
    row = report["strategies"][0]["instances"]
    assert row["matched"] == row["reference"] == row["other"] == len(golden["detection"])
    assert (
        row["max"] < 0.01
    )  # pixels; float32 against float32 with the taps summed in another order


def test_native_is_one_operator_a_layer(bundle) -> None:  # type: ignore[no-untyped-def]
    graph = onnx.load(bundle("surgery.dcn=native", *QUICK) / "backbone.onnx").graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("DeformConv") == 16
    assert "GridSample" not in kinds


def test_decomposed_below_opset_16_holds_neither_deformconv_nor_gridsample(bundle) -> None:  # type: ignore[no-untyped-def]
    folder = bundle(
        "surgery.dcn=decomposed",
        "surgery.opset=13",
        "surgery.exporter=torchscript",
        *QUICK,
    )
    assert not {"DeformConv", "GridSample"} & operators(folder / "backbone.onnx")


def test_the_ledger_is_in_the_bundle_and_in_the_graphs(bundle) -> None:  # type: ignore[no-untyped-def]
    document = json.loads((bundle() / "bundle.json").read_text())
    fired = [e for e in document["ledger"] if e["name"].startswith("dcn.") and e["fired"]]
    assert len(fired) == 16  # DLA-34 of E2EC: 2 + 4 + 6 in dla_up, 4 in ida_up
    metadata = {p.key: p.value for p in onnx.load(bundle() / "backbone.onnx").metadata_props}
    assert json.loads(metadata["surgery.ledger"]) == document["ledger"]


def test_a_bundle_of_a_fixed_batch_takes_a_single_image(bundle) -> None:  # type: ignore[no-untyped-def]
    from surgery.network.pictures import SCENE_SEED
    from surgery.scenes import draw

    image = draw(SCENE_SEED, 0).image
    single = postprocess.load(bundle("surgery.dcn=plain", *QUICK))(image)
    three = bundle("surgery.dcn=plain", *QUICK, "input.batch=3")
    assert (
        onnx.load(three / "backbone.onnx").graph.input[0].type.tensor_type.shape.dim[0].dim_value
        == 3
    )
    found = postprocess.load(three)(image)
    assert len(found.instances) == len(single.instances)
    for one, other in zip(found.instances, single.instances, strict=True):
        assert np.abs(one.contour - other.contour).max() < 1e-3


@pytest.mark.parametrize("dcn", ["native", "decomposed", "folded", "plain"])
def test_a_network_built_on_mmcvs_layers_goes_through_every_strategy(bundle, dcn: str) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("mmcv.ops", reason="mmcv is not installed: make mmcv")
    opset = ["surgery.opset=18"] if dcn != "native" else []
    folder = bundle("model.dcn=mmcv", f"surgery.dcn={dcn}", *opset, *QUICK)
    ours = bundle(f"surgery.dcn={dcn}", *opset, *QUICK)
    golden, same = (dict(np.load(f / "golden.npz")) for f in (folder, ours))
    for name in ("head.ct_hm", "head.wh", "head.feature"):
        assert np.abs(golden[name] - same[name]).max() <= 1e-4 * np.abs(same[name]).max()
