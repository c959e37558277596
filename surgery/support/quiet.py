"""Keep libraries' chatter off the terminal.

What exporters print becomes log lines of this package's logger (:func:`quiet`); what ONNX Runtime's
tools print and log, and their set-up of the root logger, is dropped (:func:`silent`).
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

LOG = logging.getLogger("surgery.export")
_CHATTY = ("torch", "onnx", "onnxscript", "onnx_ir", "onnxslim", "ONNXSlim")


@dataclass
class Chatter:
    """What was printed while quiet, complete once the context is left.

    Attributes:
        traced: tracer warnings, each with its file and line: values frozen into the graph.
    """

    text: str = ""
    traced: list[str] = field(default_factory=list)


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        LOG.debug("%s: %s", record.name, " ".join(record.getMessage().split()))


@contextlib.contextmanager
def quiet() -> Iterator[Chatter]:
    """Silence warnings, loggers, standard output and error, also what C++ code prints.

    Tracer warnings, which tell of values frozen into the graph, are logged at info level, the rest
    at debug level. Works on the whole process: not for use from several threads at once.
    """
    chatter = Chatter()
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, _loggers(), _stdout() as written:
        warnings.simplefilter("always")
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                yield chatter
        finally:
            written.seek(0)
            chatter.text = printed.getvalue() + written.read().decode(errors="replace")
    for line in chatter.text.splitlines():
        LOG.debug("%s", line)
    for warning in caught:
        traced = warning.category.__name__ == "TracerWarning"
        message = " ".join(str(warning.message).split())
        LOG.log(logging.INFO if traced else logging.DEBUG, "%s", message)
        if traced:
            place = f"{os.path.basename(warning.filename)}:{warning.lineno}"
            chatter.traced.append(f"{place}: {message}")


@contextlib.contextmanager
def _loggers() -> Iterator[None]:
    """Send the records of chatty packages to this package's logger, and nowhere else."""
    forward = _Forward()
    saved = []
    for name in [*_CHATTY, *logging.root.manager.loggerDict]:
        if name.partition(".")[0] in _CHATTY:
            logger = logging.getLogger(name)
            saved.append((logger, logger.handlers, logger.propagate))
    for logger, _, _ in saved:
        top = "." not in logger.name
        logger.handlers, logger.propagate = ([forward], False) if top else ([], True)
    try:
        yield
    finally:
        for logger, handlers, propagate in saved:
            logger.handlers, logger.propagate = handlers, propagate


@contextlib.contextmanager
def _stdout() -> Iterator[io.BufferedRandom]:
    """Point file descriptor 1 at a temporary file."""
    with tempfile.TemporaryFile() as written:
        sys.stdout.flush()
        try:
            original = os.dup(1)
        except OSError:  # a process without standard output has nothing to silence
            yield written
            return
        try:
            os.dup2(written.fileno(), 1)
            yield written
        finally:
            os.dup2(original, 1)
            os.close(original)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Drop what is printed and logged below errors, and leave logging as it was found.

    What a conversion cost is measured instead. Works on the whole process: not for use from several
    threads at once.
    """
    disabled = logging.root.manager.disable
    handlers, level = list(logging.root.handlers), logging.root.level
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(disabled)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
