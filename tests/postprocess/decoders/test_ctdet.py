"""CenterNet's boxes: both backends equal, equal to CenterNet's own formula, on any convention."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders
from postprocess.decoders.base import DECODERS
from postprocess.decoders.ctdet import CTDet
from postprocess.errors import InputError

from .heads import maps

BACKENDS = ("cpp", "numpy")


def one_peak(logit: float = 2.0) -> np.ndarray:
    """(2,6,8) logits with a peak of class 1 at x 5, y 3."""
    heatmap = np.full((2, 6, 8), -8, np.float32)
    heatmap[1, 3, 5] = logit
    return heatmap


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    heads=maps(3, 4, 2),
    box=st.sampled_from(["wh", "ltrb"]),
    activation=st.sampled_from(["sigmoid", "none"]),
    offset=st.booleans(),
    unit=st.sampled_from(["feature", "input"]),
    shift=st.sampled_from([None, 0.0, 0.25]),
    k=st.integers(0, 30),
    iou=st.sampled_from([None, 0.0, 0.4]),
)
def test_numpy_and_cpp_give_the_same_boxes(heads, box, activation, offset, unit, shift, k, iou):
    heatmap, size, move = heads
    size = size[:, :2] if box == "wh" else size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        both = [
            decoders.ctdet(
                heatmap,
                size,
                move if offset else None,
                box=box,
                activation=activation,
                size_unit=unit,
                size_scale=1.5,
                center_shift=shift,
                k=k,
                threshold=0.3,
                iou=iou,
                backend=backend,
            )
            for backend in BACKENDS
        ]
    assert len(both[0]) == len(both[1]) == len(heatmap)
    for one, other in zip(*both, strict=True):
        for name, a, b in zip(one._fields, one, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_boxes_are_those_of_centernet_s_formula(backend):
    heatmap, random = one_peak(), np.random.default_rng(0)
    size = random.uniform(1, 5, (2, 6, 8)).astype(np.float32)
    offset = random.uniform(0, 1, (2, 6, 8)).astype(np.float32)
    (score,), (label,), (box,) = decoders.ctdet(heatmap, size, offset, backend=backend)
    assert label == 1
    assert score == pytest.approx(1 / (1 + np.exp(-2)))
    centre = np.asarray([5, 3]) + offset[:, 3, 5]
    half = size[:, 3, 5] / 2
    np.testing.assert_allclose(box, [*(centre - half), *(centre + half)], rtol=1e-6)
    middle = np.asarray([5.5, 3.5])  # half a pixel stands in for an offset
    _, _, (box,) = decoders.ctdet(heatmap, size, backend=backend)
    np.testing.assert_allclose(box, [*(middle - half), *(middle + half)], rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_distances_to_the_four_sides_are_taken_from_the_peak(backend):
    size = np.zeros((4, 6, 8), np.float32)
    size[:, 3, 5] = [1, 2, 3, 4]
    _, _, (box,) = decoders.ctdet(one_peak(), size, box="ltrb", center_shift=0.0, backend=backend)
    assert box.tolist() == [4, 1, 8, 7]
    _, _, (box,) = decoders.ctdet(
        one_peak(),
        size,
        box="ltrb",
        center_shift=0.0,
        size_unit="input",
        size_scale=2.0,
        stride=8.0,
        backend=backend,
    )
    assert box.tolist() == [4.75, 2.5, 5.75, 4]


@pytest.mark.parametrize("backend", BACKENDS)
def test_iou_removes_the_weaker_of_two_boxes_of_a_class(backend):
    heatmap = np.full((2, 6, 8), -8, np.float32)
    heatmap[0, 3, 2], heatmap[0, 3, 4], heatmap[1, 3, 5] = 3, 2, 1
    size = np.full((2, 6, 8), 6, np.float32)
    scores, classes, _ = decoders.ctdet(heatmap, size, iou=0.3, backend=backend)
    assert classes.tolist() == [0, 1]
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-3)))
    assert len(decoders.ctdet(heatmap, size, backend=backend).scores) == 3


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_the_plugin_gives_boxes_in_input_pixels_from_either_layout(layout):
    size = np.zeros((4, 6, 8), np.float32)
    size[:, 3, 5] = [4, 8, 12, 16]
    heads = {"b:0": one_peak()[None], "a:0": size[None]}
    if layout == "nhwc":
        heads = {name: array.transpose(0, 2, 3, 1) for name, array in heads.items()}
    decoder = DECODERS.get("ctdet")(
        heatmap="b:0",
        size="a:0",
        offset=None,
        box="ltrb",
        activation="sigmoid",
        stride=4,
        size_unit="input",
        size_scale=1.0,
        center_shift=0.0,
        kernel=3,
        k=100,
        threshold=0.05,
        layout=layout,
    )
    trace: dict[str, np.ndarray] = {}
    (found,) = decoder(heads, trace=trace)
    assert found.boxes.tolist() == [[16, 4, 32, 28]]
    assert found.classes.tolist() == [1]
    assert trace["detection"].tolist() == [[16, 4, 32, 28, found.scores[0], 1]]


def test_the_plugin_takes_probabilities():
    heatmap = np.zeros((1, 1, 4, 4), np.float32)
    heatmap[0, 0, 1, 2] = 0.5
    heads = {"hm": heatmap, "wh": np.ones((1, 2, 4, 4), np.float32)}
    (found,) = CTDet(activation="none")(heads)
    assert found.scores.tolist() == [0.5]


def test_the_plugin_drops_boxes_that_are_not_finite_and_says_so():
    heads = {"hm": one_peak()[None], "wh": np.full((1, 2, 6, 8), np.nan, np.float32)}
    with pytest.warns(RuntimeWarning, match="1 of 1 boxes hold NaN"):
        (found,) = CTDet()(heads)
    assert len(found) == 0


def test_bad_input_is_told():
    heatmap, size = np.zeros((2, 6, 8), np.float32), np.zeros((2, 6, 8), np.float32)
    with pytest.raises(InputError, match=r"size \(N,4,H,W\), got .*size \(1, 2, 6, 8\)"):
        decoders.ctdet(heatmap, size, box="ltrb")
    with pytest.raises(InputError, match=r"size expects \(N,2,H,W\)"):
        decoders.ctdet(heatmap[None], size)
    with pytest.raises(InputError, match="maps of one size"):
        decoders.ctdet(heatmap, size[:, :5])
    with pytest.raises(InputError, match="box expects one of wh, ltrb, got 'xywh'"):
        decoders.ctdet(heatmap, size, box="xywh")
    with pytest.raises(InputError, match="stride expects a finite number above 0"):
        decoders.ctdet(heatmap, size, size_unit="input", stride=0.0)
    with pytest.raises(InputError, match="needs head 'hm', got wh"):
        CTDet()({"wh": size[None]})
    with pytest.raises(InputError, match="'activation' expects 'sigmoid' or 'none'"):
        CTDet(activation="softmax")
