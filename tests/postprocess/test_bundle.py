"""A bundle is read as its schema says, and one that is not as it should be is one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postprocess.bundle import SCHEMA_FILE, parse_bundle, read_bundle
from postprocess.errors import InputError

Document = dict[str, Any]
Edit = Callable[[Callable[[Document], object]], Path]


def test_a_bundle_is_read_whole(tiny_bundle: Path) -> None:
    info = read_bundle(tiny_bundle)
    document = json.loads((tiny_bundle / "bundle.json").read_text())
    assert info.name == "tiny"
    assert info.folder == tiny_bundle
    assert info.preprocess.to_json() == document["preprocess"]
    assert list(info.graphs) == ["backbone", "refine"]
    assert info.graphs["backbone"].inputs[0].shape == ("batch", 3, "height", "width")
    assert [each.name for each in info.graphs["backbone"].outputs] == ["ct_hm", "wh", "feature"]
    assert info.decoder == "e2ec"
    assert info.decoder_params == {"points": 8, "k": 20, "threshold": 0.3}
    assert info.classes == ("blue", "red")
    assert info.files == document["files"]
    assert info.document == document


CHANGES: dict[str, tuple[Callable[[Document], object], str]] = {
    "no schema version": (lambda d: d.pop("schema"), "'schema' is missing"),
    "schema not a number": (
        lambda d: d.update(schema="1"),
        "'schema' expects an integer of at least 1, got '1'",
    ),
    "newer schema": (
        lambda d: d.update(schema=2),
        "schema version 2 is newer than 1, which this version reads: update it",
    ),
    "no model": (lambda d: d.pop("model"), "'model' is missing"),
    "model's name a number": (
        lambda d: d["model"].update(name=3),
        "'model.name' expects a string, got 3",
    ),
    "mean too short": (
        lambda d: d["preprocess"].update(mean=[0, 0]),
        "'preprocess.mean' expects a list of 3, got [0, 0]",
    ),
    "mean not numbers": (
        lambda d: d["preprocess"].update(mean=[0, "0", 0]),
        "'preprocess.mean[1]' expects a finite number, got '0'",
    ),
    "unknown color": (
        lambda d: d["preprocess"].update(color="hsv"),
        "'preprocess.color' expects one of bgr, rgb, gray, bgra, rgba, got 'hsv'",
    ),
    "misspelt field": (
        lambda d: d["preprocess"].update(allways_pad=True),
        "'preprocess.allways_pad' is unknown; did you mean 'always_pad'?",
    ),
    "size of one": (
        lambda d: d["preprocess"].update(resize="stretch", size=[512]),
        "'preprocess.size' expects a list of 2, got [512]",
    ),
    "letterbox without size": (
        lambda d: d["preprocess"].update(resize="letterbox"),
        "preprocess with resize 'letterbox' needs a size",
    ),
    "flag as a number": (
        lambda d: d["preprocess"].update(always_pad=1),
        "'preprocess.always_pad' expects true or false, got 1",
    ),
    "no backbone": (
        lambda d: d["graphs"].pop("backbone"),
        "'graphs' expects a graph named 'backbone'",
    ),
    "graph without inputs": (
        lambda d: d["graphs"]["refine"].update(inputs=[]),
        "'graphs.refine' expects at least one input and one output",
    ),
    "zero dimension": (
        lambda d: d["graphs"]["backbone"]["inputs"][0].update(shape=[1, 3, 0, 8]),
        "'graphs.backbone.inputs[0].shape[2]' expects an integer of at least 1, got 0",
    ),
    "unknown dtype": (
        lambda d: d["graphs"]["backbone"]["inputs"][0].update(dtype="float"),
        "'graphs.backbone.inputs[0].dtype' expects one of float32, ",
    ),
    "decoder without name": (lambda d: d["decoder"].pop("name"), "'decoder.name' is missing"),
    "decoder a string": (
        lambda d: d.update(decoder="e2ec"),
        "'decoder' expects an object, got 'e2ec'",
    ),
    "classes not strings": (
        lambda d: d.update(classes=["a", 1]),
        "'classes[1]' expects a string, got 1",
    ),
    "not a sha256": (
        lambda d: d["files"].update({"refine.onnx": "abc"}),
        "'files.refine.onnx' expects a sha256, 64 lower-case hex digits, got 'abc'",
    ),
    "files a list": (lambda d: d.update(files=[]), "'files' expects an object, got []"),
}
BEYOND_SCHEMA: dict[str, tuple[Callable[[Document], object], str]] = {
    "graph's file not listed": (
        lambda d: d["files"].pop("refine.onnx"),
        "'graphs.refine.file' expects one of the listed files (backbone.onnx), got 'refine.onnx'",
    ),
    "skeleton out of range": (
        lambda d: d.update(keypoints=["a", "b"], skeleton=[[0, 1], [1, 2]]),
        "'skeleton[1]' expects two indices into the 2 keypoints, got [1, 2]",
    ),
}


@pytest.mark.parametrize("change", CHANGES | BEYOND_SCHEMA)
def test_what_is_wrong_is_named_by_file_and_field_in_one_line(edited: Edit, change: str) -> None:
    edit, message = (CHANGES | BEYOND_SCHEMA)[change]
    folder = edited(edit)
    with pytest.raises(InputError) as caught:
        read_bundle(folder)
    assert str(caught.value).startswith(f"{folder / 'bundle.json'}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_json_schema_takes_the_bundle(tiny_bundle: Path) -> None:
    validator().validate(json.loads((tiny_bundle / "bundle.json").read_text()))


@pytest.mark.parametrize("change", CHANGES)
def test_json_schema_refuses_what_the_reader_refuses(edited: Edit, change: str) -> None:
    folder = edited(CHANGES[change][0])
    assert not validator().is_valid(json.loads((folder / "bundle.json").read_text()))


def validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "a/b.onnx", "..", "", "a\\b.onnx", "C:x.onnx", "a\0b"],
)
def test_file_names_that_lead_out_of_the_folder_are_refused(edited: Edit, name: str) -> None:
    def rename(document: Document) -> None:
        document["files"][name] = document["files"].pop("refine.onnx")
        document["graphs"]["refine"]["file"] = name

    folder = edited(rename)
    with pytest.raises(InputError, match="expected a plain file name"):
        read_bundle(folder)
    assert not validator().is_valid(json.loads((folder / "bundle.json").read_text()))


def test_a_changed_file_is_found_out_unless_verification_is_off(tiny_bundle: Path) -> None:
    with (tiny_bundle / "refine.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match=r"refine.onnx: sha256 is .*bundle.json says"):
        read_bundle(tiny_bundle)
    assert read_bundle(tiny_bundle, verify=False).name == "tiny"


@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file_is_named(tiny_bundle: Path, verify: bool) -> None:
    (tiny_bundle / "backbone.onnx").unlink()
    with pytest.raises(InputError, match=r"backbone.onnx: missing, though bundle.json lists it"):
        read_bundle(tiny_bundle, verify)


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such folder"):
        read_bundle(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"not a bundle, it has no bundle.json"):
        read_bundle(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_bundle_json_that_is_not_json_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bundle.json").write_bytes(content)
    with pytest.raises(InputError, match=r"bundle.json: not JSON") as caught:
        read_bundle(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_a_document_that_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(InputError, match=r"bundle.json: expects an object, got"):
        parse_bundle(document)
