"""Keep ONNX Runtime's tools off the terminal: they print, log, and set up the root logger."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator


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
