"""Ranges are those that the tensors really take."""

from __future__ import annotations

import pytest

from postprocess.errors import InputError
from surgery.graph.run import run
from surgery.precision.ranges import tensor_ranges

from .graphs import pictures, three_convolutions


def test_the_range_of_a_tensor_is_its_least_and_largest_value_over_all_pictures() -> None:
    graph = three_convolutions()
    low, high = tensor_ranges(graph, pictures())["head"]
    heads = [run(graph, feeds)["head"] for feeds in pictures()]
    assert low == pytest.approx(min(head.min() for head in heads), rel=1e-5)
    assert high == pytest.approx(max(head.max() for head in heads), rel=1e-5)


def test_tensors_between_the_layers_are_measured_too() -> None:
    ranges = tensor_ranges(three_convolutions(), pictures())
    assert {"image", "first.out", "first.active", "second.out", "head"} <= ranges.keys()


def test_a_picture_of_another_shape_is_one_line_that_names_the_graph() -> None:
    feeds = [{"image": pictures()[0]["image"][:, :1]}]
    with pytest.raises(InputError, match="graph 'narrow' cannot be calibrated") as caught:
        tensor_ranges(three_convolutions(), feeds)
    assert "\n" not in str(caught.value)
