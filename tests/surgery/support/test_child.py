"""A step that kills its process is an answer: which step, which signal, where in Python."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.support.child import StepError, in_child, run_in_child, run_within

# What a spawned child can import: the tests themselves are not on its path.
MODULE = """
import ctypes
from postprocess.errors import InputError
from surgery.support.child import announce

def divide(library):
    return ctypes.CDLL(library).divide(1, 0)

def follow(library):
    return ctypes.CDLL(library).follow()

def steps(library):
    announce("node a")
    announce("node b")
    follow(library)

def refuse(what):
    raise InputError(f"no {what} here")

def unsendable():
    return lambda: None
"""

NETWORK = """
import ctypes
import torch

class Net(torch.nn.Module):
    def __init__(self, library):
        super().__init__()
        self.library = library

    def forward(self, x):
        ctypes.CDLL(self.library).follow()
        return x
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A module whose functions misbehave, importable by children."""
    folder = tmp_path_factory.mktemp("steps")
    (folder / "misbehaving_steps.py").write_text(MODULE)
    (folder / "misbehaving_network.py").write_text(NETWORK)
    sys.path.insert(0, str(folder))
    try:
        import misbehaving_steps

        yield misbehaving_steps
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("misbehaving_steps", None)


def test_result_of_a_child_is_the_functions_own() -> None:
    assert run_in_child("add up", math.hypot, 3.0, 4.0) == 5.0
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(run_in_child("turn", np.transpose, array), array.T)


@pytest.mark.parametrize(("function", "name"), [("divide", "SIGFPE"), ("follow", "SIGSEGV")])
def test_native_crash_is_reported_with_step_signal_and_python_stack(
    function: str, name: str, steps: ModuleType, library: str
) -> None:
    if function == "divide" and not _traps():
        pytest.skip("this processor divides by zero without a signal")
    with pytest.raises(StepError) as caught:
        run_in_child(f"{function} in crash.so", getattr(steps, function), library)
    error = caught.value
    assert (error.step, error.signal) == (f"{function} in crash.so", name)
    assert str(error).startswith(f"{function} in crash.so: the process was ended by {name}")
    assert "\n" not in str(error)
    assert 'misbehaving_steps.py", line' in error.stack
    assert f"in {function}" in error.stack
    assert error.frame.startswith(f"in {function} (misbehaving_steps.py, line ")
    assert str(error).endswith(error.frame)
    assert error.crashed


def _traps() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64", "i686")


def test_last_word_of_a_child_that_crashes_is_told(steps: ModuleType, library: str) -> None:
    with pytest.raises(StepError, match=r"^walk, node b: the process was ended") as caught:
        run_in_child("walk", steps.steps, library)
    assert caught.value.at == "node b"


@pytest.mark.usefixtures("steps")
def test_exporter_that_crashes_names_the_step_and_the_line_of_the_network(library: str) -> None:
    from misbehaving_network import Net  # type: ignore[import-not-found]

    export = in_child("export main (torchscript)", export_onnx)
    with pytest.raises(StepError) as caught:
        export(
            Net(library).eval(),
            (torch.zeros(1),),
            input_names=["x"],
            output_names=["y"],
            exporter="torchscript",
            symbolics=(),
        )
    assert str(caught.value).startswith("export main (torchscript): the process was ended by SIG")
    assert caught.value.frame.startswith("in forward (misbehaving_network.py, line ")
    assert "torchscript" in caught.value.crash  # and the exporter's frames behind it


def test_exception_is_no_crash(steps: ModuleType) -> None:
    with pytest.raises(StepError) as caught:
        run_in_child("look", steps.refuse, "graph")
    assert not caught.value.crashed


def test_signal_raised_by_the_step_itself_is_named() -> None:
    with pytest.raises(StepError, match="SIGFPE"):
        run_in_child("raise it", signal.raise_signal, signal.SIGFPE)


def test_input_error_of_a_child_keeps_its_one_line(steps: ModuleType) -> None:
    with pytest.raises(InputError, match=r"^look: no graph here$"):
        run_in_child("look", steps.refuse, "graph")


def test_any_other_exception_is_named_by_type_on_one_line() -> None:
    with pytest.raises(StepError, match=r"^read: OSError: .*nowhere\.so") as caught:
        run_in_child("read", ctypes.CDLL, "/nowhere.so")
    assert "\n" not in str(caught.value)
    assert caught.value.signal == ""


def test_exit_without_an_answer_is_told_from_a_signal() -> None:
    with pytest.raises(StepError, match="exit code 3 and no answer") as caught:
        run_in_child("leave", os._exit, 3)
    assert caught.value.signal == ""


def test_result_that_cannot_travel_is_a_failure_of_the_step(steps: ModuleType) -> None:
    with pytest.raises(StepError, match="make a function: its result cannot be sent back"):
        run_in_child("make a function", steps.unsendable)


def test_step_that_takes_too_long_is_ended() -> None:
    start = time.monotonic()
    with pytest.raises(StepError, match="no answer within 1 s"):
        run_within(1.0, "sleep", time.sleep, 600)
    assert time.monotonic() - start < 60


def test_answer_larger_than_a_pipe_arrives_whole() -> None:
    assert run_in_child("fill", np.zeros, 3_000_000).nbytes == 24_000_000


def test_temporary_files_of_a_crash_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(StepError):
        run_in_child("raise it", signal.raise_signal, signal.SIGABRT)
    assert list(tmp_path.iterdir()) == []
