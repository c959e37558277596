"""Deep Snake in torch gives what the authors' own network gives, from a checkpoint like theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.errors import CheckpointError, ModelError
from models.layers.guards import in_onnx_export
from models.layers.polygon import diamond, octagon, resample
from models.snake import BoxSnake, plugin
from postprocess.decoders import resample as numpy_resample

COCO: dict[str, Any] = {"classes": "coco", "reg": True, "align_corners": False}
SMALL: dict[str, Any] = {
    "classes": ["a", "b"],
    "channels": [8, 8, 8, 16, 16, 16],
    "head_conv": 8,
    "state_dim": 8,
    "fusion_dim": 16,
    "points": 32,
}


@pytest.fixture(scope="module")
def case(reference: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((reference / "snake" / "case.json").read_text())
    return content


@pytest.fixture(scope="module")
def checkpoint(seeded: Callable[[str], Path]) -> Path:
    return seeded("snake")


@pytest.fixture(scope="module")
def network(checkpoint: Path) -> BoxSnake:
    built = plugin.build(COCO)
    assert plugin.load(built, checkpoint) == []
    return built


@pytest.fixture(scope="module")
def outputs(reference: Path, network: BoxSnake) -> dict[str, Any]:
    image = np.load(reference / "inputs" / "2009_000871_256x320.npz")["x"]
    with torch.inference_mode():
        found: dict[str, Any] = network(torch.from_numpy(image))
    return found


@pytest.fixture(scope="module")
def expected(reference: Path) -> dict[str, np.ndarray]:
    with np.load(reference / "snake" / "outputs.npz") as arrays:
        return dict(arrays)


def difference(ours: Tensor, theirs: np.ndarray) -> np.ndarray:
    assert ours.shape == theirs.shape
    return np.abs(ours.numpy() - theirs)


def test_the_network_has_exactly_the_published_parameters(
    network: BoxSnake, case: dict[str, Any]
) -> None:
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == dict(case["state_dict"])


def test_a_classifier_in_the_checkpoint_is_left_over(tmp_path: Path) -> None:
    network = plugin.build(SMALL)
    state = {**network.state_dict(), "dla.base.fc.weight": torch.zeros(1000, 512, 1, 1)}
    torch.save({"net": state, "epoch": 150}, tmp_path / "150.pth")
    assert plugin.load(network, tmp_path / "150.pth") == ["dla.base.fc.weight"]


@pytest.mark.parametrize("name", ["ct_hm", "wh", "reg", "feature"])
def test_heads_are_within_ten_times_the_noise_of_float32(
    name: str, outputs: dict[str, Any], expected: dict[str, np.ndarray], case: dict[str, Any]
) -> None:
    theirs = expected["feature" if name == "feature" else f"head.{name}"]
    assert difference(outputs[name], theirs).max() <= 10 * case["float32_noise"][name]


def test_polygons_of_every_stage_are_within_three_times_the_noise(
    outputs: dict[str, Any], expected: dict[str, np.ndarray], case: dict[str, Any]
) -> None:
    noise = case["float32_noise"]
    assert torch.equal(outputs["ct"], torch.from_numpy(expected["ct"][0]))
    # the file gives no noise for what lies before the first evolution; it is at most that of py.0
    for name in ("detection", "it_ex", "ex", "it_py"):
        assert difference(outputs[name], expected[name]).max() <= 3 * noise["py.0"], name
    for index, ours in enumerate(outputs["py"]):
        gap = difference(ours, expected[f"py.{index}"])
        assert gap.max() <= 3 * noise[f"py.{index}"]
        assert np.quantile(gap, 0.99) <= 3 * noise[f"py.{index}.p99"]


def test_align_corners_moves_the_contours(
    network: BoxSnake, outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network.gcn, "align_corners", True)
    boxes = outputs["detection"][:, :4]
    with torch.inference_mode():
        stages = network.gcn.contours(outputs["feature"], boxes, outputs["image_index"])
    assert torch.equal(stages["it_ex"], outputs["it_ex"])
    assert (stages["ex"] - outputs["ex"]).abs().max() > 0.1


def test_class_count_of_another_data_set_is_said_in_words(checkpoint: Path) -> None:
    other = plugin.build({"classes": "sbd", "reg": True})
    with pytest.raises(CheckpointError, match=r"trained on 80 classes.*configured for 20"):
        plugin.load(other, checkpoint)


def test_each_image_of_a_batch_gets_what_it_gets_alone() -> None:
    torch.manual_seed(0)
    network = plugin.build({**SMALL, "threshold": 0.0, "k": 5})
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        together = network(images)
        for index in range(2):
            alone = network(images[index : index + 1])
            mine = together["image_index"] == index
            # batched convolutions sum in another order: float32 noise
            for ours, theirs in zip(together["py"], alone["py"], strict=True):
                torch.testing.assert_close(ours[mine], theirs, atol=1e-4, rtol=1e-4)


def test_no_detection_gives_empty_contours_of_the_usual_shapes() -> None:
    network = plugin.build({**SMALL, "threshold": 1.0})
    with torch.inference_mode():
        found = network(torch.zeros(1, 3, 64, 64))
    assert found["detection"].shape == (0, 6)
    assert found["ex"].shape == (0, 4, 2)
    assert [contours.shape for contours in found["py"]] == [(0, 32, 2)] * 3


def test_training_reaches_every_learned_part_of_the_contour() -> None:
    torch.manual_seed(0)
    network = plugin.build(SMALL)
    feature = torch.randn(1, network.feature_dim, 16, 16, requires_grad=True)
    index = torch.zeros(2, dtype=torch.long)
    boxes = torch.tensor([[2.0, 3.0, 9.0, 12.0], [5.0, 1.0, 14.0, 8.0]])
    stages = network.gcn.contours(feature, boxes, index)
    stages["py"][-1].sum().backward()
    assert all(parameter.grad is not None for parameter in network.gcn.parameters())
    assert feature.grad is not None


def test_refine_branches_are_the_network_s_own_steps(
    network: BoxSnake, outputs: dict[str, Any]
) -> None:
    _, refine = plugin.graphs(network, COCO)
    names = [port.name for port in refine.inputs]
    assert names[:2] == ["init_samples", "init_contour"]
    assert refine.inputs[0].shape == ("init_contours", 41, 64)
    feeds = [torch.zeros(0, *port.shape[1:]) for port in refine.inputs]
    samples = torch.randn(3, 128, 64)
    contour = torch.rand(3, 128, 2) * 80
    feeds[names.index("evolve1_samples")] = samples
    feeds[names.index("evolve1_contour")] = contour
    with torch.inference_mode():
        results = dict(
            zip((port.name for port in refine.outputs), refine.module(*feeds), strict=True)
        )
        direct = network.gcn(1, samples, contour)
    assert torch.equal(results["evolve1_offset"], direct)
    assert results["init_offset"].shape == (0, 40, 2)
    assert results["evolve0_offset"].shape == (0, 128, 2)


def test_export_sees_the_backbone_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_onnx_export()
    network = plugin.build({**SMALL, "reg": True})
    monkeypatch.setattr("models.snake.in_onnx_export", lambda: True)
    heads = network(torch.zeros(1, 3, 64, 64))
    assert [tuple(head.shape) for head in heads] == [
        (1, 2, 16, 16), (1, 2, 16, 16), (1, 2, 16, 16), (1, 8, 16, 16),
    ]  # fmt: skip


def test_diamond_and_octagon_of_a_box_are_those_of_the_paper() -> None:
    box = torch.tensor([[0.0, 0.0, 16.0, 8.0]])
    corners = diamond(box)
    assert corners.tolist() == [[[8, 0], [0, 4], [8, 8], [16, 4]]]
    assert octagon(corners).tolist() == [
        [
            [8, 0], [6, 0], [0, 3], [0, 4], [0, 5], [6, 8],
            [8, 8], [10, 8], [16, 5], [16, 4], [16, 3], [10, 0],
        ]
    ]  # fmt: skip


def test_an_octagon_s_sides_stop_at_the_corners_of_its_box() -> None:
    extreme = torch.tensor([[[1.0, 0.0], [0.0, 0.5], [15.0, 8.0], [16.0, 7.5]]])
    vertices = octagon(extreme)[0]
    assert vertices[1].tolist() == [0, 0]
    assert vertices[2].tolist() == [0, 0]
    assert vertices[7].tolist() == [16, 8]


@pytest.mark.parametrize("count", [12, 40, 128])
def test_torch_and_numpy_share_points_out_alike(count: int) -> None:
    rng = np.random.default_rng(count)
    polygons = (rng.standard_normal((50, 12, 2)) * 20).astype(np.float32)
    polygons[0] = 3.0  # all points alike
    polygons[1, 4:8] = polygons[1, 4]  # edges without length
    polygons[2, 0] = 1e4  # two edges take nearly everything
    ours = resample(torch.from_numpy(polygons), count).numpy()
    theirs = numpy_resample(polygons, count, backend="numpy")
    # one rounding of float32 at a coordinate of 1e4
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=2e-7)


def test_resampling_needs_a_point_for_every_edge() -> None:
    with pytest.raises(ValueError, match="cannot spread 8 points over 12 edges"):
        resample(torch.zeros(1, 12, 2), 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 8}, "model.points=8 must be at least 16"),
        ({"init_points": 42}, "model.init_points=42 must be a multiple of 4"),
        ({"channels": [1, 2]}, "must be 6 positive widths"),
        ({"k": 0}, "model.k=0 must be at least 1"),
        ({"dcn": "other"}, "model.dcn=other is not known"),
        ({"classes": "imagenet"}, "model.classes=imagenet is not known"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_it(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        plugin.build({**SMALL, **change})
    assert "\n" not in str(caught.value)
