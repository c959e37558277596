"""CenterNet's people: both backends equal, equal to CenterNet's formula, joints snap by rule."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders
from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError

from .heads import maps

BACKENDS = ("cpp", "numpy")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    heads=maps(2, 2, 6, 2, 3, 2),
    given_maps=st.sampled_from([(), ("offset",), ("joint_heatmap",), ("joint_heatmap", "offset"),
                                ("offset", "joint_heatmap", "joint_offset")]),
    activation=st.sampled_from(["sigmoid", "none"]),
    k=st.integers(0, 20),
    reach=st.sampled_from([0.3, 2.0]),
)  # fmt: skip
def test_numpy_and_cpp_give_the_same_people(heads, given_maps, activation, k, reach):
    optional = dict(zip(("offset", "joint_heatmap", "joint_offset"), heads[3:], strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        both = [
            decoders.multi_pose(
                *heads[:3],
                **{name: optional[name] for name in given_maps},
                activation=activation,
                k=k,
                threshold=0.3,
                reach=reach,
                backend=backend,
            )
            for backend in BACKENDS
        ]
    assert len(both[0]) == len(both[1]) == len(heads[0])
    for one, other in zip(*both, strict=True):
        for name, a, b in zip(one._fields, one, other, strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            np.testing.assert_array_equal(a, b, err_msg=name)


def centernet(heatmap, size, keypoints, offset, joint_heatmap, joint_offset, k):
    """What CenterNet's paper and code say, one person and one joint at a time, in torch."""
    likely = torch.sigmoid(torch.from_numpy(heatmap))
    joints_likely = torch.sigmoid(torch.from_numpy(joint_heatmap))

    def best(maps):
        top = torch.nn.functional.max_pool2d(maps[None], 3, 1, 1)[0]
        scores, at = torch.topk((maps * (maps == top)).flatten(), k)
        return scores.numpy(), np.unravel_index(at.numpy(), maps.shape)

    scores, (_, ys, xs) = best(likely)
    people = []
    for x, y in zip(xs, ys, strict=True):
        centre = np.asarray([x, y]) + offset[:, y, x]
        box = np.concatenate([centre - size[:, y, x] / 2, centre + size[:, y, x] / 2])
        joints = np.asarray([x, y]) + keypoints[:, y, x].reshape(-1, 2)
        for i, joint_map in enumerate(joints_likely):
            joint_scores, (_, peak_ys, peak_xs) = best(joint_map[None])
            peaks = np.stack([peak_xs, peak_ys], 1) + joint_offset[:, peak_ys, peak_xs].T
            peaks[joint_scores <= 0.1] = -10000
            distances = np.linalg.norm(joints[i] - peaks, axis=1)
            peak = peaks[distances.argmin()]
            inside = (peak >= box[:2]).all() and (peak <= box[2:]).all()
            if inside and distances.min() <= 0.3 * (box[2:] - box[:2]).max():
                joints[i] = peak
        people.append((box, joints))
    return scores, people


@pytest.mark.parametrize("backend", BACKENDS)
def test_people_are_those_of_centernet(backend):
    random = np.random.default_rng(0)
    heatmap = random.normal(-2, 2, (1, 24, 32)).astype(np.float32)
    size = random.uniform(4, 20, (2, 24, 32)).astype(np.float32)
    keypoints = random.normal(0, 4, (34, 24, 32)).astype(np.float32)
    offset, joint_offset = random.uniform(0, 1, (2, 2, 24, 32)).astype(np.float32)
    joint_heatmap = random.normal(-3, 2, (17, 24, 32)).astype(np.float32)
    every = (heatmap, size, keypoints, offset, joint_heatmap, joint_offset)
    scores, people = centernet(*every, k=20)
    (found,) = decoders.multi_pose(*(each[None] for each in every), k=20, backend=backend)
    # two roundings of the sigmoid; coordinates up to 32 summed in float32
    np.testing.assert_allclose(found.scores, scores, rtol=1e-6)
    np.testing.assert_allclose(found.boxes, [box for box, _ in people], atol=1e-5)
    np.testing.assert_allclose(found.keypoints[..., :2], [pose for _, pose in people], atol=1e-5)
    snapped = (found.keypoints[..., 2] > 0).mean()
    assert 0.1 < snapped < 0.9  # both ways are seen


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_of_joints_tell_whether_a_peak_stands_behind_them(backend):
    heatmap, joints = np.full((2, 1, 1, 9, 9), -9, np.float32)
    heatmap[0, 0, 4, 4], joints[0, 0, 3, 4] = 2, 0
    size = np.full((1, 2, 9, 9), 8, np.float32)
    regressed = np.zeros((1, 2, 9, 9), np.float32)
    (found,) = decoders.multi_pose(heatmap, size, regressed, joint_heatmap=joints, backend=backend)
    assert found.keypoints.tolist() == [[[4.5, 3.5, 0.5]]]
    (found,) = decoders.multi_pose(
        heatmap, size, regressed + 3, joint_heatmap=joints, backend=backend
    )
    assert found.keypoints.tolist() == [[[7, 7, 0]]]
    (found,) = decoders.multi_pose(heatmap, size, regressed, backend=backend)
    assert found.keypoints.tolist() == [[[4, 4, found.scores[0]]]]


def test_the_plugin_gives_people_in_input_pixels():
    heatmap = np.full((1, 1, 9, 9), -9, np.float32)
    heatmap[0, 0, 4, 3] = 2
    heads = {
        "hm": heatmap,
        "wh": np.full((1, 2, 9, 9), 4, np.float32),
        "hps": np.ones((1, 4, 9, 9), np.float32),
    }
    heads = {name: array.transpose(0, 2, 3, 1) for name, array in heads.items()}
    (found,) = DECODERS.get("multi_pose")(layout="nhwc", center_shift=0.0)(heads)
    assert found.boxes.tolist() == [[4, 8, 20, 24]]
    assert found.keypoints[0, :, :2].tolist() == [[16, 20], [16, 20]]


def test_bad_input_is_told():
    one, two = np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 2, 4, 4), np.float32)
    with pytest.raises(InputError, match=r"joint_heatmap \(N,1,H,W\)"):
        decoders.multi_pose(one, two, two, joint_heatmap=two)
    with pytest.raises(InputError, match="joint_offset expects a joint_heatmap"):
        decoders.multi_pose(one, two, two, joint_offset=two)
    with pytest.raises(InputError, match="'joint_heatmap' expects an output's name"):
        DECODERS.get("multi_pose")(joint_offset="hp_offset")
