"""E2EC's decoder gives what the authors' own test-time code gives, stage by stage."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from postprocess.decoders.base import Refine, schema
from postprocess.decoders.e2ec import E2EC
from postprocess.errors import InputError
from postprocess.instances import Array

TOLERANCE = 0.01
"""Network-input pixels. The heads are the reference's own, so only the order of float32 sums after
them differs: 0.001 was measured. The whole network's float32 noise (case.json) is 0.09."""


@pytest.fixture(scope="module")
def outputs(reference: Path) -> dict[str, Array]:
    with np.load(reference / "e2ec" / "outputs.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def heads(outputs: dict[str, Array]) -> dict[str, Array]:
    return {
        "ct_hm": outputs["head.ct_hm"],
        "wh": outputs["head.wh"],
        "feature": outputs["feature"],
    }


@pytest.fixture(scope="module")
def refine(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Refine:
    """The authors' learned part with the reference's weights, run by PyTorch."""
    torch = pytest.importorskip("torch", reason="the reference's learned part runs in PyTorch")
    from models.e2ec import E2EC as Network

    case = json.loads((reference / "e2ec" / "case.json").read_text())
    case["state_dict"] = [each for each in case["state_dict"] if not each[0].startswith("dla.")]
    folder = tmp_path_factory.mktemp("case")
    (folder / "case.json").write_text(json.dumps(case))
    (folder / "small_params.npz").symlink_to((reference / "e2ec" / "small_params.npz").resolve())
    state = _seeded(reference).state_dict(folder)
    network = Network(classes=80, channels=(8, 8, 64, 8, 8, 8)).eval()  # the backbone is not run
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    missing = network.load_state_dict(tensors, strict=False).missing_keys
    assert all(name.startswith("dla.") for name in missing)
    branches = {branch.output.name: branch for branch in network.refine_branches().values()}
    known: dict[tuple[str, bytes], Array] = {}

    def run(feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        (name,) = wanted
        key = name, b"".join(array.tobytes() for array in feeds.values())
        if key not in known:  # several tests ask for the same
            inputs = [feeds[port.name] for port in branches[name].inputs]
            tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs]
            with torch.no_grad():
                known[key] = branches[name].module(*tensors).numpy()
        return {name: known[key]}

    return run


def _seeded(reference: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("seeded", reference / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("backend", ["numpy", "cpp"])
def test_every_stage_agrees_with_the_authors_network(
    outputs: dict[str, Array],
    heads: dict[str, Array],
    refine: Refine,
    backend: str,
) -> None:
    trace: dict[str, Array] = {}
    (found,) = E2EC(backend=backend)(heads, refine, trace)
    assert np.array_equal(trace["detection"][:, [0, 1, 3]], outputs["detection"][:, [0, 1, 3]])
    # a float32 sigmoid against one in double precision
    np.testing.assert_allclose(trace["detection"][:, 2], outputs["detection"][:, 2], atol=2e-7)
    for name in ("poly_init", "poly_coarse", "py.0", "py.1", "py.2"):
        assert np.abs(trace[name] - outputs[name]).max() <= TOLERANCE, name
    assert found.contours is not None
    assert np.array_equal(found.contours, trace["py.2"])


def test_jagged_filter_agrees_with_the_authors(
    outputs: dict[str, Array], heads: dict[str, Array], refine: Refine
) -> None:
    trace: dict[str, Array] = {}
    (found,) = E2EC(jagged_filter=True, backend="numpy")(heads, refine, trace)
    assert np.abs(trace["dml.py"] - outputs["dml.py"]).max() <= TOLERANCE
    assert not np.array_equal(trace["dml.py"], trace["py.2"])
    assert found.contours is not None
    assert np.array_equal(found.contours, trace["dml.py"])


def test_fast_nms_agrees_with_the_authors(
    outputs: dict[str, Array], heads: dict[str, Array], refine: Refine
) -> None:
    trace: dict[str, Array] = {}
    (found,) = E2EC(nms_iou=0.7, backend="numpy")(heads, refine, trace)
    assert trace["nms.py"].shape == outputs["nms.py"].shape
    assert np.abs(trace["nms.py"] - outputs["nms.py"]).max() <= TOLERANCE
    np.testing.assert_allclose(trace["nms.detection"], outputs["nms.detection"], atol=2e-7)
    assert len(found) == len(outputs["nms.py"])


def test_boxes_are_those_of_the_contours_and_scores_descend(
    heads: dict[str, Array], refine: Refine
) -> None:
    (found,) = E2EC(backend="numpy")(heads, refine)
    assert found.contours is not None
    assert np.array_equal(found.boxes[:, :2], found.contours.min(axis=1))
    assert np.array_equal(found.boxes[:, 2:], found.contours.max(axis=1))
    assert (np.diff(found.scores) <= 0).all()
    assert found.classes.dtype == np.int64


def made_up_heads(batch: int = 1, points: int = 8, seed: int = 0) -> dict[str, Array]:
    """A few peaks in each image of a batch, random offsets."""
    rng = np.random.default_rng(seed)
    heatmap = np.full((batch, 3, 16, 20), -8, np.float32)
    for i in range(batch):
        for _ in range(i + 1):
            heatmap[i, rng.integers(3), rng.integers(16), rng.integers(20)] = rng.uniform(0, 3)
    shape = (batch, 2 * points, 16, 20)
    return {
        "ct_hm": heatmap,
        "wh": rng.standard_normal(shape).astype(np.float32),
        "feature": rng.standard_normal((batch, 4, 16, 20)).astype(np.float32),
    }


def made_up_refine(feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
    """Offsets that depend on everything fed, contour by contour."""
    (name,) = wanted
    if name == "coarse_feature":
        return {name: feeds["feature"] * np.float32(0.5)}
    samples = feeds[name.replace("_offset", "_samples")]
    offsets = samples[:, -8:, :2].copy()
    if name != "coarse_offset":
        offsets += feeds[name.replace("_offset", "_contour")] * np.float32(0.01)
    return {name: offsets}


def test_each_image_of_a_batch_gets_what_it_gets_alone() -> None:
    heads = made_up_heads(batch=3)
    decoder = E2EC(points=8, backend="numpy")
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
    decoder = E2EC(points=8, backend="numpy", jagged_filter=True, nms_iou=0.7)
    (found,) = decoder(heads, made_up_refine, trace)
    assert found.boxes.shape == (0, 4)
    assert found.contours is not None
    assert found.contours.shape == (0, 8, 2)
    assert trace["detection"].shape == (0, 4)
    stages = ("poly_init", "poly_coarse", "py.0", "py.1", "py.2", "dml.py", "nms.py")
    assert all(trace[name].shape == (0, 8, 2) for name in stages)


def test_without_refine_the_initial_contours_are_the_result() -> None:
    heads = made_up_heads()
    trace: dict[str, Array] = {}
    (found,) = E2EC(points=8, backend="numpy")(heads, trace=trace)
    assert set(trace) == {"detection", "poly_init"}
    assert found.contours is not None
    assert np.array_equal(found.contours, trace["poly_init"])


def test_initial_contours_stay_inside_of_the_feature_map() -> None:
    heads = made_up_heads()
    heads["wh"] *= 100
    (found,) = E2EC(points=8, backend="numpy")(heads)
    assert found.contours is not None
    assert found.contours.min() == 0
    assert found.contours[..., 0].max() == 4 * 19
    assert found.contours[..., 1].max() == 4 * 15


def test_contours_with_nan_are_dropped_with_a_warning() -> None:
    heads = made_up_heads(batch=3)
    heads = {name: array[2:] for name, array in heads.items()}
    decoder = E2EC(points=8, backend="numpy")
    (whole,) = decoder(heads)
    y, x = np.argwhere(heads["ct_hm"][0].max(axis=0) == heads["ct_hm"].max())[0]
    heads["wh"][0, 3, y, x] = np.nan
    with pytest.warns(RuntimeWarning, match="1 of 3 contours hold NaN"):
        (found,) = decoder(heads)
    assert np.array_equal(found.scores, whole.scores[1:])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"treshold": 0.1}, "no parameter 'treshold'; did you mean 'threshold'?"),
        ({"threshold": "high"}, "'threshold' expects a number, got 'high'"),
        ({"threshold": 30}, "'threshold' expects a number from 0 to 1, got 30"),
        ({"threshold": float("nan")}, "'threshold' expects a number, got nan"),
        ({"k": 2.5}, "'k' expects an integer, got 2.5"),
        ({"k": True}, "'k' expects an integer, got True"),
        ({"k": 0}, "'k' expects at least 1, got 0"),
        ({"kernel": 4}, "'kernel' expects an odd number, got 4"),
        ({"stride": 0}, "'stride' expects a number above 0, got 0"),
        ({"nms_iou": "off"}, "'nms_iou' expects a number or null, got 'off'"),
        ({"backend": "cuda"}, "'backend' expects 'cpp' or 'numpy', got 'cuda'"),
    ],
)
def test_a_wrong_parameter_is_one_line_that_names_it(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        E2EC(**parameters)
    assert str(caught.value).startswith("decoder E2EC")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heads_that_do_not_fit_are_one_line_that_names_them() -> None:
    heads = made_up_heads()
    with pytest.raises(InputError, match=r"wh \(N,256,h,w\).*got.*\(1, 16, 16, 20\)"):
        E2EC()(heads)
    del heads["wh"]
    with pytest.raises(InputError, match="needs head 'wh', got ct_hm, feature"):
        E2EC(points=8)(heads)
    with pytest.raises(InputError, match="a trace is of one image, got a batch of 2"):
        E2EC(points=8)(made_up_heads(batch=2), trace={})


def test_schema_takes_the_default_parameters_and_refuses_others() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    described = schema(E2EC)
    defaults = {name: field["default"] for name, field in described["properties"].items()}
    jsonschema.validate(defaults, described)
    for wrong in ({"k": "many"}, {"k": 1, "colour": 2}, {"backend": "cuda"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, described)
