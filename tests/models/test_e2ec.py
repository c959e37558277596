"""E2EC's own promises: training gradients, empty images, the graphs it names, its initial state."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from models.classes import CLASSES
from models.e2ec import E2EC, plugin
from models.layers.peaks import find_peaks
from models.layers.sampling import sample_features

SMALL = {
    "classes": "scenes",
    "points": 16,
    "channels": [4, 6, 8, 10, 12, 14],
    "head_conv": 8,
    "state_dim": 8,
    "fusion_dim": 8,
    "trans_dim": 8,
}


@pytest.fixture
def network() -> E2EC:
    torch.manual_seed(0)
    return plugin.build(SMALL)


def test_every_parameter_that_is_used_learns_from_given_centres(network: E2EC) -> None:
    network.train()
    for module in network.modules():  # away from the zeros and small numbers that training leaves
        if isinstance(module, nn.Conv1d):
            nn.init.normal_(module.weight, std=0.1)
    heads = network.heads(torch.randn(2, 3, 64, 64))
    centres, owner = torch.tensor([[3.0, 4.0], [8.0, 8.0], [9.0, 2.0]]), torch.tensor([1, 0, 1])
    init = network.initial(heads["wh"], centres, owner)
    coarse_feature = network.coarse_feature(heads["feature"])
    contours = network.coarse(coarse_feature, centres, init, owner)
    loss = heads["ct_hm"].sigmoid().mean() + init.square().mean() + contours.square().mean()
    for index in range(network.evolutions):
        contours = network.evolve(index, heads["feature"], contours, owner)
        loss = loss + contours.square().mean()
    loss.backward()
    still = {name for name, p in network.named_parameters() if p.grad is None}
    # published checkpoints hold these two projections, which the published network never uses
    assert {name.rsplit(".", 2)[0] for name in still} == {
        "dla.base.level3.project",
        "dla.base.level4.project",
    }


def test_an_image_without_instances_gives_empty_contours(network: E2EC) -> None:
    network.threshold = 1.1
    with torch.no_grad():
        outputs = network(torch.randn(2, 3, 64, 64))
    assert outputs["detection"].shape == (0, 4)
    assert [contour.shape for contour in outputs["py"]] == [(0, 16, 2)] * 3


def test_the_refine_graph_computes_the_networks_own_branches(network: E2EC) -> None:
    _, graph = plugin.graphs(network, SMALL)
    lengths = {"batch": 1, "height": 5, "width": 6}
    inputs = [
        torch.randn([side if isinstance(side, int) else lengths.get(side, 3) for side in p.shape])
        for p in graph.inputs
    ]
    with torch.no_grad():
        outputs = graph.module(*inputs)
        named = dict(zip((port.name for port in graph.outputs), outputs, strict=True))
        given = dict(zip((port.name for port in graph.inputs), inputs, strict=True))
        refine = network.train_decoder.refine
        assert torch.equal(named["coarse_feature"], network.coarse_feature(given["feature"]))
        assert torch.equal(named["coarse_offset"], refine(given["coarse_samples"]))
        for index in range(3):
            step = f"evolve{index}"
            offset = network.gcn(index, given[f"{step}_samples"], given[f"{step}_contour"])
            assert torch.equal(named[f"{step}_offset"], offset)


def test_graphs_do_not_copy_parameters(network: E2EC) -> None:
    own = {id(parameter) for parameter in network.parameters()}
    for graph in plugin.graphs(network, SMALL):
        assert all(id(parameter) in own for parameter in graph.module.parameters())


def test_branches_of_the_refine_graph_share_no_dynamic_axis(network: E2EC) -> None:
    owners: dict[str, set[str]] = {}
    for name, branch in network.refine_branches().items():
        for port in (*branch.inputs, branch.output):
            for side in port.shape:
                if isinstance(side, str):
                    owners.setdefault(side, set()).add(name)
    assert all(len(names) == 1 for names in owners.values())


def test_upsampling_starts_as_bilinear_interpolation(network: E2EC) -> None:
    up = network.dla.ida_up.get_submodule("up_2")
    x = torch.randn(1, 8, 6, 7)
    expected = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
    inner = (..., slice(4, -4), slice(4, -4))  # the border differs: zeros against repetition
    torch.testing.assert_close(up(x)[inner], expected[inner])


def test_an_untrained_heatmap_says_one_in_ten(network: E2EC) -> None:
    bias = network.dla.ct_hm[-1].bias
    torch.testing.assert_close(bias.sigmoid(), torch.full_like(bias, 0.1), rtol=0, atol=1e-3)


def test_contours_are_sampled_from_their_own_image_in_any_order() -> None:
    feature = torch.randn(3, 4, 6, 5)
    points = torch.rand(7, 16, 2) * 8 - 1
    owner = torch.tensor([2, 0, 2, 1, 0, 0, 2])
    samples = sample_features(feature, points, owner)
    for index, image in enumerate(owner):
        grid = points[index] / torch.tensor([2.5, 3.0]) - 1  # as the authors divide
        alone = F.grid_sample(feature[image][None], grid[None, None], align_corners=False)
        torch.testing.assert_close(samples[index], alone[0, :, 0].T)


def test_peaks_come_score_descending_with_ties_by_class_row_column() -> None:
    heatmap = torch.zeros(2, 2, 5, 5)
    for category, y, x in ((1, 0, 0), (0, 4, 0), (0, 0, 4), (0, 0, 0)):
        heatmap[0, category, y, x] = 0.5
    heatmap[0, 1, 3, 3] = 0.9
    heatmap[1, 0, 2, 2] = 0.3
    heatmap[1, 0, 2, 3] = 0.2  # no peak beside a higher one
    peaks, image = find_peaks(heatmap, k=4, threshold=0.1)
    assert image.tolist() == [0, 0, 0, 0, 1]
    assert peaks[:, [0, 1, 3]].tolist() == [[3, 3, 1], [0, 0, 0], [4, 0, 0], [0, 4, 0], [2, 2, 0]]
    torch.testing.assert_close(peaks[:, 2], torch.tensor([0.9, 0.5, 0.5, 0.5, 0.3]))


@pytest.mark.parametrize(
    ("name", "count"),
    [("coco", 80), ("sbd", 20), ("kins", 7), ("cityscapes", 8), ("scenes", 8)],
)
def test_class_names_are_as_many_as_the_published_heads_have(name: str, count: int) -> None:
    assert len(set(CLASSES[name])) == count
