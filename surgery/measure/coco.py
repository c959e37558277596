"""COCO annotations as people write them: checked, repaired where harmless, and reported once.

pycocotools takes what it is given: a missing ``iscrowd`` is a KeyError, annotation 0 counts as "no
match" (cocoeval.py keeps the id of the matched annotation, and 0 stands for none), one id twice
drops an annotation, a coordinate of 1e30 takes the machine's memory. Here types, ranges and
references are checked first, ids are renumbered, and only clean data reaches the library.

Repaired: ids of images and categories in any form, ids of annotations, ``iscrowd`` and ``area``
that are missing, numbers in strings, a polygon that is not in a list. Left out: annotations of
images or categories that are not listed, and those without a polygon of three points (an object
without a mask cannot be found). Refused: what leaves open what was meant.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from pycocotools import mask as rle

from postprocess.errors import InputError
from postprocess.reading import read_text

LOG = logging.getLogger("surgery")
LARGEST_SIDE = 2**16  # pixels of an image
FARTHEST = 2.0**20  # coordinate of a polygon or keypoint, pixels
PARTS = ("images", "annotations", "categories")


def read_annotations(path: Path, *, masks: bool = True) -> dict[str, Any]:
    """Read a file of instances or keypoints.

    Args:
        path: JSON in COCO's format.
        masks: whether masks are evaluated; keypoint evaluation takes annotations without any.

    Returns:
        ``images``, ``annotations`` and ``categories`` with integer ids from 1 on, in the order of
        the file's ids where these are numbers, else in the file's order.

    Raises:
        InputError: no such file, not JSON, or a part of it is not what the format says; one line
            that names the entry.
    """
    return _Reader(path, _parsed(path), masks).data()


def _parsed(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"it holds {constant}, which is no JSON number")

    try:
        data = json.loads(read_text(path), parse_constant=refuse)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such annotation file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON annotations ({error})") from error
    for part in PARTS:
        if not isinstance(data, dict) or not isinstance(data.get(part), list):
            raise InputError(f"{path}: expected COCO instances with a list '{part}', it has none")
    return dict(data)


class _Reader:
    """One file on its way to clean data; ``_said`` counts what was repaired or left out."""

    def __init__(self, path: Path, raw: Mapping[str, Any], masks: bool) -> None:
        self._path, self._raw, self._masks = path, raw, masks
        self._said = Counter[str]()

    def data(self) -> dict[str, Any]:
        images = self._listed("images", self._image)
        categories = self._listed("categories", self._category)
        ids = [self._ids(images), self._ids(categories)]
        annotations = [
            entry
            for position, given in enumerate(self._raw["annotations"])
            if (entry := self._annotation(position, given, images, ids)) is not None
        ]
        own = [given.get("id") for given in self._raw["annotations"]]
        if _key(0) in map(_key, own) or len(set(map(_key, own))) < len(own):
            self._said["annotation id(s) are missing, 0 or twice there: numbered anew"] += 1
        for number, entry in enumerate(annotations, 1):
            entry["id"] = number
        for what, count in self._said.items():
            LOG.warning("%s: %d %s", self._path.name, count, what)
        return {
            "images": [{**each, "id": n} for n, each in enumerate(images.values(), 1)],
            "annotations": annotations,
            "categories": [{**each, "id": n} for n, each in enumerate(categories.values(), 1)],
        }

    def _wrong(self, part: str, position: int, text: str) -> InputError:
        return InputError(f"{self._path}: {part}[{position}] {text}")

    def _listed(
        self, part: str, read: Callable[[int, dict[str, Any]], dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Entries by the key of their id, in order."""
        found: dict[str, dict[str, Any]] = {}
        for position, given in enumerate(self._raw[part]):
            if not isinstance(given, dict):
                raise self._wrong(part, position, f"is no object: {_short(given)}")
            if "id" not in given:
                raise InputError(f"{self._path}: an entry of '{part}' lacks 'id'")
            key, entry = _key(given["id"]), read(position, given)
            if key is None:
                raise self._wrong(part, position, f"has the id {_short(given['id'])}")
            if not isinstance(given["id"], int):
                self._said[f"id(s) of {part} are no integers"] += 1
            if key in found:
                if found[key] != entry:
                    raise self._wrong(part, position, f"has the id {key} of another one")
                self._said[f"{part} are listed twice"] += 1
            found[key] = entry
        if all(key.lstrip("-").isdecimal() for key in found):
            return dict(sorted(found.items(), key=lambda item: int(item[0])))
        return found

    @staticmethod
    def _ids(entries: Iterable[str]) -> dict[str, int]:
        return {key: number for number, key in enumerate(entries, 1)}

    def _image(self, position: int, given: dict[str, Any]) -> dict[str, Any]:
        name = given.get("file_name")
        if name is None:
            raise InputError(f"{self._path}: an entry of 'images' lacks 'file_name'")
        if not isinstance(name, str) or not name or "\0" in name:
            raise self._wrong("images", position, f"expects a file_name, got {_short(name)}")
        sides: dict[str, Any] = {}
        for side in ("height", "width"):
            if side not in given:
                raise InputError(f"{self._path}: an entry of 'images' lacks '{side}'")
            value = self._number("images", position, side, given[side])
            if not 1 <= value <= LARGEST_SIDE or value != int(value):
                expected = f"a {side} of 1 to {LARGEST_SIDE} pixels"
                raise self._wrong("images", position, f"expects {expected}, got {_short(value)}")
            sides[side] = int(value)
        return {"file_name": name, **sides}

    def _category(self, position: int, given: dict[str, Any]) -> dict[str, Any]:
        name = given.get("name")
        if not isinstance(name, str):
            if name is None:
                raise InputError(f"{self._path}: an entry of 'categories' lacks 'name'")
            raise self._wrong("categories", position, f"expects a name, got {_short(name)}")
        kept: dict[str, Any] = {
            key: given[key] for key in ("keypoints", "skeleton") if key in given
        }
        return {"name": name, **kept}

    def _number(self, part: str, position: int, key: str, value: object) -> float:
        """A finite number; one in a string is taken and said."""
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self._wrong(
                    part, position, f"expects a number {key}, got {value!r}"
                ) from None
            self._said[f"number(s) '{key}' are strings"] += 1
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(part, position, f"expects a number {key}, got {_short(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._wrong(part, position, f"expects a finite {key}, got {_short(value)}")
        return number

    def _annotation(
        self,
        position: int,
        given: object,
        images: Mapping[str, dict[str, Any]],
        ids: Sequence[Mapping[str, int]],
    ) -> dict[str, Any] | None:
        if not isinstance(given, dict):
            raise self._wrong("annotations", position, f"is no object: {_short(given)}")
        keys = []
        for name, known in zip(("image_id", "category_id"), ids, strict=True):
            if name not in given:
                raise InputError(f"{self._path}: an entry of 'annotations' lacks '{name}'")
            key = _key(given[name])
            if key is None:
                text = f"expects an {name}, got {_short(given[name])}"
                raise self._wrong("annotations", position, text)
            if key not in known:
                listed = name.removesuffix("_id")
                self._said[f"annotation(s) are of no listed {listed}: left out"] += 1
                return None
            keys.append(key)
        image = images[keys[0]]
        entry: dict[str, Any] = {
            "image_id": ids[0][keys[0]],
            "category_id": ids[1][keys[1]],
            "iscrowd": self._crowd(position, given),
        }
        if "keypoints" in given:
            entry |= self._keypoints(position, given)
        segmentation = self._segmentation(position, given, image)
        if segmentation is None and (self._masks or "keypoints" not in given):
            self._said["annotation(s) have no polygon of three points: left out"] += 1
            return None
        if segmentation is not None:
            entry["segmentation"] = segmentation
        return entry | self._extent(position, given, entry, image)

    def _crowd(self, position: int, given: Mapping[str, Any]) -> int:
        value = given.get("iscrowd")
        if value is None:
            self._said["annotation(s) have no iscrowd: taken for 0"] += 1
            return 0
        if isinstance(value, str) or value not in (0, 1):
            if value in ("0", "1"):
                self._said["number(s) 'iscrowd' are strings"] += 1
                return int(value)
            text = f"expects an iscrowd of 0 or 1, got {_short(value)}"
            raise self._wrong("annotations", position, text)
        return int(value)

    def _coordinates(self, position: int, key: str, values: object) -> list[float]:
        if not isinstance(values, list):
            text = f"expects a list of numbers in {key}, got {_short(values)}"
            raise self._wrong("annotations", position, text)
        numbers = [self._number("annotations", position, key, value) for value in values]
        if any(abs(number) > FARTHEST for number in numbers):
            text = f"has a coordinate beyond {FARTHEST:.0f} pixels in {key}"
            raise self._wrong("annotations", position, text)
        return numbers

    def _keypoints(self, position: int, given: Mapping[str, Any]) -> dict[str, Any]:
        numbers = self._coordinates(position, "keypoints", given["keypoints"])
        if len(numbers) % 3:
            text = f"expects x, y and v for each keypoint, got {len(numbers)} numbers"
            raise self._wrong("annotations", position, text)
        seen = sum(v > 0 for v in numbers[2::3])
        return {"keypoints": numbers, "num_keypoints": seen}

    def _segmentation(
        self, position: int, given: Mapping[str, Any], image: Mapping[str, Any]
    ) -> Any:
        """Polygons of three points and more, or run lengths; None where there is nothing."""
        value = given.get("segmentation")
        if value is None:
            if self._masks and "keypoints" not in given:
                raise InputError(f"{self._path}: an entry of 'annotations' lacks 'segmentation'")
            return None
        if isinstance(value, dict):
            return self._run_lengths(position, value, image)
        if not isinstance(value, list):
            text = f"expects polygons or run lengths, got {_short(value)}"
            raise self._wrong("annotations", position, text)
        if value and not any(isinstance(part, list) for part in value):
            self._said["polygon(s) are not in a list of polygons"] += 1
            value = [value]
        polygons = [self._coordinates(position, "segmentation", part) for part in value]
        if any(len(polygon) % 2 for polygon in polygons):
            raise self._wrong("annotations", position, "has a polygon of an odd count of numbers")
        return [polygon for polygon in polygons if len(polygon) >= 6] or None

    def _run_lengths(
        self, position: int, value: Mapping[str, Any], image: Mapping[str, Any]
    ) -> dict[str, Any]:
        size = [image["height"], image["width"]]
        if value.get("size") != size:
            text = (
                f"expects run lengths of size {size}, its image's, got {_short(value.get('size'))}"
            )
            raise self._wrong("annotations", position, text)
        counts = value.get("counts")
        if isinstance(counts, str):
            counts = _uncompressed(counts)
        whole = isinstance(counts, list) and all(
            isinstance(count, int) and not isinstance(count, bool) and count >= 0
            for count in counts
        )
        if not whole or sum(counts or []) != size[0] * size[1]:
            text = f"expects run lengths that add up to {size[0]} x {size[1]} pixels"
            raise self._wrong("annotations", position, text)
        return {"size": size, "counts": counts}

    def _extent(
        self,
        position: int,
        given: Mapping[str, Any],
        entry: Mapping[str, Any],
        image: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Area and box: the file's where they are numbers, else the mask's or the keypoints'."""
        area, box = given.get("area"), given.get("bbox")
        mask = None
        if "segmentation" in entry:
            found = entry["segmentation"]
            mask = rle.frPyObjects(found, image["height"], image["width"])
            mask = rle.merge(mask) if isinstance(mask, list) else mask
        if area is None:
            self._said["annotation(s) have no area: computed"] += 1
            seen = np.reshape(entry.get("keypoints", [0.0] * 3), (-1, 3))
            spread = np.ptp(seen[seen[:, 2] > 0, :2], axis=0) if (seen[:, 2] > 0).any() else (0, 0)
            area = float(rle.area(mask)) if mask is not None else float(np.prod(spread))
        else:
            area = self._number("annotations", position, "area", area)
            if area < 0:
                raise self._wrong("annotations", position, f"has an area of {area:g}")
        if box is None and mask is not None:
            box = rle.toBbox(mask).tolist()
        elif box is None:
            raise InputError(f"{self._path}: an entry of 'annotations' lacks 'bbox'")
        else:
            box = self._coordinates(position, "bbox", box)
            if len(box) != 4:
                raise self._wrong("annotations", position, f"has a bbox of {len(box)} numbers")
        return {"area": area, "bbox": box}


def _key(value: object) -> str | None:
    """An id in one form: 7, 7.0 and "7" are the same; None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value == int(value) else None
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 30:
        return str(int(value))
    return str(value) if isinstance(value, str) or abs(value) < 2**63 else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _uncompressed(text: str) -> list[int] | None:
    """Run lengths of COCO's compressed string (cocoapi, maskApi.c: rleFrString); None if broken."""
    counts: list[int] = []
    at = 0
    while at < len(text):
        value, shift, more = 0, 0, True
        while more:
            if at >= len(text) or shift > 60:
                return None
            code = ord(text[at]) - 48
            if not 0 <= code < 64:
                return None
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            at += 1
            shift += 5
            if not more and code & 0x10:
                value |= -1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    return counts


def image_paths(images: Path, names: Sequence[str]) -> list[Path]:
    """The file of each name: below the folder as it is written, else by its last part.

    Separators of Windows count as separators. A last part stands for a file where only one below
    the folder is called so.

    Raises:
        InputError: no such folder, or files are missing.
    """
    if not images.is_dir():
        raise InputError(f"{images}: no such folder; data.images is where the images are")
    found: list[Path | None] = []
    others: dict[str, list[Path]] | None = None
    moved = 0
    for name in names:
        parts = PureWindowsPath(name).parts if "\\" in name else Path(name).parts
        inside = [part for part in parts if part not in ("/", "\\", "..") and ":" not in part]
        path = images.joinpath(*inside)
        if not path.is_file():
            if others is None:
                others = {}
                for each in images.rglob("*"):
                    others.setdefault(each.name, []).append(each)
            same = [each for each in others.get(inside[-1], []) if each.is_file()] if inside else []
            path, moved = (same[0], moved + 1) if len(same) == 1 else (path, moved)
        found.append(path if path.is_file() else None)
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise InputError(
            f"{images}: {len(missing)} of {len(names)} images that the annotations name are not "
            f"there, the first is {missing[0]}"
        )
    if moved:
        LOG.warning("%s: %d image(s) are found by the last part of their names", images, moved)
    return [path for path in found if path is not None]
