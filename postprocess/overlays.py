"""Overlay pictures and videos of a run, as DIR/NAME.png and DIR/NAME.mp4."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .draw import overlay
from .errors import InputError
from .images import write_image
from .preprocess import Image
from .result import Result


class Overlays:
    """A folder for overlays; left as a context, it is gone again where nothing was written.

    Args:
        folder: made where it is not there.
        threshold: least score that is drawn; the usual one by default.

    Raises:
        InputError: the folder cannot be made.
    """

    def __init__(self, folder: Path, threshold: float | None) -> None:
        self.folder = folder
        self._made = [each for each in (folder, *folder.parents) if not each.exists()]
        self._least = {} if threshold is None else {"least_score": threshold}
        self._names: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.__exit__()
            raise InputError(f"--out {folder}: cannot be a folder: {error.strerror}") from error

    def __enter__(self) -> Overlays:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # there is something in it
            for each in self._made:
                each.rmdir()

    def target(self, path: str, suffix: str) -> Path:
        """Where the overlay of ``path`` goes; a name that came before gets a number."""
        stem = name = Path(path).stem
        number = 1
        while name in self._names:
            number += 1
            name = f"{stem}_{number}"
        self._names.add(name)
        return self.folder / f"{name}{suffix}"

    def write(self, path: str, image: Image, result: Result) -> Path:
        """Draw the result on the image and write it; returns the file."""
        target = self.target(path, ".png")
        write_image(target, overlay(image, result, **self._least))
        return target
