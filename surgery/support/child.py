"""Run a step in a child process, so that a step that kills its process does not kill this one.

Exporters, graph optimisers and run times are native code: on a graph that their authors never saw
they may divide by zero, follow a null pointer or never come back. In a child, that is an answer
like any other: which step, which signal, and the stack as far as :mod:`faulthandler` can tell (the
Python frames; the native ones too from Python 3.14 on).

The child is spawned, never forked: the parent's thread pools (torch, ONNX Runtime) do not survive
a fork. What is run must therefore be importable: a function of a module, no lambda.

A step of several parts says which one it is at (:func:`announce`); where the child dies, the last
word is part of the error.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, ParamSpec, TypeVar

from postprocess.errors import InputError

from . import scratch

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

GRACE = 5.0  # seconds for a child to end once its answer is there
_FRAME = re.compile(r'File "([^"]+)", line (\d+) in (\S+)')  # as faulthandler writes one

_parent: Connection | None = None  # in a child: where its words go


class StepError(InputError):
    """A step failed in its child process.

    Attributes:
        step: what was going on, in the caller's words.
        cause: the signal ("SIGFPE (Floating point exception)"), the exception, the exit code or
            the time limit.
        signal: name of the signal that ended the child, "" where none did.
        stack: what the child wrote to standard error, the stack of a crash included.
        at: what the child announced last, "" for nothing.
        crashed: whether the child ended without an answer, as opposed to an exception.
        frame: where a signal met it in Python, "in run (session.py, line 42)"; "" if unknown.
    """

    def __init__(
        self,
        step: str,
        cause: str,
        *,
        signal: str = "",
        stack: str = "",
        at: str = "",
        crashed: bool = False,
    ) -> None:
        place = f"{step}, {at}" if at else step
        frame = _frame(stack) if signal else ""
        super().__init__(f"{place}: {cause}{f' {frame}' if frame else ''}")
        self.step = step
        self.cause = cause
        self.signal = signal
        self.stack = stack
        self.at = at
        self.crashed = crashed
        self.frame = frame

    @property
    def crash(self) -> str:
        """The stack of a crash, for people to read; "" where there was none."""
        return self.stack.strip() if self.crashed else ""


def announce(what: str) -> None:
    """Say, inside a child, what comes next; elsewhere it does nothing."""
    if _parent is not None:
        _parent.send((None, what))


def run_in_child(
    step: str,
    function: Callable[Parameters, Result],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """Return ``function(*args, **kwargs)``, computed in a process of its own.

    Args:
        step: what to call it when it fails, for example "load backbone.onnx in OpenVINO".
        function: of a module that the child can import.
        args: for the function; they and the result travel between the processes and are copied.
        kwargs: likewise.

    Raises:
        StepError: the function raised, or its process ended without an answer.
    """
    return run_within(None, step, function, *args, **kwargs)


def in_child(step: str, function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return ``function`` as one that runs in a process of its own; see :func:`run_in_child`."""

    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return run_in_child(step, function, *args, **kwargs)

    return run


def run_within(
    seconds: float | None,
    step: str,
    function: Callable[Parameters, Result],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """Like :func:`run_in_child`, ending the child when ``seconds`` have passed.

    Raises:
        StepError: the function raised, its process ended without an answer, or its time was up.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="surgery-") as folder:
        log = os.path.join(folder, "stderr")
        given = (sender, log, scratch.shared(), function, args, kwargs)
        process = context.Process(target=_child, args=given)
        process.daemon = True  # it ends with us at the latest
        process.start()
        sender.close()
        at = ""
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while True:
                left = None if end is None else max(0.0, end - time.monotonic())
                ready = wait([receiver, process.sentinel], timeout=left)
                answer = _received(receiver) if receiver in ready or receiver.poll() else None
                if answer is None or answer[0] is not None:
                    break
                at = answer[1]
            if not ready:
                process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            process.join(GRACE)
            if process.is_alive():
                process.kill()
                process.join()
        stack = _text(log)
    if answer is not None:
        good, value = answer
        if good:
            return value  # type: ignore[no-any-return]
        raise StepError(step, value, stack=stack, at=at)
    if not ready:
        cause, name = f"no answer within {seconds:g} s", ""
    else:
        cause, name = _end(process.exitcode)
    raise StepError(step, cause, signal=name, stack=stack, at=at, crashed=True)


def _child(
    sender: Connection,
    log: str,
    room: tuple[int, str],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """What the child does: it sends (True, result) or (False, one line)."""
    global _parent
    _parent = sender
    scratch.adopt(*room)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 2)
    faulthandler.enable(file)
    try:
        answer: tuple[bool, Any] = (True, function(*args, **kwargs))
    except InputError as error:
        answer = (False, str(error))
    except Exception as error:  # whatever the step raises is its answer
        answer = (False, " ".join(f"{type(error).__name__}: {error}".split()))
    try:
        sender.send(answer)
    except Exception as error:  # the result holds what cannot leave its process
        sender.send((False, f"its result cannot be sent back: {error}"))
    sender.close()


def _frame(stack: str) -> str:
    """The innermost Python frame of the thread that crashed, from what faulthandler wrote."""
    found = _FRAME.search(stack, max(0, stack.find("Current thread")))
    return f"in {found[3]} ({os.path.basename(found[1])}, line {found[2]})" if found else ""


def _received(receiver: Connection) -> tuple[bool | None, Any] | None:
    """A word (None, text) or the answer of the child, None where it died before it sent one."""
    try:
        answer: tuple[bool | None, Any] = receiver.recv()
    except (EOFError, OSError):
        return None
    return answer


def _end(code: int | None) -> tuple[str, str]:
    """How the child ended, in words, and the name of the signal if one ended it."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"the process was ended by {name} ({signal.strsignal(-code)})", name
    return f"the process ended with exit code {code} and no answer", ""


def _text(log: str) -> str:
    try:
        with open(log, errors="replace") as file:
            return file.read()
    except OSError:  # it died before it could write one
        return ""
