"""A loaded bundle finds objects in image pixels, and shows each stage on request."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import postprocess
from postprocess.runtime import Runtime, load

Image = NDArray[np.uint8]
Edit = Callable[[Callable[[dict[str, Any]], object]], Path]


@pytest.fixture
def runtime(tiny_bundle: Path) -> Runtime:
    return load(tiny_bundle, threads=1, decoder={"backend": "numpy"})


def test_objects_are_found_where_they_are_in_the_image(runtime: Runtime, blobs: Image) -> None:
    result = runtime(blobs)
    assert sorted(item.label for item in result.instances) == ["blue", "red"]
    truth = {"blue": (40, 30), "red": (110, 70)}
    for item in result.instances:
        assert item.contour is not None
        x, y = item.contour.mean(axis=0)
        # the heatmap's pixels are four image pixels wide, and the made-up refinement moves a little
        assert abs(x - truth[item.label][0]) < 6
        assert abs(y - truth[item.label][1]) < 6
        assert np.array_equal(item.box, [*item.contour.min(axis=0), *item.contour.max(axis=0)])
        assert item.class_index == ("blue", "red").index(item.label)
    assert result.size == (100, 150)
    scores = [item.score for item in result.instances]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("resize", ["letterbox", "stretch", "warp"])
def test_result_is_in_image_pixels_under_every_resize_rule(
    edited: Edit, blobs: Image, resize: str
) -> None:
    folder = edited(lambda d: d["preprocess"].update(resize=resize, size=[192, 256]))
    large = cv2.resize(blobs, (600, 400), interpolation=cv2.INTER_NEAREST)
    result = load(folder, decoder={"backend": "numpy"})(large)
    found = {item.label: item.box.reshape(2, 2).mean(axis=0) for item in result.instances}
    assert set(found) == {"blue", "red"}
    # two heatmap pixels, 8 network pixels, are 19 of this image
    assert np.abs(found["blue"] - (160, 120)).max() < 20
    assert np.abs(found["red"] - (440, 280)).max() < 20


def test_json_is_the_documented_schema(runtime: Runtime, blobs: Image) -> None:
    record = json.loads(json.dumps(runtime(blobs).to_json("some/photo.jpg")))
    assert set(record) == {"image", "instances"}
    assert record["image"] == "some/photo.jpg"
    for item in record["instances"]:
        assert list(item) == ["label", "class", "score", "box", "contour"]
        assert isinstance(item["class"], int)
        assert 0 < item["score"] <= 1
        assert len(item["box"]) == 4
        assert np.array(item["contour"]).shape == (8, 2)


def test_image_without_objects_gives_an_empty_result(runtime: Runtime) -> None:
    result = runtime(np.zeros((64, 64, 3), np.uint8))
    assert result.instances == ()
    assert result.to_json("black.png") == {"image": "black.png", "instances": []}


def test_stages_are_what_the_result_came_from(runtime: Runtime, blobs: Image) -> None:
    stages = runtime.run_stages(blobs)
    assert stages.input.shape == (1, 3, 128, 160)
    assert set(stages.heads) == {"ct_hm", "wh", "feature"}
    assert list(stages.trace) == ["detection", "poly_init", "poly_coarse", "py.0", "py.1", "py.2"]
    assert stages.instances.contours is not None
    assert np.array_equal(stages.instances.contours, stages.trace["py.2"])
    moved = stages.transform.to_image(stages.instances.contours)
    again = runtime(blobs)
    for i, item in enumerate(again.instances):
        assert item.contour is not None
        assert np.array_equal(item.contour, moved[i])


def test_golden_example_checks_itself(runtime: Runtime, blobs: Image) -> None:
    path = runtime.bundle.folder / "golden.npz"
    runtime.run_stages(blobs).save(path)
    names = ("image", "input", "transform", "head.wh", "detection", "py.2", "instances.boxes")
    differences = runtime.check_golden()
    assert set(names) < set(differences)
    assert set(differences.values()) == {0.0}
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["py.1"] = arrays["py.1"] + np.float32(0.5)
    arrays["py.2"] = arrays["py.2"][:1]
    np.savez(path, **arrays)
    changed = runtime.check_golden()
    assert changed["py.1"] == pytest.approx(0.5, abs=1e-4)
    assert changed["py.2"] == float("inf")
    assert changed["py.0"] == 0.0


@pytest.mark.parametrize("content", [None, b"", b"PK not a zip", b"\x93NUMPY"])
def test_golden_example_that_cannot_be_read_is_one_line(
    runtime: Runtime, content: bytes | None
) -> None:
    if content is not None:
        (runtime.bundle.folder / "golden.npz").write_bytes(content)
    with pytest.raises(postprocess.InputError, match=r"golden.npz: (cannot be read|not an .npz)"):
        runtime.check_golden()


def test_decoder_parameters_can_be_replaced_when_loading(tiny_bundle: Path, blobs: Image) -> None:
    strict = load(tiny_bundle, decoder={"backend": "numpy", "threshold": 0.9999})
    assert strict(blobs).instances == ()
    with pytest.raises(postprocess.InputError, match="no parameter 'treshold'"):
        load(tiny_bundle, decoder={"treshold": 0.5})


def test_a_wrong_decoder_parameter_in_the_bundle_names_the_file(edited: Edit) -> None:
    folder = edited(lambda d: d["decoder"].update(k="many"))
    with pytest.raises(postprocess.InputError, match=r"bundle.json: decoder E2EC: 'k' expects an"):
        load(folder)


def test_an_unknown_decoder_lists_what_there_is(edited: Edit) -> None:
    folder = edited(lambda d: d["decoder"].update(name="e2e"))
    with pytest.raises(postprocess.InputError, match="unknown decoder 'e2e'; did you mean 'e2ec'"):
        load(folder)


def test_public_names_import_nothing_until_they_are_used() -> None:
    code = (
        "import sys, postprocess\n"
        "heavy = {'numpy', 'cv2', 'onnxruntime', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert set(postprocess.__all__) <= set(dir(postprocess))\n"
        "for name in postprocess.__all__: getattr(postprocess, name)\n"
        "postprocess.decoders.peaks\n"
        "heavy = {'torch', 'onnx', 'hydra', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
