"""MoveNet's keypoints: those of the published graph, both backends equal, safe on bad values."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders
from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError

from .heads import maps

BACKENDS = ("cpp", "numpy")
PHOTOS = ("demo_2", "demo_3", "demo_4", "demo_5")
HEADS = {"center": "center_0", "heatmap": "kpt_heatmap_0", "regression": "kpt_regress_0",
         "offset": "kpt_offset_0"}  # fmt: skip


@pytest.fixture(scope="module")
def graph(reference: Path):
    """Runs the published graph, cut at its four heads: RGB photo -> heads by parameter name."""
    import onnx
    import onnxruntime

    model = onnx.load(str(reference / "movenet" / "movenet_lightning.onnx"))
    outputs = {}
    for parameter, scope in HEADS.items():
        convolutions = [n for n in model.graph.node if n.op_type == "Conv" and scope in n.output[0]]
        outputs[parameter] = convolutions[-1].output[0]
        model.graph.output.append(onnx.ValueInfoProto(name=outputs[parameter]))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def heads(photo: np.ndarray) -> dict[str, np.ndarray]:
        image = photo.astype(np.int32)[None]
        values = session.run(list(outputs.values()), {"input:0": image})
        return dict(zip(outputs, values, strict=True))

    return heads


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("photo", PHOTOS)
def test_keypoints_are_those_of_the_published_graph(graph, reference, photo, backend):
    arrays = np.load(reference / "movenet" / "keypoints.npz")
    expected = arrays[f"{photo}.keypoints"][0, 0]  # y, x, score; relative
    decoder = DECODERS.get("movenet")(constants="float16", backend=backend)
    (found,) = decoder(graph(arrays[f"{photo}.input_rgb"]))
    relative = found.keypoints[0][:, [1, 0, 2]] / np.asarray([192, 192, 1], np.float32)
    np.testing.assert_allclose(relative, expected, rtol=0, atol=2e-7)  # one unit in the last place
    assert found.scores[0] == pytest.approx(expected[:, 2].mean())


def test_constants_of_float32_move_points_by_less_than_a_tenth_of_a_pixel(graph, reference):
    arrays = np.load(reference / "movenet" / "keypoints.npz")
    heads = graph(arrays["demo_2.input_rgb"])
    full, half = (
        DECODERS.get("movenet")(constants=name)(heads)[0].keypoints
        for name in ("float32", "float16")
    )
    assert 0 < np.abs(full - half).max() < 0.1


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    heads=maps(1, 3, 6, 6, least_side=1),
    activation=st.sampled_from(["sigmoid", "none"]),
    constants=st.sampled_from(["float32", "float16"]),
)
def test_numpy_and_cpp_give_the_same_keypoints(heads, activation, constants):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        both = [
            decoders.movenet(*heads, activation=activation, constants=constants, backend=backend)
            for backend in BACKENDS
        ]
    for one, other in zip(*both, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_person_in_the_middle_is_taken_and_its_joint_beside_the_regression(backend):
    center = np.full((1, 1, 9, 9), -9, np.float32)
    center[0, 0, 4, 4], center[0, 0, 0, 8] = 2, 3  # likelier, but far from the middle
    heatmap = np.full((1, 1, 9, 9), -9, np.float32)
    heatmap[0, 0, 2, 4], heatmap[0, 0, 8, 0] = 0, 1  # likelier, but far from the regression
    regression, offset = np.zeros((2, 1, 2, 9, 9), np.float32)
    regression[0, 0, 4, 4] = -2  # y
    offset[0, :, 2, 4] = [0.25, -0.5]  # y, x
    points, scores = decoders.movenet(center, heatmap, regression, offset, backend=backend)
    assert points.tolist() == [[[3.5, 2.25]]]
    assert scores.tolist() == [[0.5]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_is_passed_over_and_reported(backend):
    center, heatmap = np.full((2, 1, 1, 3, 3), np.nan, np.float32)
    heatmap[0, 0, 1, 2] = 0.0
    zeros = np.zeros((1, 2, 3, 3), np.float32)
    with pytest.warns(RuntimeWarning, match="17 values that are not finite"):
        points, scores = decoders.movenet(center, heatmap, zeros, zeros, backend=backend)
    assert points.tolist() == [[[2, 1]]]
    assert scores.tolist() == [[0.5]]


def test_bad_input_is_told():
    center, heatmap = np.zeros((1, 1, 4, 4), np.float32), np.zeros((1, 2, 4, 4), np.float32)
    with pytest.raises(InputError, match=r"regression \(N,4,H,W\).* got .*regression \(1, 2, 4, 4"):
        decoders.movenet(center, heatmap, heatmap, heatmap)
    with pytest.raises(InputError, match="needs head 'regression'"):
        DECODERS.get("movenet")()({"center": center, "heatmap": heatmap})
    with pytest.raises(InputError, match="constants expects one of float32, float16"):
        decoders.movenet(center, center, heatmap, heatmap, constants="int8")
