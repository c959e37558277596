"""An ONNX file as a checkpoint reads nothing outside of its own folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from models.errors import CheckpointError
from surgery.network.paddle2onnx import read_convolutions


def _file(folder: Path, location: str) -> Path:
    weight = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "g",
        [value("x", 1, [1, 3, 8, 8])],
        [value("y", 1, [1, 4, 8, 8])],
        [weight],
    )
    path = folder / "net.onnx"
    onnx.save(
        helper.make_model(graph),
        path,
        save_as_external_data=True,
        location="net.data",
        size_threshold=0,
    )
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = location if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "/dev/zero", "a/../../secret", "link", "pipe", ""]
)
def test_weights_outside_of_the_folder_or_in_no_file_are_refused(
    location: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(bytes(1000))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    with pytest.raises(CheckpointError) as caught:
        read_convolutions(_file(folder, location))
    assert str(caught.value).isprintable()


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    (found,) = read_convolutions(_file(tmp_path, "net.data"))
    assert found.weight.shape == (4, 3, 1, 1)
