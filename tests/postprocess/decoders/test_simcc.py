"""SimCC's keypoints: both backends equal, equal to rtmlib's formula, safe on bad values."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from postprocess import decoders
from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError

BACKENDS = ("cpp", "numpy")
VALUES = st.one_of(
    st.sampled_from([-1.0, 0.0, 0.5, 1.0, np.nan, np.inf, -np.inf]), st.floats(-2, 2, width=32)
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), ratio=st.sampled_from([1.0, 2.0, 3.0]), flipped=st.booleans())
def test_numpy_and_cpp_give_the_same_keypoints(data, ratio, flipped):
    joints = (data.draw(st.integers(0, 2)), data.draw(st.integers(0, 4)))
    x, y = (
        data.draw(hnp.arrays(np.float32, (*joints, data.draw(st.integers(1, 20))), elements=VALUES))
        for _ in range(2)
    )
    if flipped:
        x, y = x[..., ::-1], y[:, ::-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        both = [decoders.simcc(x, y, ratio, backend=backend) for backend in BACKENDS]
    for one, other in zip(*both, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backend", BACKENDS)
def test_keypoints_are_those_of_rtmlib_where_scores_are_above_zero(backend):
    random = np.random.default_rng(0)
    x, y = (random.uniform(0, 1, (3, 17, bins)).astype(np.float32) for bins in (384, 512))
    points, scores = decoders.simcc(x, y, 2.0, backend=backend)
    np.testing.assert_array_equal(points, np.stack([x.argmax(2), y.argmax(2)], axis=-1) / 2)
    np.testing.assert_array_equal(scores, np.minimum(x.max(2), y.max(2)))


def test_the_plugin_gives_one_person_an_image():
    x, y = np.zeros((2, 2, 8), np.float32), np.zeros((2, 2, 6), np.float32)
    x[:, 0, 6] = x[:, 1, 2] = 0.5
    y[:, 0, 3] = y[:, 1, 5] = 0.75
    found = DECODERS.get("simcc")(x="sx", y="sy")({"sx": x, "sy": y})
    assert len(found) == 2
    assert found[1].keypoints.tolist() == [[[3, 1.5, 0.5], [1, 2.5, 0.5]]]
    assert found[1].boxes.tolist() == [[1, 1.5, 3, 2.5]]
    assert found[1].scores.tolist() == [0.5]


def test_bad_input_is_told():
    x, y = np.zeros((1, 2, 8), np.float32), np.zeros((1, 2, 6), np.float32)
    with pytest.raises(InputError, match="one N and K and at least one bin"):
        decoders.simcc(x, y[:, :1])
    with pytest.raises(InputError, match="one N and K and at least one bin"):
        decoders.simcc(x, y[..., :0])
    with pytest.raises(InputError, match="split_ratio expects a finite number above 0"):
        decoders.simcc(x, y, 0.0)
    with pytest.raises(InputError, match="needs head 'simcc_y'"):
        DECODERS.get("simcc")()({"simcc_x": x})
