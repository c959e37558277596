"""What the command line says while it works: one line that the next one replaces."""

from __future__ import annotations

import os
import sys
from typing import TextIO


class Progress:
    """One line on a terminal's stderr that the next line of output replaces.

    Args:
        enabled: whether stderr is a terminal.
    """

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._shown = False

    def show(self, done: int, total: int, path: str) -> None:
        """Say which file is being looked at, where there are several."""
        if self.enabled and total > 1:
            self.status(f"{done + 1}/{total} {os.path.basename(path)}")

    def status(self, text: str) -> None:
        """Show a line that the next one replaces; one that stays where stderr is no terminal."""
        if not self.enabled:
            return self.line(text, sys.stderr)
        width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        sys.stderr.write(f"\r\x1b[K{text[: width - 1]}")
        sys.stderr.flush()
        self._shown = True
        return None

    def clear(self) -> None:
        """Take back the line that is shown."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def line(self, text: str, stream: TextIO) -> None:
        """Print one line; characters that the stream cannot show are escaped."""
        self.clear()
        encoding = stream.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
