"""Operating on a live network, and undoing it completely."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.rewrites import REWRITES, rewriting
from surgery.support.ledger import Entry, Ledger


class Net(nn.Module):
    """Three deformable layers, one of them at two paths, one nested."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.first = layers[0]
        self.up = nn.ModuleDict({"node": nn.Sequential(layers[1], nn.ReLU())})
        self.shared = layers[2]
        self.again = nn.ModuleList([layers[2]])

    def forward(self, x: Tensor) -> Tensor:
        x = self.up["node"](self.first(self.stem(x)))
        return self.again[0](self.shared(x))


@pytest.fixture
def net(case: Callable[..., Any]) -> nn.Module:
    layers = [case("charlesshang", outputs=4).build(seed=seed) for seed in range(3)]
    return Net(layers).eval()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 4, 6, 7, generator=torch.Generator().manual_seed(0))


def _snapshot(model: nn.Module) -> dict[str, Any]:
    return {
        "modules": dict(model.named_modules(remove_duplicate=False)),
        "slots": [list(m._modules.items()) for m in model.modules()],
        "tensors": {k: (id(v), v.clone()) for k, v in model.state_dict(keep_vars=True).items()},
        "training": {k: m.training for k, m in model.named_modules()},
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
            for m in model.modules()
        ],
        "attributes": [sorted(m.__dict__) for m in model.modules()],
    }


def _assert_same(model: nn.Module, before: dict[str, Any]) -> None:
    after = _snapshot(model)
    for key in ("modules", "slots", "training", "hooks", "attributes"):
        assert after[key] == before[key], key
    assert list(after["tensors"]) == list(before["tensors"])
    for name, (identity, value) in before["tensors"].items():
        assert after["tensors"][name][0] == identity, name
        assert torch.equal(after["tensors"][name][1], value), name


EVERY = ("dcn.keep", "dcn.plain", "dcn.native", "dcn.decomposed")


@pytest.mark.parametrize("name", EVERY)
def test_leaving_the_context_gives_back_the_very_same_network(
    name: str, net: nn.Module, x: Tensor
) -> None:
    net.up.train()  # modes differ between modules, as they may
    net.first.conv_offset_mask.train()
    before, expected = _snapshot(net), net(x)
    with rewriting(net, name) as (operated, _):
        operated.eval()
        operated(x)
    _assert_same(net, before)
    assert torch.equal(net(x), expected)


def test_an_exception_in_the_body_undoes_it_too_and_passes_through(
    net: nn.Module, x: Tensor
) -> None:
    before, expected = _snapshot(net), net(x)
    with pytest.raises(KeyError, match="from the body"), rewriting(net, "dcn.plain"):
        raise KeyError("from the body")
    _assert_same(net, before)
    assert torch.equal(net(x), expected)


def test_a_replacement_that_fails_leaves_the_network_alone(net: nn.Module) -> None:
    before = _snapshot(net)
    names = {"first": "dcn.plain", "*": "dcn.folded"}
    with pytest.raises(InputError, match="needs the offset statistics of layer"):
        rewriting(net, names).__enter__()
    _assert_same(net, before)
    with rewriting(net, "dcn.plain"):
        pass


def test_the_live_network_itself_is_operated_on(net: nn.Module) -> None:
    with rewriting(net, "dcn.plain") as (operated, ledger):
        assert operated is net
        assert type(net.first) is nn.Conv2d
        assert type(net.up["node"][0]) is nn.Conv2d
        assert [e.where for e in ledger.fired()] == ["first", "up.node.0", "shared", "again.0"]


def test_a_replacement_is_in_the_mode_of_what_it_replaces(net: nn.Module) -> None:
    net.up.train()
    with rewriting(net, "dcn.plain"):
        assert net.up["node"][0].training
        assert not net.first.training


def test_a_shared_module_gets_one_replacement_at_all_its_places(net: nn.Module) -> None:
    with rewriting(net, {"again.*": "dcn.plain"}) as (operated, ledger):
        assert operated.shared is operated.again[0]
        assert type(operated.shared) is nn.Conv2d
    assert ledger.entries == (
        Entry("rewrite", "dcn.plain", "shared", True, False),
        Entry("rewrite", "dcn.plain", "again.0", True, False, "the same module as shared"),
    )


def test_the_network_as_a_whole_can_be_replaced(case: Callable[..., Any], x: Tensor) -> None:
    layer = case("charlesshang").build()
    with rewriting(layer, "dcn.plain") as (operated, ledger):
        assert type(operated) is nn.Conv2d
        assert operated(x).shape == layer(x).shape
    assert [entry.where for entry in ledger] == ["(model)"]


def test_the_first_pattern_that_fits_decides(net: nn.Module) -> None:
    names = {"up.*": "dcn.native", "first": ["dcn.keep"], "*": "dcn.plain"}
    first = net.first
    with rewriting(net, names) as (operated, ledger):
        assert operated.first is first
        assert {entry.where: entry.name for entry in ledger.fired()} == {
            "first": "dcn.keep",
            "up.node.0": "dcn.native",
            "shared": "dcn.plain",
            "again.0": "dcn.plain",
        }


def test_contexts_nest(net: nn.Module, x: Tensor) -> None:
    before, expected = _snapshot(net), net(x)
    with rewriting(net, {"first": "dcn.plain"}) as (_, ledger):
        first = net.first
        outer = _snapshot(net)
        with rewriting(net, "dcn.decomposed", ledger=ledger) as (_, same):
            assert same is ledger
            assert net.first is first
        _assert_same(net, outer)
    _assert_same(net, before)
    assert torch.equal(net(x), expected)
    assert [e.name for e in ledger.fired()] == ["dcn.plain"] + 3 * ["dcn.decomposed"]


def test_an_inner_context_works_on_what_the_outer_one_made(net: nn.Module) -> None:
    weight = net.first.weight
    with rewriting(net, "dcn.native"):
        native = net.first
        with rewriting(net, "dcn.plain"):
            assert type(net.first) is nn.Conv2d
            assert net.first.weight is weight
        assert net.first is native


def test_published_parameter_names_survive_the_exact_strategies(net: nn.Module) -> None:
    before = net.state_dict(keep_vars=True)
    for name in ("dcn.keep", "dcn.native", "dcn.decomposed"):
        with rewriting(net, name) as (operated, _):
            after = operated.state_dict(keep_vars=True)
            assert list(after) == list(before)
            assert all(after[key] is before[key] for key in before)


def test_nothing_matched_is_said(x: Tensor) -> None:
    with rewriting(nn.Sequential(nn.ReLU()), ["dcn.plain"]) as (operated, ledger):
        assert torch.equal(operated(x), x.relu())
    assert ledger.entries == (
        Entry("rewrite", "dcn.plain", "", False, False, ledger.entries[0].reason),
    )
    assert ledger.entries[0].reason == "Sequential has no module for it at a path like '*'"


def test_a_pattern_that_meets_nothing_is_said(net: nn.Module) -> None:
    with rewriting(net, {"first": "dcn.plain", "down.*": "dcn.native"}) as (_, ledger):
        pass
    assert [entry.where for entry in ledger.fired()] == ["first"]
    assert [entry.reason for entry in ledger.declined()] == [
        "Net has no module for it at a path like 'down.*'"
    ]


def test_a_refusal_is_written_down_and_the_module_left_alone(net: nn.Module) -> None:
    net.first.padding = "same"
    first = net.first
    with rewriting(net, "dcn.plain") as (operated, ledger):
        assert operated.first is first
    assert [(e.where, e.reason) for e in ledger.declined()] == [
        ("first", "its padding is 'same', expected an integer or a pair of them")
    ]


def test_an_unknown_rewrite_is_refused_with_a_suggestion(net: nn.Module) -> None:
    with pytest.raises(InputError, match=r"unknown rewrite 'dcn.plane'; did you mean 'dcn.plain'"):
        rewriting(net, ["dcn.plane"]).__enter__()
    assert {"dcn.keep", "dcn.plain", "dcn.folded", "dcn.native", "dcn.decomposed"} <= set(
        REWRITES.names()
    )


def test_a_scripted_module_is_refused() -> None:
    with pytest.raises(InputError, match="scripted module"):
        rewriting(torch.jit.script(nn.ReLU()), "dcn.plain").__enter__()


def test_a_second_thread_on_the_same_network_is_an_error(net: nn.Module) -> None:
    caught: list[BaseException] = []

    def operate(model: nn.Module) -> None:
        try:
            with rewriting(model, "dcn.plain"):
                pass
        except RuntimeError as error:
            caught.append(error)

    with rewriting(net, "dcn.plain"):
        for part in (net, net.up):
            thread = threading.Thread(target=operate, args=(part,))
            thread.start()
            thread.join()
    assert [str(error) for error in caught] == [
        f"another thread is operating on this {name}: operate on one copy per thread"
        for name in ("Net", "ModuleDict")
    ]
    thread = threading.Thread(target=operate, args=(net,))
    thread.start()
    thread.join()
    assert len(caught) == 2


def test_no_random_number_is_drawn(net: nn.Module) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with rewriting(net, "dcn.plain"):
        assert torch.equal(torch.rand(1), expected)


def test_a_ledger_is_continued() -> None:
    ledger = Ledger([Entry("pass", "fuse", "a", True, True)])
    with rewriting(nn.ReLU(), "dcn.plain", ledger=ledger) as (_, same):
        assert same is ledger
        assert [entry.kind for entry in ledger] == ["pass", "rewrite"]
