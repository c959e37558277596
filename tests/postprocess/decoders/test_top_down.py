"""One person an image from its keypoint heatmaps, in pixels of the network's input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from postprocess.decoders import keypoints
from postprocess.decoders.base import DECODERS, FlipTest
from postprocess.decoders.top_down import Keypoints
from postprocess.errors import InputError


def maps(count: int = 2, joints: int = 5) -> np.ndarray:
    """(N, K, 32, 24) gaussians of height 0.1 to 0.9."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:32, :24]
    centres = rng.uniform(5, 19, (count, joints, 2))
    heights = np.linspace(0.1, 0.9, joints)[:, None, None]
    bumps = [
        [np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 4) for cx, cy in person] for person in centres
    ]
    return (heights * np.array(bumps)).astype(np.float32)


def decode(heatmap: np.ndarray, **parameters: Any) -> list[Any]:
    return DECODERS.get("keypoints")(backend="numpy", **parameters)({"heatmap": heatmap})


@pytest.mark.parametrize("method", ["argmax", "quarter", "dark", "dark_udp"])
def test_points_are_those_of_the_method_times_the_stride(method: str) -> None:
    heatmap = maps()
    points, scores = keypoints(heatmap, method, backend="numpy")  # type: ignore[arg-type]
    sides = np.array([24, 32])
    factor = (4 * sides - 1) / (sides - 1) if method == "dark_udp" else 4
    for found, expected, values in zip(decode(heatmap, method=method), points, scores, strict=True):
        np.testing.assert_allclose(found.keypoints[0, :, :2], expected * factor, rtol=1e-6)
        np.testing.assert_array_equal(found.keypoints[0, :, 2], values)
        assert found.scores[0] == pytest.approx(values.mean())
        np.testing.assert_array_equal(found.boxes[0, :2], found.keypoints[0, :, :2].min(axis=0))
        np.testing.assert_array_equal(found.boxes[0, 2:], found.keypoints[0, :, :2].max(axis=0))


def test_layout_and_activation_lead_to_the_same_points() -> None:
    heatmap = maps() + np.float32(0.01)
    expected = decode(heatmap)[1].keypoints
    np.testing.assert_array_equal(
        decode(heatmap.transpose(0, 2, 3, 1), layout="nhwc")[1].keypoints, expected
    )
    logits = np.log(heatmap / (1 - heatmap))
    # the logarithm and its inverse, in float32
    np.testing.assert_allclose(
        decode(logits, activation="sigmoid")[1].keypoints, expected, atol=2e-4
    )


def test_a_person_is_scored_by_all_joints_or_by_those_that_show() -> None:
    heatmap = maps(1)
    values = heatmap.max(axis=(2, 3))[0]
    assert decode(heatmap, score="mean")[0].scores[0] == pytest.approx(values.mean())
    seen = decode(heatmap, score="visible", joint_threshold=0.4)[0].scores[0]
    assert seen == pytest.approx(values[values >= 0.4].mean())
    assert decode(heatmap, score="visible", joint_threshold=2.0)[0].scores[0] == 0


def test_a_person_below_the_threshold_is_dropped() -> None:
    heatmap = maps(2)
    heatmap[0] *= 0.1
    assert [len(each) for each in decode(heatmap, threshold=0.2)] == [0, 1]


def test_a_map_that_is_not_finite_costs_a_warning_and_no_crash() -> None:
    heatmap = maps(1)
    heatmap[0, 0] = np.nan
    with pytest.warns(RuntimeWarning, match="not finite"):
        (found,) = decode(heatmap)
    assert found.keypoints[0, 0].tolist() == [0, 0, 0]


def test_the_heads_of_a_flip_test_keep_their_layout() -> None:
    heatmap, order = maps(1, 3), np.array([0, 2, 1])
    plain, udp = Keypoints(layout="nhwc"), Keypoints(method="dark_udp")
    assert isinstance(plain, FlipTest)
    last = {"heatmap": heatmap.transpose(0, 2, 3, 1)}
    merged = plain.merge_flipped(last, last, order)["heatmap"]
    assert merged.shape == (1, 32, 24, 3)
    still = udp.merge_flipped({"heatmap": heatmap}, {"heatmap": heatmap}, order)["heatmap"]
    np.testing.assert_array_equal(still[:, 1], (heatmap[:, 1] + heatmap[:, 2, :, ::-1]) / 2)
    assert not np.array_equal(still.transpose(0, 2, 3, 1), merged)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"method": "darker"}, "'method' expects"),
        ({"kernel": 4}, "'kernel' expects an odd number"),
        ({"stride": 0.0}, "'stride' expects a number above 0"),
        ({"heat": "x"}, "has no parameter 'heat'; did you mean 'heatmap'?"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        Keypoints(**parameters)
    assert words in str(caught.value)


def test_a_missing_or_flat_head_is_named() -> None:
    for heads in ({"other": maps()}, {"heatmap": maps()[0]}):
        with pytest.raises(InputError, match="heatmap"):
            Keypoints()(heads)
