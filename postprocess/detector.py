"""Persons found by another bundle, for a network that sees one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .errors import InputError
from .preprocess import Image
from .runtime import load

LEAST_SCORE = 0.3  # of an object that is taken for a person


class Detector:
    """A bundle that finds objects, asked for those of some classes.

    Args:
        folder: the bundle.
        classes: names of the classes that are wanted; a detector of one class alone may call it
            as it likes.
        threads: threads within an operator.

    Raises:
        InputError: the bundle cannot be loaded, it sees one person at a time itself, or it knows
            none of the classes.
    """

    def __init__(
        self, folder: str | Path, classes: Sequence[str], threads: int | None = None
    ) -> None:
        self._runtime = load(folder, threads=threads)
        known = self._runtime.bundle.classes
        if self._runtime.preprocess.takes_boxes:
            raise InputError(f"{folder} needs boxes itself and cannot be the detector")
        self._labels = set(known) if len(known) == 1 else set(known) & set(classes)
        if not self._labels:
            raise InputError(
                f"{folder} finds {', '.join(known[:4])}{', ...' * (len(known) > 4)} and not "
                f"{', '.join(classes)}: choose a detector that does"
            )

    def __call__(self, image_bgr: Image) -> list[list[float]]:
        """Boxes x1, y1, x2, y2 of an image (H, W, 3) uint8 BGR, image pixels, best first."""
        height, width = image_bgr.shape[:2]
        return [
            box
            for found in self._runtime(image_bgr).instances
            if found.label in self._labels and found.score >= LEAST_SCORE
            for box in [found.box.tolist()]
            if box[0] < min(box[2], width) and box[1] < min(box[3], height) and min(box[2:]) > 0
        ]
