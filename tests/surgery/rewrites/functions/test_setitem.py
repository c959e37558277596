"""Assignment into a part of a tensor: exact, and without ScatterND."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from surgery.rewrites import patching

from .cases import EXPORTERS, Function, difference, export, image, operators, refused

NAME = "function.setitem"
SCATTERS = {"ScatterND", "ScatterElements"}


def assigned(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, 0] = 2 * x[:, 1]
    y[:, 2:4, 1:5] = x[:, 0:2, 2:6]
    y[..., -1] = 3
    return y + 1


def masked(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0.5
    return y + 1


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_without_it_targets_refuse_the_scatter(exporter: str) -> None:
    model, _ = export(assigned, exporter=exporter)
    for target in ("nnapi", "ncnn", "coreml"):
        assert SCATTERS & refused(model, target)
    cured, ledger = export(assigned, NAME, exporter=exporter)
    assert not (SCATTERS | {"NonZero", "Where"}) & operators(cured)
    assert difference(cured, assigned) == 0
    assert [entry.fired for entry in ledger] == [True]


def test_without_it_dynamo_writes_a_mask_as_nonzero() -> None:
    model, _ = export(masked, exporter="dynamo")
    assert operators(model) >= {"NonZero", "ScatterND"}
    cured, _ = export(masked, NAME, exporter="dynamo")
    assert operators(cured) == {"Less", "Where", "Add"}
    assert difference(cured, masked) == 0


def test_a_number_of_another_type_is_cut_to_the_tensors_own() -> None:
    def whole(x: Tensor) -> Tensor:
        y = (4 * x).int()
        y[y < 0] = 2.7
        return y.float()

    model, ledger = export(whole, NAME, exporter="torchscript")
    assert [entry.fired for entry in ledger] == [True]
    assert difference(model, whole) == 0


def stepped(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., ::2] = 0
    return y


def marked(x: Tensor) -> Tensor:
    mask = torch.zeros_like(x, dtype=torch.bool)
    mask[:, 0] = True
    return mask.float()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (stepped, "it takes steps along an axis"),
        (marked, "the TorchScript exporter cannot overwrite a boolean tensor"),
    ],
)
def test_what_torchscript_cannot_trace_is_left_to_it(
    function: Callable[[Tensor], Tensor], reason: str
) -> None:
    _, ledger = export(function, NAME, exporter="torchscript", verify=False)
    assert [(entry.fired, entry.reason) for entry in ledger] == [(False, reason)]


def test_an_open_batch_stays_open() -> None:
    model, _ = export(assigned, NAME, exporter="torchscript", dynamic={"x": {0: "batch"}})
    assert not SCATTERS & operators(model)
    assert difference(model, assigned, image(3, 8, 8, 12)) == 0


ASSIGNMENTS: list[Callable[[Tensor, Tensor], None]] = [
    lambda y, v: y.__setitem__(0, 5),
    lambda y, v: y.__setitem__((0, -1), v[1, 0]),
    lambda y, v: y.__setitem__((slice(None), slice(-3, -1)), v[:, :2]),
    lambda y, v: y.__setitem__((Ellipsis, slice(1, None, 3)), v[..., :4]),
    lambda y, v: y.__setitem__((slice(None), slice(0, 8, 2), 3, slice(5, 100)), v[:, :4, 0, :7]),
    lambda y, v: y.__setitem__((slice(None), 2), v[:1, 2]),
    lambda y, v: y.__setitem__(slice(None), v),
    lambda y, v: y.__setitem__(Ellipsis, v[0, 0, 0, 0]),
    lambda y, v: y.__setitem__((1, 1, 1, 1), v[0, 0, 0, 0]),
    lambda y, v: y.__setitem__((slice(0, 1), slice(2, 3)), v[None, :1, :1]),
    lambda y, v: y.__setitem__(y[:, 0, 0, 0] > 10, 1),
    lambda y, v: y.__setitem__(y > 0, torch.tensor(2.0)),
    lambda y, v: y.__setitem__(y > 0, v[y > 0]),
    lambda y, v: y.__setitem__(torch.tensor([0, 1]), v),
    lambda y, v: y.__setitem__((slice(None), None), 0),
    lambda y, v: y.__setitem__(slice(5, 3), v[:0]),
    lambda y, v: y[0].__setitem__(1, v[0, 0]),
    lambda y, v: y.__setitem__((slice(None), 0), v[:, 0].double()),
]


@pytest.mark.parametrize("assign", ASSIGNMENTS)
def test_every_assignment_does_what_torch_does(assign: Callable[[Tensor, Tensor], None]) -> None:
    expected, found, value = image(), image(), 2 * image()
    assign(expected, value)
    with patching(NAME):
        assign(found, value)
    assert torch.equal(found, expected)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize(
    ("assign", "reason"),
    [
        (ASSIGNMENTS[-2], "it assigns into a view"),
        (ASSIGNMENTS[-3], "it assigns to nothing"),
        (ASSIGNMENTS[-5], "it is indexed by more than numbers and slices"),
        (ASSIGNMENTS[-6], "a mask picks as many values as the data says"),
    ],
)
def test_the_ledger_says_what_was_left_to_torch(
    assign: Callable[[Tensor, Tensor], None], reason: str
) -> None:
    with patching(NAME) as ledger:
        assign(image(), image())
    assert [(entry.fired, entry.reason) for entry in ledger] == [(False, reason)]


def test_what_torch_refuses_is_refused_as_torch_does() -> None:
    with patching(NAME), pytest.raises(IndexError, match="too many indices"):
        image()[0, 0, 0, 0, 0] = 1
    with patching(NAME), pytest.raises(RuntimeError, match="expand"):
        image()[:, 0] = torch.zeros(5)


def test_a_part_of_an_open_axis_is_left_to_the_exporter() -> None:
    def last_row(x: Tensor) -> Tensor:
        y = x.clone()
        y[:, :, -1] = 0
        return y

    open_height = {"x": {2: torch.export.Dim("height", min=2, max=64)}}
    with patching(NAME) as ledger:
        program = torch.export.export(Function(last_row), (image(),), dynamic_shapes=open_height)
    other = image(2, 8, 5, 12)
    assert torch.equal(program.module()(other), last_row(other))
    (entry,) = ledger
    assert entry.reason.startswith("it takes a part of an axis whose size is the exporter's symbol")
