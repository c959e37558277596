"""The main job on PP-TinyPose: published weights in, a bundle that gives ncnn's heatmaps out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

import postprocess
from surgery.graph.run import run
from surgery.network.load import load_model
from surgery.tasks.evaluate import run as evaluate
from surgery.tasks.export import run as export

FAST = ("surgery.exporter=torchscript", "threads=1")  # a fifth of dynamo's time on 800 nodes
INSIDE = "surgery.decode=inside"


@pytest.fixture(scope="module")
def bundles() -> dict[str, Path]:
    """Bundles by size, each made once."""
    return {}


@pytest.fixture(params=["128x96", "256x192"])
def bundle(  # type: ignore[no-untyped-def]
    request, compose, reference: Path, bundles, tmp_path_factory
) -> tuple[str, Path]:
    """A size, and the bundle made of its ONNX file with the batch left open."""
    size = request.param
    if size not in bundles:
        out = tmp_path_factory.mktemp("tinypose")
        name = "tinypose" if size == "128x96" else f"tinypose_{size}"
        checkpoint = reference / "tinypose" / f"tinypose_{size}.onnx"
        export(
            compose(
                f"model={name}",
                f"checkpoint={checkpoint}",
                "input.batch=null",
                f"out={out}",
                INSIDE,
                *FAST,
            )
        )
        bundles[size] = out
    return size, bundles[size]


def test_heatmaps_of_every_photo_are_those_of_ncnn(
    reference: Path, bundle: tuple[str, Path]
) -> None:
    size, folder = bundle
    runtime = postprocess.load(folder, threads=1)
    content = np.load(reference / "tinypose" / f"heatmaps_{size}.npz")
    names = [key.removesuffix(".crop") for key in content.files if key.endswith(".crop")]
    assert names
    crops = [runtime.preprocess(content[f"{name}.crop"])[0] for name in names]
    heatmaps = runtime.heads(np.concatenate(crops))["heatmap"]
    for name, heatmap in zip(names, heatmaps, strict=True):
        assert np.abs(heatmap - content[f"{name}.heatmap"]).max() <= 1e-4, name


def test_the_graph_that_decodes_gives_the_keypoints_of_the_bundle(
    reference: Path, bundle: tuple[str, Path]
) -> None:
    size, folder = bundle
    runtime = postprocess.load(folder, threads=1)
    content = np.load(reference / "tinypose" / f"heatmaps_{size}.npz")
    crops = [content[key] for key in content.files if key.endswith(".crop")][:2]
    tensor = np.concatenate([runtime.preprocess(crop)[0] for crop in crops])
    found = run(onnx.load(folder / "decoded.onnx"), {"image": tensor})
    for joints, instances in zip(
        found["keypoints"], runtime.decode(runtime.heads(tensor)), strict=True
    ):
        assert np.abs(joints - instances.keypoints[0]).max() <= 1e-2  # network-input pixels


def test_the_bundle_says_what_it_is_and_names_no_deformable_layer(
    bundle: tuple[str, Path],
) -> None:
    _, folder = bundle
    manifest = json.loads((folder / "bundle.json").read_text())
    assert manifest["decoder"]["name"] == "keypoints"
    assert manifest["preprocess"]["resize"] == "affine"
    assert len(manifest["keypoints"]) == 17
    assert not [entry for entry in manifest["ledger"] if entry["name"].startswith("dcn.")]
    report = json.loads((folder / "report.json").read_text())
    assert report["strategy"]["name"] == "keep"
    operators = {node.op_type for node in onnx.load(folder / "backbone.onnx").graph.node}
    assert operators <= {
        "Add", "Concat", "Conv", "Gather", "Relu", "Reshape", "Resize", "Shape", "Slice", "Split",
        "Transpose", "Constant", "Unsqueeze", "Cast",
        "ConvTranspose",  # what the default target makes of Resize by a whole factor
    }  # fmt: skip


def test_its_golden_values_hold(bundle: tuple[str, Path]) -> None:
    gaps = postprocess.load(bundle[1], threads=1).check_golden()
    assert max(gaps.values()) == 0.0


@pytest.mark.parametrize("kind", ["param", "bin", "onnx", "onnx without a name", "pdparams"])
def test_a_checkpoint_is_known_by_its_content(
    compose: Any, reference: Path, tmp_path: Path, kind: str
) -> None:
    folder = reference / "tinypose"
    path = folder / f"tinypose_128x96.{kind.split()[0]}"
    if kind == "onnx without a name":
        path = Path(shutil.copyfile(path, tmp_path / "weights"))
    if kind == "pdparams":
        import pickle

        known = load_model(
            compose("model=tinypose", f"checkpoint={folder / 'tinypose_128x96.param'}")
        ).module
        state = {
            key.replace("running_mean", "_mean").replace("running_var", "_variance"): value.numpy()
            for key, value in known.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        path = tmp_path / "model.pdparams"
        path.write_bytes(pickle.dumps(state, protocol=2))
    model = load_model(compose("model=tinypose", f"checkpoint={path}"))
    crops = np.load(folder / "heatmaps_128x96.npz")
    tensor, _ = model.preprocess(crops["demo_3.crop"])
    with torch.inference_mode():
        heatmap = model.module(torch.from_numpy(tensor))[0].numpy()
    assert np.abs(heatmap - crops["demo_3.heatmap"]).max() <= 1e-4


def test_accuracy_on_drawn_figures_is_measured_and_written(
    compose: Any, bundle: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = bundle
    evaluate(compose("task=evaluate", f"bundle={folder}", "data.count=4", f"out={tmp_path}"))
    figures = json.loads((tmp_path / "evaluation.json").read_text())
    assert 0 <= figures["PCK@0.1"] <= figures["PCK@0.2"] <= 1
    assert "PCK@0.2" in capsys.readouterr().out
