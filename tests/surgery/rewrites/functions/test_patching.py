"""Function patches: what calls reach them, what they reach, and that nothing of them is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from postprocess.errors import InputError
from surgery import Ledger, patching, rewriting
from surgery.rewrites import Guard, Original, Patch, patch

from . import library

HERE = library.__name__


def plus(amount: int, function: str = f"{HERE}.double", **options: Any) -> Patch[[int], int]:
    @patch(function, name=f"function.plus{amount}", summary="adds", **options)
    def call(original: Original[[int], int], x: int) -> int:
        return original(x) + amount

    return call


def test_a_call_reaches_the_patch_and_the_patch_the_original() -> None:
    with patching(plus(1)):
        assert library.double(5) == 11
    assert library.double(5) == 10


def test_other_names_of_the_function_reach_the_patch_too() -> None:
    with patching(plus(1)):
        assert library.alias(5) == 11


def test_every_function_is_the_same_object_afterwards_also_when_the_body_raises() -> None:
    before = (library.double, library.alias, dict(vars(library.Layer)), dict(vars(library.Base)))
    paths = [f"{HERE}.{name}" for name in ("double", "Layer.halved", "Layer.scaled", "Base.scaled")]
    with (
        pytest.raises(KeyError, match="from the body"),
        patching(*(plus(i, path) for i, path in enumerate(paths))),
    ):
        raise KeyError("from the body")
    after = (library.double, library.alias, dict(vars(library.Layer)), dict(vars(library.Base)))
    assert all(one is other for one, other in zip(before[:2], after[:2], strict=True))
    assert before[2:] == after[2:]


@pytest.mark.parametrize(
    ("path", "call", "expected"),
    [
        ("Layer.halved", lambda: library.Layer.halved(8), 5),
        ("Layer.halved", lambda: library.Layer().halved(8), 5),
    ],
)
def test_static_methods_stay_static(path: str, call: Callable[[], int], expected: int) -> None:
    with patching(plus(1, f"{HERE}.{path}")):
        assert call() == expected


def test_methods_get_their_object_and_class_methods_their_class() -> None:
    @patch(f"{HERE}.Layer.scaled", name="function.method", summary="")
    def method(original: Original[..., int], layer: library.Layer, x: int) -> int:
        assert type(layer) is library.Layer
        return original(layer, x) + 1

    @patch(f"{HERE}.Layer.named", name="function.named", summary="")
    def named(original: Original[..., str], cls: type, x: int) -> str:
        return original(cls, x).upper()

    with patching(method, named):
        assert library.Layer().scaled(2) == 21
        assert library.Base().scaled(2) == 20  # a subclass is patched, its base is not
        assert library.Layer.named(1) == "LAYER 1"


def test_methods_written_in_c_are_patched_and_restored() -> None:
    @patch("torch.Tensor.__setitem__", name="function.counted", summary="")
    def counted(original: Original[..., None], x: torch.Tensor, index: Any, value: Any) -> None:
        original(x, index, value + 1)

    x = torch.zeros(3)
    with patching(counted):
        x[0] = 1
    x[1] = 1
    assert x.tolist() == [2, 1, 0]
    assert "__setitem__" not in vars(torch.Tensor)


def test_contexts_nest_the_inner_patch_calling_the_outer() -> None:
    with patching(plus(1)):
        with patching(plus(100), plus(1000)):
            assert library.double(5) == 1111
        assert library.double(5) == 11


def test_another_thread_sees_the_original() -> None:
    seen: list[int] = []
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait(10)
        seen.append(library.double(5))
        with patching(plus(7)):
            seen.append(library.double(5))
            done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with patching(plus(1)):
        inside.set()
        done.wait(10)
        assert library.double(5) == 11
    thread.join()
    assert seen == [10, 17]
    assert not hasattr(library.double, "__wrapped__")


def test_the_first_to_leave_does_not_take_the_patch_from_another_thread() -> None:
    entered, left = threading.Event(), threading.Event()
    seen: list[int] = []

    def other() -> None:
        with patching(plus(7)):
            entered.set()
            left.wait(10)
            seen.append(library.double(5))

    thread = threading.Thread(target=other)
    with patching(plus(1)):
        thread.start()
        entered.wait(10)
    left.set()
    thread.join()
    assert seen == [17]
    assert not hasattr(library.double, "__wrapped__")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{HERE}.gone", "has no 'gone'"),
        (f"{HERE}.Gone.method", "has no 'Gone'"),
        ("no_such_package.function", "there is no module 'no_such_package'"),
        ("torch.nn.functional.gone", r"has no 'gone' \(torch "),
        (f"{HERE}.CONSTANT", "which is no function but a int"),
        (f"{HERE}.Layer", "which is no function but a type"),
        (HERE, "which is a module"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        patching(plus(1), plus(2, path)).__enter__()
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)
    assert library.double(5) == 10


def test_the_ledger_says_what_was_called_and_what_was_left_to_the_original() -> None:
    @patch(f"{HERE}.double", name="function.even", summary="", exact=False)
    def even(original: Original[[int], int], x: int) -> int:
        if x % 2:
            original.decline("it is odd")
            return original(x)
        return 0

    with patching(even, plus(1, f"{HERE}.Layer.halved")) as ledger:
        assert [library.double(x) for x in (1, 2, 3, 4, 5)] == [2, 0, 6, 0, 10]
    uncalled, fired, declined = ledger
    assert (uncalled.fired, uncalled.reason) == (False, "nothing called it")
    assert (fired.name, fired.where, fired.exact) == ("function.even", f"{HERE}.double", False)
    assert fired.effect == {"calls": 2}
    assert (declined.fired, declined.reason) == (False, "it is odd (3 calls)")


@pytest.mark.parametrize(
    ("guard", "reason"),
    [
        (Guard(exporters=("torchscript",)), "for the exporter torchscript, this export is for dyn"),
        (Guard(opsets=range(11, 16)), "for opsets 11 to 15, this export is in 18"),
        (Guard(targets=("ncnn", "qnn")), "for the target ncnn or qnn, this export is for nnapi"),
        (Guard(versions={"torch": "<2"}), "for torch <2, "),
        (Guard(versions={"no-such-thing": ">1"}), "no-such-thing is not installed"),
    ],
)
def test_a_guard_that_does_not_hold_keeps_the_patch_out(guard: Guard, reason: str) -> None:
    gone = plus(2, "no_such_package.function", guard=guard)
    with patching(
        plus(1, guard=guard), gone, exporter="dynamo", opset=18, target="nnapi"
    ) as ledger:
        assert library.double(5) == 10
    assert all(not entry.fired and entry.reason.startswith(reason) for entry in ledger)
    assert len(ledger) == 2


def test_a_guard_that_holds_lets_it_in() -> None:
    guard = Guard(("dynamo",), range(18, 19), ("nnapi",), {"torch": ">=2.0"})
    with patching(plus(1, guard=guard), exporter="dynamo", opset=18, target="nnapi"):
        assert library.double(5) == 11


def test_rewriting_puts_function_patches_in_force_beside_those_of_modules() -> None:
    ledger = Ledger()
    net = torch.nn.Sequential(torch.nn.Upsample((8, 8)))
    with rewriting(net, ["function.interpolate"], ledger=ledger):
        net(torch.zeros(1, 1, 4, 4))
    assert [(entry.name, entry.fired) for entry in ledger] == [("function.interpolate", True)]


def test_a_function_cannot_be_patched_for_some_modules_alone() -> None:
    net = torch.nn.Sequential(torch.nn.ReLU())
    with pytest.raises(InputError, match=r"cannot be limited.*'0'"):
        rewriting(net, {"0": ["function.interpolate"]}).__enter__()


def test_a_rewrite_of_modules_is_refused_as_a_patch() -> None:
    with pytest.raises(InputError, match=r"'dcn.plain' replaces modules.*surgery.rewriting"):
        patching("dcn.plain").__enter__()


def test_the_inner_patch_has_the_last_word() -> None:
    @patch(f"{HERE}.double", name="function.negative", summary="")
    def negative(original: Original[[int], int], x: int) -> int:
        return -original(x)

    with patching(plus(1), negative):
        assert library.double(5) == -11
    with patching(negative, plus(1)):
        assert library.double(5) == -9


def test_what_somebody_else_put_there_meanwhile_is_left_alone() -> None:
    before = library.double

    def theirs(x: int) -> int:
        return 0

    try:
        with patching(plus(1)):
            library.double = theirs
        assert library.double is theirs
        assert library.alias is before
    finally:
        library.double = before


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("raise ValueError('old driver')", "ValueError: old driver"),
        ("import nowhere_at_all", "nowhere"),
    ],
)
def test_a_library_that_does_not_import_is_told_in_one_line(
    content: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{len(content)}"
    (tmp_path / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=f"cannot be imported: .*{cause}") as caught:
        patching(plus(1, f"{name}.function")).__enter__()
    assert "\n" not in str(caught.value)
