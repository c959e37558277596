"""``task=evaluate``: accuracy on a data set in COCO's format or on drawn scenes, with intervals.

What is evaluated is a bundle, or the untouched network in torch (``surgery.dcn=keep`` without a
bundle). ``against=`` evaluates a second one on the same pictures, ``keep`` for the untouched
network or another bundle, and says what lies between them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import postprocess
from postprocess.errors import InputError
from postprocess.fields import Field

from ..config.run import Config, wants_json
from ..measure.averages import Cells, average, cells_of, interval
from ..measure.keypoints import measure
from ..measure.masks import Dataset, dataset_of, detect, score

KEEP = "keep"
WORST = 10  # pictures that are named


@dataclass(frozen=True)
class Subject:
    """What is evaluated: a bundle's run time or a network in torch, both called alike."""

    name: str
    predict: Any
    classes: Sequence[str]
    keypoints: Sequence[str]
    takes_boxes: bool


@dataclass(frozen=True)
class Scores:
    """Figures of one subject, and its matched detections."""

    figures: dict[str, float]
    cells: Cells


def run(config: Config) -> None:
    """Print the figures and write them to ``out`` where one is named."""
    against = Field(dict(config.extra), "configuration")["against"]
    first = _subject(config)
    second = None if against.value is None else _other(config, against.text(), first)
    masks = not first.takes_boxes
    dataset = dataset_of(config.data, "shapes" if masks else "figures", masks=masks)
    found = _scores(first, dataset)
    said = {
        "bundle": str(config.bundle) if config.bundle else first.name,
        "data": dict(config.data),
        **found.figures,
        **_certainty(found, dataset),
    }
    if second is not None:
        said["against"] = _difference(found, _scores(second, dataset), dataset, second.name)
    text = json.dumps(said, indent=1)
    print(text if wants_json(config) else "\n".join(_lines(found.figures, said)))
    if config.out_given is not None:
        config.out_given.mkdir(parents=True, exist_ok=True)
        (config.out_given / "evaluation.json").write_text(text + "\n")


def _subject(config: Config) -> Subject:
    if config.bundle is not None:
        return _bundle(config.bundle, config.threads)
    if config.surgery.dcn.name == KEEP:
        return _untouched(config)
    raise InputError(
        "task=evaluate needs bundle=DIR, a folder that task=export wrote, or surgery.dcn=keep for "
        "the untouched network of model="
    )


def _other(config: Config, named: str, first: Subject) -> Subject:
    """What ``against=`` names, held against the first one's kind.

    Raises:
        InputError: it finds something else than the first one does.
    """
    second = _untouched(config) if named == KEEP else _bundle(Path(named), config.threads)
    for what in ("classes", "keypoints", "takes_boxes"):
        ours, theirs = (getattr(each, what) for each in (first, second))
        if (list(ours) != list(theirs)) if what != "takes_boxes" else ours != theirs:
            raise InputError(
                f"against={named}: {second.name} has other {what.replace('_', ' ')} than "
                f"{first.name}" + ("; model= names the untouched network" if named == KEEP else "")
            )
    return second


def _bundle(folder: Path, threads: int | None) -> Subject:
    runtime = postprocess.load(folder, threads=threads)
    info = runtime.bundle
    boxes = runtime.preprocess.takes_boxes
    return Subject(str(folder), runtime, info.classes, info.keypoints, boxes)


def _untouched(config: Config) -> Subject:
    from ..network.load import load_model
    from ..network.predict import Predictor

    model = load_model(config)
    name = f"{model.variant} untouched, in torch"
    boxes = model.preprocess.takes_boxes
    return Subject(name, Predictor(model), model.classes, model.keypoints, boxes)


def _scores(subject: Subject, dataset: Dataset) -> Scores:
    coco = dataset.coco
    if not subject.takes_boxes:
        found = detect(subject.predict, dataset, subject.classes)
        return Scores(score(coco, found), cells_of(coco, found, "segm"))
    figures, found = measure(subject.predict, dataset, subject.keypoints)
    return Scores(figures, cells_of(coco, found, "keypoints") if "AP" in figures else {})


def _certainty(scores: Scores, dataset: Dataset) -> dict[str, Any]:
    """The interval of the AP over pictures, and the AP of each class."""
    coco = dataset.coco
    between = interval([scores.cells], len(coco.getImgIds()))
    names = {each["id"]: each["name"] for each in coco.loadCats(coco.getCatIds())}
    every = range(len(coco.getImgIds()))
    classes = {names[key]: average({key: cell}, every) for key, cell in scores.cells.items()}
    return {"interval": between, "pictures": len(coco.getImgIds()), "classes": classes}


def _difference(first: Scores, second: Scores, dataset: Dataset, name: str) -> dict[str, Any]:
    """What the first network lost or gained against the second, on the same pictures."""
    coco = dataset.coco
    images = coco.loadImgs(coco.getImgIds())
    changes = []
    for index, image in enumerate(images):
        ours, theirs = (average(each.cells, [index]) for each in (first, second))
        if ours is not None and theirs is not None and ours < theirs:
            named = image.get("file_name", f"scene {image['id'] - 1}")
            changes.append({"image": named, "AP": ours, "against": theirs})
    changes.sort(key=lambda each: each["AP"] - each["against"])
    ap, reference = (each.figures.get("AP", -1.0) for each in (first, second))
    return {
        "name": name,
        **second.figures,
        "difference": ap - reference,
        "kept": ap / reference if reference > 0 else None,
        "interval": interval([second.cells, first.cells], len(images)),
        "worse": len(changes),
        "worst": changes[:WORST],
    }


def _lines(figures: dict[str, float], said: dict[str, Any]) -> Iterator[str]:
    """The figures for people."""
    for name, value in figures.items():
        line = f"{name:>8} {value:.4f}"
        if name == "AP" and said["interval"]:
            line += " ({:.4f} to {:.4f} with other pictures of the kind)".format(*said["interval"])
        yield line
    if (other := said.get("against")) is None:
        return
    yield f"against {other['name']}:"
    if "AP" in figures:
        line = f"{'AP':>8} {other['AP']:.4f}, difference {other['difference']:+.4f}"
        if other["interval"]:
            line += " ({:+.4f} to {:+.4f})".format(*other["interval"])
        yield line + (f", {100 * other['kept']:.1f} % kept" if other["kept"] else "")
    yield f"{other['worse']:>8} of {said['pictures']} pictures got worse"
    for each in other["worst"][:3]:
        yield f"         {each['image']}: {each['AP']:.3f}, was {each['against']:.3f}"
