"""A tensor's new name stands everywhere that the old one stood."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from postprocess.errors import InputError
from surgery.graph import rename

from .graphs import branching, inputs, names, network, outputs


def test_a_name_changed_in_the_outputs_alone_breaks_the_graph() -> None:
    model = network()
    model.graph.output[0].name = "heatmap"
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(model, full_check=True)


def test_inputs_and_outputs_get_other_names_and_give_the_same() -> None:
    model = network()
    renamed = rename(model, {"image": "pixels:0", "heat": "heatmap"})
    assert names(renamed) == (["pixels:0", "scale"], ["heatmap", "size"])
    feeds = inputs(model)
    expected = outputs(model, feeds)
    found = outputs(renamed, {"pixels:0": feeds["image"], "scale": feeds["scale"]})
    np.testing.assert_array_equal(found["heatmap"], expected["heat"])
    assert names(model) == (["image", "scale"], ["heat", "size"])


def test_two_tensors_change_names() -> None:
    model = network()
    feeds = inputs(model)
    found = outputs(rename(model, {"heat": "size", "size": "heat"}), feeds)
    np.testing.assert_array_equal(found["heat"], outputs(model, feeds)["size"])


def test_a_subgraph_that_captures_the_tensor_follows() -> None:
    model = branching()
    feeds = inputs(model)
    found = outputs(rename(model, {"a": "minus"}), feeds)
    np.testing.assert_array_equal(found["y"], outputs(model, feeds)["y"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"haet": "x"}, "'haet', which is no tensor; did you mean 'heat'?"),
        ({"heat": "size"}, "the name 'size', which another tensor has"),
        ({"heat": "x", "size": "x"}, "the name 'x' to 2 tensors"),
        ({"heat": ""}, "a new name for 'heat', got an empty one"),
    ],
)
def test_a_name_that_cannot_be_given_is_told_why(given: dict[str, str], told: str) -> None:
    with pytest.raises(InputError) as raised:
        rename(network(), given)
    assert told in str(raised.value)
