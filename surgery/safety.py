"""Run a step in a child process, so that a step that kills its process does not kill this one.

Exporters, graph optimisers and run times are native code: on a graph that their authors never saw
they may divide by zero, follow a null pointer or never come back. In a child, that is an answer
like any other: which step, which signal, and the stack as far as :mod:`faulthandler` can tell (the
Python frames; the native ones too from Python 3.14 on).

The child is spawned, never forked: the parent's thread pools (torch, ONNX Runtime) do not survive
a fork. What is run must therefore be importable: a function of a module, no lambda.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, ParamSpec, TypeVar

from postprocess.errors import InputError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

GRACE = 5.0  # seconds for a child to end once its answer is there


class StepError(InputError):
    """A step failed in its child process.

    Attributes:
        step: what was going on, in the caller's words.
        cause: the signal ("SIGFPE (Floating point exception)"), the exception, the exit code or
            the time limit.
        signal: name of the signal that ended the child, "" where none did.
        stack: what the child wrote to standard error, the stack of a crash included.
    """

    def __init__(self, step: str, cause: str, *, signal: str = "", stack: str = "") -> None:
        super().__init__(f"{step}: {cause}")
        self.step = step
        self.cause = cause
        self.signal = signal
        self.stack = stack


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
        process = context.Process(target=_child, args=(sender, log, function, args, kwargs))
        process.daemon = True  # it ends with us at the latest
        process.start()
        sender.close()
        try:
            ready = wait([receiver, process.sentinel], timeout=seconds)
            answer = _received(receiver) if receiver in ready or receiver.poll() else None
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
        raise StepError(step, value, stack=stack)
    if not ready:
        raise StepError(step, f"no answer within {seconds:g} s", stack=stack)
    cause, name = _end(process.exitcode)
    raise StepError(step, cause, signal=name, stack=stack)


def _child(
    sender: Connection,
    log: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """What the child does: it sends (True, result) or (False, one line)."""
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


def _received(receiver: Connection) -> tuple[bool, Any] | None:
    """The child's answer, None where it died before or while it sent one."""
    try:
        answer: tuple[bool, Any] = receiver.recv()
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
