"""Bundles whose weights lie in a file beside the graph, as those above 2 GB have to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import postprocess
from postprocess.bundle import sha256
from postprocess.errors import InputError

onnx = pytest.importorskip("onnx")

DATA = "backbone.onnx.data"


@pytest.fixture
def outside(tiny_bundle: Path) -> Path:
    """The tiny bundle with the backbone's weights moved out of its graph."""
    path = tiny_bundle / "backbone.onnx"
    onnx.save(onnx.load(path), path, save_as_external_data=True, location=DATA, size_threshold=0)
    return relisted(tiny_bundle)


def relisted(folder: Path) -> Path:
    """Write the hashes of the folder's files into its bundle.json."""
    manifest = folder / "bundle.json"
    document: dict[str, Any] = json.loads(manifest.read_text())
    files = sorted(path for path in folder.iterdir() if path != manifest)
    document["files"] = {path.name: sha256(path) for path in files}
    manifest.write_text(json.dumps(document))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        postprocess.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_in_a_file_beside_the_graph_are_found_and_hashed(
    tiny_bundle: Path, request: pytest.FixtureRequest
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    expected = postprocess.load(tiny_bundle).run_stages(image).heads
    folder = request.getfixturevalue("outside")
    found = postprocess.load(folder).run_stages(image).heads
    assert DATA in json.loads((folder / "bundle.json").read_text())["files"]
    assert all((found[name] == array).all() for name, array in expected.items())


def test_a_changed_or_missing_file_of_weights_is_named(outside: Path) -> None:
    data = outside / DATA
    content = data.read_bytes()
    data.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    assert f"{DATA}: sha256 is" in refusal(outside)
    data.unlink()
    assert f"{DATA}: missing, though bundle.json lists it" in refusal(outside)


def test_a_truncated_file_of_weights_is_told_also_where_hashes_agree(outside: Path) -> None:
    data = outside / DATA
    data.write_bytes(data.read_bytes()[:100])
    assert "backbone.onnx: ONNX Runtime cannot open it" in refusal(relisted(outside))


@pytest.mark.parametrize("location", ["../secret.data", "/etc/passwd"])
def test_a_graph_cannot_read_a_file_outside_of_its_bundle(outside: Path, location: str) -> None:
    (outside / DATA).rename(outside.parent / "secret.data")
    path = outside / "backbone.onnx"
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())
    assert "backbone.onnx: ONNX Runtime cannot open it" in refusal(relisted(outside))
