"""Component detection in numpy: what the network in torch gives, and what each step promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from postprocess.decoders.base import DECODERS
from postprocess.decoders.snake_rcnn import SnakeRcnn
from postprocess.errors import InputError
from postprocess.instances import Array

SMALL: dict[str, Any] = {
    "channels": [8, 8, 8, 16, 16, 16],
    "head_conv": 8,
    "component_width": 8,
    "state_dim": 8,
    "fusion_dim": 16,
    "points": 32,
}


def heads_with(*centres: tuple[int, int, int, float]) -> dict[str, Array]:
    """Peaks (class, x, y, logit) of boxes of 12 by 8 feature pixels on a 20 by 16 map."""
    heatmap = np.full((1, 3, 16, 20), -8, np.float32)
    for category, x, y, logit in centres:
        heatmap[0, category, y, x] = logit
    size = np.broadcast_to(np.array([12, 8], np.float32)[:, None, None], (1, 2, 16, 20))
    feature = np.random.default_rng(0).standard_normal((1, 4, 16, 20)).astype(np.float32)
    return {"act_hm": heatmap, "awh": size.copy(), "feature": feature}


def refine_with(maps: Array) -> Any:
    """Components as in `maps` (3, 14, 56) for every instance; contours stay where they are."""

    def run(feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        (name,) = wanted
        if name == "component_maps":
            regions = feeds["component_features"]
            assert regions.shape[1:] == (4, 7, 28)
            return {name: np.repeat(maps[None], len(regions), axis=0)}
        return {name: np.zeros_like(feeds[name.replace("_offset", "_contour")])}

    return run


def two_components() -> Array:
    """Peaks a quarter and three quarters along, halfway down, of 4 by 6 feature pixels."""
    maps = np.full((3, 14, 56), -9, np.float32)
    maps[0, 7, [14, 42]] = 3
    maps[1], maps[2] = 4, 6
    return maps


def test_every_stage_is_what_the_network_in_torch_gives() -> None:
    torch = pytest.importorskip("torch", reason="the network to compare with is in PyTorch")
    from models.snake_rcnn import RcnnSnake

    torch.manual_seed(3)
    network = RcnnSnake(5, **SMALL, k=12, threshold=0.0).eval()
    torch.nn.init.normal_(network.dla.act_hm[2].weight, std=2.0)
    torch.nn.init.constant_(network.dla.awh[2].bias, 9.0)
    torch.nn.init.normal_(network.cp.cp_hm[1].weight, std=20.0)
    torch.nn.init.zeros_(network.cp.cp_hm[1].bias)
    torch.nn.init.constant_(network.cp.cp_wh[1].bias, 3.0)
    with torch.inference_mode():
        theirs = network(torch.randn(1, 3, 64, 96))
    branches = {each.output.name: each for each in network.refine_branches().values()}

    def refine(feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        branch = branches[wanted[0]]
        given = [torch.from_numpy(np.ascontiguousarray(feeds[p.name])) for p in branch.inputs]
        with torch.inference_mode():
            return {wanted[0]: branch.module(*given).numpy()}

    heads = {name: theirs[name].numpy() for name in ("act_hm", "awh", "feature")}
    trace: dict[str, Array] = {}
    SnakeRcnn(points=32, k=12, threshold=0.0)(heads, refine, trace)
    # in torch instances come class by class, here by score; components follow their instances
    order = theirs["detection"][:, 4].argsort(descending=True, stable=True)
    np.testing.assert_allclose(trace["detection"], theirs["detection"][order].numpy(), atol=1e-5)
    owner = theirs["cp_ind"].numpy()
    rows = np.concatenate([np.flatnonzero(owner == each) for each in order.tolist()])
    places = np.argsort(order.numpy())
    assert len(rows) > len(order), "no instance fell into several components"
    assert len(set(trace["detection"][:, 5]) & {1, 2}) > 0, "no instance was kept whole"
    assert np.array_equal(trace["cp_ind"], places[owner[rows]])
    for name in ("cp_box", "it_ex", "ex", "it_py"):
        # float32 rounding of the regions' sums, through three convolutions
        np.testing.assert_allclose(trace[name], theirs[name].numpy()[rows], atol=1e-4)
    for index, contours in enumerate(theirs["py"]):
        np.testing.assert_allclose(trace[f"py.{index}"], contours.numpy()[rows], atol=1e-4)


def test_components_lie_where_their_peaks_are_in_the_box() -> None:
    trace: dict[str, Array] = {}
    (found,) = SnakeRcnn(points=16)(
        heads_with((0, 10, 8, 3.0)), refine_with(two_components()), trace
    )
    # the box spans 4 to 16 and 4 to 12: the peaks are at x = 7 and 13, y = 8
    assert sorted(trace["cp_box"].tolist()) == [[5, 5, 9, 11], [11, 5, 15, 11]]
    assert trace["cp_ind"].tolist() == [0, 0]
    assert len(found) == 2
    assert found.scores[0] == found.scores[1] == trace["detection"][0, 4]


@pytest.mark.parametrize("category", [1, 2])
def test_persons_and_riders_are_one_component_each(category: int) -> None:
    trace: dict[str, Array] = {}
    SnakeRcnn(points=16)(heads_with((category, 10, 8, 3.0)), refine_with(two_components()), trace)
    assert trace["cp_box"].tolist() == [[4, 4, 16, 12]]


def test_nms_of_instances_is_within_a_class() -> None:
    heads = heads_with((0, 10, 8, 2.0), (0, 12, 8, 3.0), (1, 12, 8, 1.0))
    trace: dict[str, Array] = {}
    SnakeRcnn(points=16, instance_overlap=0.6)(heads, trace=trace)
    # the two boxes of class 0 share 11 of 15 columns
    assert trace["detection"][:, 5].tolist() == [0, 1]
    SnakeRcnn(points=16, instance_overlap=0.8)(heads, trace=trace)
    assert trace["detection"][:, 5].tolist() == [0, 0, 1]


def test_weak_components_and_those_beside_a_better_one_are_dropped() -> None:
    maps = two_components()
    maps[0, 7, 14] = -2  # a probability of 0.12
    maps[0, 7, 43] = 2  # beside the stronger one at 42
    trace: dict[str, Array] = {}
    SnakeRcnn(points=16)(heads_with((0, 10, 8, 3.0)), refine_with(maps), trace)
    assert trace["cp_box"].tolist() == [[11, 5, 15, 11]]


def test_without_refine_every_instance_is_one_component() -> None:
    (found,) = SnakeRcnn(points=64)(heads_with((0, 10, 8, 3.0)))
    np.testing.assert_allclose(found.boxes, [[16, 16, 64, 48]])


def test_no_detection_gives_empty_arrays_of_the_usual_shapes() -> None:
    trace: dict[str, Array] = {}
    (found,) = SnakeRcnn(points=16)(heads_with(), refine_with(two_components()), trace)
    assert len(found) == 0
    assert trace["cp_box"].shape == (0, 4)
    assert trace["py.2"].shape == (0, 16, 2)


def test_a_wrong_parameter_or_head_is_one_line_that_names_it() -> None:
    decoder = DECODERS.get("snake_rcnn")
    with pytest.raises(InputError, match="'region' expects rows and columns, each at least 1"):
        decoder(region=[7])
    with pytest.raises(InputError, match="'components' expects at least 1, got 0"):
        decoder(components=0)
    with pytest.raises(InputError, match="decoder SnakeRcnn needs head 'act_hm', got ct_hm"):
        decoder()({"ct_hm": np.zeros((1, 3, 16, 20), np.float32)})
