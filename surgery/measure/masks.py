"""Mask AP as COCO defines it, computed by pycocotools, on a data set's files or on drawn scenes.

A contour becomes a mask by pycocotools' own polygon rasteriser, in continuous pixel coordinates, as
the authors of E2EC evaluate theirs; so a prediction is judged as an annotation polygon would be.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from postprocess.errors import InputError
from postprocess.fields import Field
from postprocess.images import read_image

from ..scenes import EVALUATION_SEED, annotation, categories, draw
from ..scenes.track import track
from .averages import loaded
from .coco import image_paths, read_annotations

Image = NDArray[np.uint8]
METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


class InstanceLike(Protocol):
    """What is read of a found object: see `postprocess.result.Instance`."""

    @property
    def label(self) -> str:
        """Class name."""

    @property
    def score(self) -> float:
        """From 0 to 1."""

    @property
    def contour(self) -> NDArray[np.float32] | None:
        """(P, 2) closed polygon in image pixels, or None."""


class ResultLike(Protocol):
    """What is read of a result: see `postprocess.result.Result`."""

    @property
    def instances(self) -> Sequence[InstanceLike]:
        """The objects found, in any order."""


Predict = Callable[[Image], ResultLike]


@dataclass(frozen=True)
class Dataset:
    """Annotations as pycocotools holds them, and how to get at the images one by one.

    Attributes:
        coco: images, categories and annotations.
        images: yields (image id, (H, W, 3) uint8 BGR), each image once.
    """

    coco: COCO
    images: Callable[[], Iterable[tuple[int, Image]]]


def evaluate(
    predict: Predict, dataset: Dataset, classes: Sequence[str] | None = None
) -> dict[str, float]:
    """Run `predict` on every image and score its masks.

    Args:
        predict: image (H, W, 3) uint8 BGR -> result with contours in image pixels.
        dataset: from `coco_dataset` or `drawn_dataset`.
        classes: the predictor's class names; given, they are held against the categories first.

    Returns:
        METRICS by name, each from 0 to 1, or -1 where the data set has nothing to measure it on.

    Raises:
        InputError: no class has a category's name, or a found label is not a category.
    """
    return score(dataset.coco, detect(predict, dataset, classes))


def detect(
    predict: Predict, dataset: Dataset, classes: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """What `predict` finds on every image, in COCO's result format: see `evaluate`."""
    coco = dataset.coco
    ids = {category["name"]: category["id"] for category in coco.loadCats(coco.getCatIds())}
    if classes is not None and not set(classes) & set(ids):
        raise InputError(
            f"none of the model's classes ({_few(classes)}) is a category of the annotations "
            f"({_few(list(ids))}): names must be the same"
        )
    detections: list[dict[str, Any]] = []
    for image_id, image in track(dataset.images(), "evaluating", len(coco.getImgIds())):
        height, width = image.shape[:2]
        for found in predict(image).instances:
            if found.contour is None:
                raise InputError(f"mask AP needs contours; '{found.label}' was found without one")
            if found.label not in ids:
                if classes is not None:
                    continue
                raise InputError(f"'{found.label}' is not a category ({_few(list(ids))})")
            encoded = contour_mask(found.contour, height, width)
            entry = {"image_id": image_id, "category_id": ids[found.label]}
            detections.append({**entry, "segmentation": encoded, "score": found.score})
    return detections


def contour_mask(contour: NDArray[np.float32], height: int, width: int) -> dict[str, Any]:
    """A closed contour (P, 2), pixels with centres at .5, as a COCO run-length mask."""
    points = np.asarray(contour, np.float64).reshape(1, -1)
    encoded: dict[str, Any] = rle.frPyObjects(points.tolist(), height, width)[0]
    return encoded


def score(coco: COCO, detections: list[dict[str, Any]]) -> dict[str, float]:
    """METRICS of detections in COCO's result format with run-length masks."""
    if not coco.getAnnIds():
        return dict.fromkeys(METRICS, -1.0)
    if not detections:
        return dict.fromkeys(METRICS, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(coco, loaded(coco, detections), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(METRICS, map(float, run.stats), strict=True))


def coco_dataset(
    annotations: Path, images: Path, limit: int | None = None, *, masks: bool = True
) -> Dataset:
    """A data set on disk: COCO annotations and the folder that their file names are in.

    Args:
        annotations: a file as :func:`~.coco.read_annotations` takes it.
        images: folder of the images.
        limit: only so many images, the first ones.
        masks: whether masks are evaluated, not keypoints alone.

    Raises:
        InputError: a file or folder is missing, the file is not COCO's format, or images that it
            names are not in the folder.
    """
    data = read_annotations(annotations, masks=masks)
    entries = data["images"][:limit]
    kept = {entry["id"] for entry in entries}
    chosen = [each for each in data["annotations"] if each["image_id"] in kept]
    paths = image_paths(images, [entry["file_name"] for entry in entries])

    def read() -> Iterator[tuple[int, Image]]:
        for entry, path in zip(entries, paths, strict=True):
            yield entry["id"], read_image(path)

    return Dataset(_index({**data, "images": entries, "annotations": chosen}), read)


def drawn_dataset(
    count: int, seed: int = EVALUATION_SEED, size: int = 128, domain: str = "shapes"
) -> Dataset:
    """Scenes drawn on the fly, never written: index 0 to count - 1 of a seed."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(count):
        images.append({"id": index + 1, "height": size, "width": size})
        for instance in draw(seed, index, size, domain).instances:
            entry = annotation(instance, len(annotations) + 1, index + 1)
            annotations.append(entry)
    data = {"images": images, "annotations": annotations, "categories": categories(domain)}
    coco = _index(data)

    def redraw() -> Iterator[tuple[int, Image]]:
        for index in range(count):
            yield index + 1, draw(seed, index, size, domain).image

    return Dataset(coco, redraw)


def dataset_of(data: Mapping[str, Any], domain: str, *, masks: bool = True) -> Dataset:
    """What a `data` node of the configuration names: COCO files or drawn scenes.

    Args:
        data: the node.
        domain: of the scenes where the node leaves it open.
        masks: whether masks are evaluated, not keypoints alone.

    Raises:
        InputError: a key is missing or ill-typed, and whatever `coco_dataset` raises.
    """
    node = Field(dict(data), "data")
    name = node["name"].text(("scenes", "coco"))
    if name == "scenes":
        count, size = node["count"].integer(1), node["size"].integer(64)
        if node["domain"].value is not None:
            domain = node["domain"].text()
        return drawn_dataset(count, node["seed"].integer(0), size, domain)
    for key, what in (("annotations", "FILE"), ("images", "DIR")):
        if node[key].value is None:
            raise InputError(f"data=coco needs data.{key}={what}")
    limit = None if node["limit"].value is None else node["limit"].integer(1)
    annotations, images = (Path(node[key].text()).expanduser() for key in ("annotations", "images"))
    return coco_dataset(annotations, images, limit, masks=masks)


def evaluate_data(
    predict: Predict, data: Mapping[str, Any], classes: Sequence[str] | None = None
) -> dict[str, float]:
    """Mask AP on what a `data` node of the configuration names: see `dataset_of`."""
    return evaluate(predict, dataset_of(data, "shapes"), classes)


def _index(data: dict[str, Any]) -> COCO:
    coco = COCO()
    coco.dataset = data
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
