"""What the run time returns for one image, in pixels of that image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .instances import Array, Instances
from .transform import Transform


@dataclass(frozen=True)
class Instance:
    """One object, in image pixels.

    Attributes:
        label: class name.
        class_index: index of the class.
        score: 0 to 1.
        box: (4,) float32, x1, y1, x2, y2.
        contour: (P, 2) float32 closed polygon, or None.
        keypoints: (K, 3) float32 x, y, score, or None.
        track: id of the object in a video, or None.
    """

    label: str
    class_index: int
    score: float
    box: Array
    contour: Array | None = None
    keypoints: Array | None = None
    track: int | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dict; coordinates rounded to a thousandth of a pixel."""
        item: dict[str, Any] = {
            "label": self.label,
            "class": self.class_index,
            "score": round(self.score, 6),
            "box": _rounded(self.box),
        }
        if self.contour is not None:
            item["contour"] = _rounded(self.contour)
        if self.keypoints is not None:
            item["keypoints"] = _rounded(self.keypoints)
        if self.track is not None:
            item["track"] = self.track
        return item


@dataclass(frozen=True)
class Result:
    """Objects of one image: score descending, or in the order of the boxes that were given.

    Attributes:
        instances: the objects.
        size: (height, width) of the image.
        skeleton: pairs of keypoint indices to join when drawing; empty for contour models.
    """

    instances: tuple[Instance, ...]
    size: tuple[int, int]
    skeleton: tuple[tuple[int, int], ...] = ()

    def to_json(self, image_path: str) -> dict[str, Any]:
        """The object that `python -m postprocess --json` prints for the image."""
        return {"image": image_path, "instances": [item.to_json() for item in self.instances]}


def in_image(
    found: Instances,
    transform: Transform,
    classes: Sequence[str],
    skeleton: tuple[tuple[int, int], ...] = (),
) -> Result:
    """Map instances from network-input pixels to image pixels and name their classes.

    A class index without a name (a decoder for one unnamed class, say) is labelled by its number.
    """
    contours, keypoints = found.contours, found.keypoints
    boxes = transform.to_image(found.boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    items = []
    for i, class_index in enumerate(found.classes.tolist()):
        known = 0 <= class_index < len(classes)
        items.append(
            Instance(
                label=classes[class_index] if known else str(class_index),
                class_index=class_index,
                score=float(found.scores[i]),
                box=boxes[i],
                contour=None if contours is None else transform.to_image(contours[i]),
                keypoints=None if keypoints is None else _moved(keypoints[i], transform),
            )
        )
    return Result(tuple(items), transform.image_size, skeleton)


def _moved(keypoints: Array, transform: Transform) -> Array:
    return np.concatenate([transform.to_image(keypoints[:, :2]), keypoints[:, 2:]], axis=1)


def _rounded(values: NDArray[np.floating[Any]]) -> Any:
    return np.round(values.astype(np.float64), 3).tolist()
