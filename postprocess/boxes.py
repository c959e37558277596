"""Boxes of persons for networks that see one at a time: checked, cut out, read from files.

`person_crop` is the crop that PP-TinyPose is deployed with (PaddleDetection,
deploy/python/keypoint_preprocess.py `expand_crop`; its C++ twin then stretches the crop to the
network's size, deploy/cpp/src/preprocess_op.cc).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .reading import read_text

Boxes = NDArray[np.float64]


def checked_boxes(boxes: Any, image_size: tuple[int, int]) -> Boxes:
    """Boxes as (n, 4) float64 x1, y1, x2, y2, image pixels; none is (0, 4).

    Args:
        boxes: an array or nested lists.
        image_size: (height, width) of the image that they are of.

    Raises:
        InputError: another shape, not numbers, a box without area or wholly outside of the image.
    """
    try:
        array = np.asarray(boxes, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"boxes expects numbers x1, y1, x2, y2 in rows, got {boxes!r}") from None
    if array.size == 0:
        return np.zeros((0, 4))
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(f"boxes expects (n, 4) x1, y1, x2, y2, got {array.shape}")
    height, width = image_size
    for number, (x1, y1, x2, y2) in enumerate(array.tolist()):
        if not np.isfinite([x1, y1, x2, y2]).all() or not (x2 > x1 and y2 > y1):
            raise InputError(
                f"box {number} expects x1 < x2 and y1 < y2, got {[x1, y1, x2, y2]}: "
                "is it x, y, width, height?"
            )
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            raise InputError(
                f"box {number} {[x1, y1, x2, y2]} lies outside of the image, which is "
                f"{width} x {height}: are the boxes of another image?"
            )
    return array


def person_crop(
    box: Boxes, image_size: tuple[int, int], size: tuple[int, int], growth: float
) -> tuple[int, int, int, int]:
    """The part of an image that is cut out for a person: whole pixels x1, y1, x2, y2.

    The grown box is widened until it has the network's aspect, but not heightened, and clipped.

    Args:
        box: (4,) x1, y1, x2, y2, image pixels.
        image_size: (height, width) of the image.
        size: (height, width) of the network's input.
        growth: factor on the box's sides, 1.3 as deployed.
    """
    (x1, y1, x2, y2), (height, width) = np.asarray(box, np.float64).tolist(), image_size
    half_height = (y2 - y1) * growth / 2
    half_width = max((x2 - x1) * growth / 2, half_height * size[1] / size[0])
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    left = min(max(int(middle_x - half_width), 0), width - 1)
    top = min(max(int(middle_y - half_height), 0), height - 1)
    right = max(min(int(middle_x + half_width), width), left + 1)
    bottom = max(min(int(middle_y + half_height), height), top + 1)
    return left, top, right, bottom


class BoxFile:
    """Boxes by image, from a JSON file.

    Read are COCO's annotations (an object with "images" and "annotations"), COCO's results (a list
    of objects with "image_id" and "bbox"), and what `python -m postprocess --json` prints (one
    object a line with "image" and "instances"). COCO's `bbox` is x, y, width, height. An image is
    looked up by its file name; in a list of results by its id, as the file's name without suffix
    or as the number in it.

    Raises:
        InputError: the file cannot be read, or is none of these.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        content = _read(self.path)
        try:
            self._boxes = _by_image(content)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise InputError(
                f"{path}: expected COCO annotations, COCO results or the lines that "
                "`python -m postprocess --json` prints; it is none of these"
            ) from None

    def of(self, image: str | Path) -> list[list[float]]:
        """Boxes x1, y1, x2, y2 of an image file, an empty list where the image holds nobody.

        Raises:
            InputError: the file knows no such image.
        """
        name = Path(image).name
        for key in (name, *_ids(Path(image).stem)):
            if key in self._boxes:
                return self._boxes[key]
        known = ", ".join(list(self._boxes)[:3])
        raise InputError(f"{self.path}: has no boxes for {name} (it knows {known or 'no image'})")


def _ids(stem: str) -> list[str]:
    """Ids that a file of COCO may have: "000000000139" is also image 139."""
    return [stem, *(str(int(digits)) for digits in re.findall(r"\d+$", stem))]


def _read(path: Path) -> Any:
    try:
        text = read_text(path)
    except InputError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # several objects, one a line
        pass
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from error


def _by_image(content: Any) -> dict[str, list[list[float]]]:
    """Boxes by file name or by id; raises what a wrong structure raises."""
    if isinstance(content, Mapping) and "annotations" in content:
        names = {each["id"]: Path(each["file_name"]).name for each in content["images"]}
        found: dict[str, list[list[float]]] = {name: [] for name in names.values()}
        for each in content["annotations"]:
            found[names[each["image_id"]]].append(_corners(each["bbox"]))
        return found
    entries = [content] if isinstance(content, Mapping) else list(content)
    found = {}
    for each in entries:
        if "instances" in each:
            boxes = [[float(side) for side in item["box"]] for item in each["instances"]]
            found.setdefault(Path(each["image"]).name, []).extend(boxes)
        else:
            found.setdefault(str(each["image_id"]), []).append(_corners(each["bbox"]))
    return found


def _corners(bbox: Sequence[Any]) -> list[float]:
    x, y, width, height = (float(side) for side in bbox)
    return [x, y, x + width, y + height]
