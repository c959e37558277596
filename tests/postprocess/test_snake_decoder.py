"""Deep Snake's decoder gives what the authors' own test-time code gives, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postprocess.decoders.base import Refine, schema
from postprocess.decoders.extreme import diamonds, octagons
from postprocess.decoders.snake import Snake
from postprocess.errors import InputError
from postprocess.instances import Array


@pytest.fixture(scope="module")
def outputs(reference: Path) -> dict[str, Array]:
    with np.load(reference / "snake" / "outputs.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def noise(reference: Path) -> dict[str, float]:
    case = json.loads((reference / "snake" / "case.json").read_text())
    return dict(case["float32_noise"])


@pytest.fixture(scope="module")
def heads(outputs: dict[str, Array]) -> dict[str, Array]:
    named = {name: outputs[f"head.{name}"] for name in ("ct_hm", "wh", "reg")}
    return {**named, "feature": outputs["feature"]}


@pytest.fixture(scope="module")
def refine(request: pytest.FixtureRequest) -> Refine:
    """The authors' learned part with the reference's weights, run by PyTorch."""
    torch = pytest.importorskip("torch", reason="the reference's learned part runs in PyTorch")
    from models.snake import plugin

    network = plugin.build({"classes": "coco", "reg": True})
    plugin.load(network, request.getfixturevalue("seeded")("snake"))
    branches = {branch.output.name: branch for branch in network.refine_branches().values()}

    def run(feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        (name,) = wanted
        branch = branches[name]
        assert set(feeds) == {port.name for port in branch.inputs}
        given = [torch.from_numpy(np.ascontiguousarray(feeds[p.name])) for p in branch.inputs]
        with torch.no_grad():
            return {name: branch.module(*given).numpy()}

    return run


@pytest.mark.parametrize("backend", ["numpy", "cpp"])
def test_every_stage_agrees_with_the_authors_network(
    outputs: dict[str, Array],
    noise: dict[str, float],
    heads: dict[str, Array],
    refine: Refine,
    backend: str,
) -> None:
    trace: dict[str, Array] = {}
    (found,) = Snake(backend=backend)(heads, refine, trace)
    assert np.array_equal(trace["ct"], outputs["ct"][0])
    # the heads are the reference's own, so up to here only the order of a sum differs
    np.testing.assert_allclose(trace["detection"], outputs["detection"], atol=1e-5)
    np.testing.assert_allclose(trace["it_ex"], outputs["it_ex"], atol=1e-5)
    # the file gives no noise for what lies before the first evolution; it is at most that of py.0
    for name in ("ex", "it_py"):
        assert np.abs(trace[name] - outputs[name]).max() <= 3 * noise["py.0"], name
    for name in ("py.0", "py.1", "py.2"):
        difference = np.abs(trace[name] - outputs[name])
        assert difference.max() <= 3 * noise[name], name
        assert np.quantile(difference, 0.99) <= 3 * noise[f"{name}.p99"], name
    assert found.contours is not None
    assert np.array_equal(found.contours, trace["py.2"] * 4)


def made_up_heads(batch: int = 1, seed: int = 0) -> dict[str, Array]:
    """A few peaks in each image of a batch, boxes of 2 to 12 feature pixels."""
    rng = np.random.default_rng(seed)
    heatmap = np.full((batch, 3, 16, 20), -8, np.float32)
    for i in range(batch):
        for _ in range(i + 1):
            heatmap[i, rng.integers(3), rng.integers(16), rng.integers(20)] = rng.uniform(0, 3)
    return {
        "ct_hm": heatmap,
        "wh": rng.uniform(2, 12, (batch, 2, 16, 20)).astype(np.float32),
        "feature": rng.standard_normal((batch, 4, 16, 20)).astype(np.float32),
    }


def made_up_refine(feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
    """Offsets that depend on everything fed, contour by contour."""
    (name,) = wanted
    contour = feeds[name.replace("_offset", "_contour")]
    samples = feeds[name.replace("_offset", "_samples")]
    return {name: samples[:, -contour.shape[1] :, :2] + contour * np.float32(0.01)}


def test_each_image_of_a_batch_gets_what_it_gets_alone() -> None:
    heads = made_up_heads(batch=3)
    decoder = Snake(points=16, backend="numpy")
    together = decoder(heads, made_up_refine)
    assert [len(found) for found in together] == [1, 2, 3]
    for i, found in enumerate(together):
        (alone,) = decoder(
            {name: array[i : i + 1] for name, array in heads.items()}, made_up_refine
        )
        for name, array in vars(alone).items():
            assert np.array_equal(array, getattr(found, name)), name


def test_no_detection_gives_empty_arrays_of_the_usual_shapes() -> None:
    heads = made_up_heads()
    heads["ct_hm"][:] = -8
    trace: dict[str, Array] = {}
    (found,) = Snake(points=16, backend="numpy")(heads, made_up_refine, trace)
    assert found.contours is not None
    assert found.contours.shape == (0, 16, 2)
    assert found.boxes.shape == (0, 4)
    shapes = {name: array.shape for name, array in trace.items()}
    assert shapes == {
        "ct": (0, 2), "detection": (0, 6), "it_ex": (0, 40, 2), "ex": (0, 4, 2),
        "it_py": (0, 16, 2), "py.0": (0, 16, 2), "py.1": (0, 16, 2), "py.2": (0, 16, 2),
    }  # fmt: skip


def test_without_refine_the_octagon_in_the_box_is_the_result() -> None:
    heads = made_up_heads()
    trace: dict[str, Array] = {}
    (found,) = Snake(points=64, backend="numpy")(heads, trace=trace)
    assert "py.0" not in trace
    np.testing.assert_allclose(found.boxes / 4, trace["detection"][:, :4], atol=1e-5)


def test_align_corners_changes_what_is_sampled() -> None:
    heads = made_up_heads()
    contours = [
        Snake(points=16, align_corners=flag, backend="numpy")(heads, made_up_refine)[0].contours
        for flag in (False, True)
    ]
    assert contours[0] is not None
    assert contours[1] is not None
    assert np.abs(contours[0] - contours[1]).max() > 0.1


def test_contours_with_nan_are_dropped_with_a_warning() -> None:
    heads = {name: array[2:] for name, array in made_up_heads(batch=3).items()}
    decoder = Snake(points=16, backend="numpy")
    (whole,) = decoder(heads)
    y, x = np.argwhere(heads["ct_hm"][0].max(axis=0) == heads["ct_hm"].max())[0]
    heads["wh"][0, 1, y, x] = np.nan
    with pytest.warns(RuntimeWarning, match="1 of 3 contours hold NaN"):
        (found,) = decoder(heads)
    assert np.array_equal(found.scores, whole.scores[1:])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"align_corner": True}, "no parameter 'align_corner'; did you mean 'align_corners'?"),
        ({"align_corners": 1}, "'align_corners' expects true or false, got 1"),
        ({"init_points": 42}, "'init_points' expects a multiple of 4, got 42"),
        ({"points": 8}, "'points' expects at least 12, got 8"),
        ({"kernel": 4}, "'kernel' expects an odd number, got 4"),
        ({"stride": -1}, "'stride' expects a number above 0, got -1"),
    ],
)
def test_a_wrong_parameter_is_one_line_that_names_it(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        Snake(**parameters)
    assert str(caught.value).startswith("decoder Snake")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heads_that_do_not_fit_are_one_line_that_names_them() -> None:
    heads = made_up_heads()
    heads["wh"] = heads["wh"][:, :1]
    with pytest.raises(InputError, match=r"wh \(N,2,h,w\).*got.*\(1, 1, 16, 20\)"):
        Snake()(heads)
    del heads["wh"]
    with pytest.raises(InputError, match="needs head 'wh', got ct_hm, feature"):
        Snake()(heads)
    with pytest.raises(InputError, match="a trace is of one image, got a batch of 2"):
        Snake()(made_up_heads(batch=2), trace={})


def test_schema_takes_the_default_parameters_and_refuses_others() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    described = schema(Snake)
    defaults = {name: field["default"] for name, field in described["properties"].items()}
    jsonschema.validate(defaults, described)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"align_corners": "yes"}, described)


def test_diamonds_and_octagons_of_a_box() -> None:
    corners = diamonds(np.array([[0, 0, 16, 8]], np.float32))
    assert corners.tolist() == [[[8, 0], [0, 4], [8, 8], [16, 4]]]
    assert octagons(corners)[0, ::3].tolist() == corners[0].tolist()
    assert octagons(corners)[0, 1:3].tolist() == [[6, 0], [0, 3]]
    with pytest.raises(InputError, match=r"boxes expects \(n,4\)"):
        diamonds(np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match=r"extreme points expects \(n,4,2\)"):
        octagons(np.zeros((2, 3, 2), np.float32))
