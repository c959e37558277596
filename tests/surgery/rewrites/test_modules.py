"""Module rewrites by class and by structure, with guards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import torch
from torch import nn

from postprocess.errors import InputError
from surgery.rewrites import Context, Guard, ModuleRewrite, rewrite, rewriting
from surgery.rewrites.registry import REWRITES

Named = Callable[[ModuleRewrite], str]


@pytest.fixture
def named() -> Iterator[Named]:
    """Make a rewrite known for the length of a test; returns its name."""
    with ExitStack() as known:

        def register(member: ModuleRewrite) -> str:
            known.enter_context(REWRITES.override({member.name: member}))
            return member.name

        yield register


def relu(of: str = "torch.nn.SiLU", **options: object) -> ModuleRewrite:
    @rewrite(of, name="test.relu", summary="ReLU", exact=False, **options)  # type: ignore[arg-type]
    def build(module: nn.Module, context: Context) -> nn.Module:
        return nn.ReLU()

    return build


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 3, 1), nn.SiLU(), nn.Sequential(nn.SiLU(), nn.Tanh()))


def test_modules_of_a_class_are_replaced_until_the_context_is_left(
    named: Named,
) -> None:
    net = network()
    before = list(net.modules())
    with rewriting(net, named(relu())) as (_, ledger):
        assert [type(m) for m in net.modules() if not list(m.children())][1:3] == [nn.ReLU] * 2
    assert [entry.where for entry in ledger.fired()] == ["1", "2.0"]
    assert all(one is other for one, other in zip(before, net.modules(), strict=True))


def test_subclasses_are_modules_of_the_class_and_other_classes_are_not(
    named: Named,
) -> None:
    class Swish(nn.SiLU):
        """Somebody's own name for it."""

    net = nn.Sequential(Swish(), nn.Sigmoid())
    with rewriting(net, named(relu())):
        assert [type(module) for module in net] == [nn.ReLU, nn.Sigmoid]


def test_a_predicate_picks_modules_by_their_structure(named: Named) -> None:
    def ends_in_tanh(module: nn.Module) -> bool:
        children = list(module.children())
        return len(children) == 2 and isinstance(children[-1], nn.Tanh)

    net = network()
    with rewriting(net, named(relu("", where=ends_in_tanh))) as (_, ledger):
        assert isinstance(net[2], nn.ReLU)
    assert [entry.where for entry in ledger.fired()] == ["2"]


def test_a_class_that_no_longer_exists_is_an_error_that_names_it(
    named: Named,
) -> None:
    with pytest.raises(InputError, match=r"torch.nn.Gone, which does not exist.*\(torch "):
        rewriting(network(), named(relu("torch.nn.Gone"))).__enter__()


def test_a_path_to_something_else_than_a_class_is_an_error_that_names_it(
    named: Named,
) -> None:
    path = "torch.nn.functional.silu"
    with pytest.raises(InputError, match=rf"modules of class {path}, which is no class but a func"):
        rewriting(network(), named(relu(path))).__enter__()


def test_a_guard_that_does_not_hold_leaves_the_module_and_a_line(
    named: Named,
) -> None:
    name = named(relu(guard=Guard(targets=("nnapi",), versions={"torch": ">=2"})))
    net = network()
    with rewriting(net, name, target="ncnn") as (_, ledger):
        assert isinstance(net[1], nn.SiLU)
    (entry,) = ledger
    assert entry.reason == "for the target nnapi, this export is for ncnn"
    with rewriting(net, name, target="nnapi"):
        assert isinstance(net[1], nn.ReLU)
        assert torch.equal(net[1](torch.tensor([-1.0])), torch.zeros(1))


def test_a_rewrite_of_everything_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="needs a class or a predicate"):
        relu("")
