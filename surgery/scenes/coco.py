"""Drawn scenes as files: PNG images and COCO instance annotations with run-length masks."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as rle

from postprocess.errors import InputError

from .draw import domain_named, draw
from .figures import FigureDomain
from .pose import JOINTS, SKELETON
from .scene import Instance
from .track import track


def annotation(instance: Instance, number: int, image_id: int) -> dict[str, Any]:
    """An instance as COCO's annotation: visible mask, its area and box; category = label + 1.

    A figure's keypoints are in pixel indices, where 0, 0 is the middle of the first pixel.
    """
    encoded = rle.encode(np.asfortranarray(instance.mask.view(np.uint8)))
    joints: dict[str, Any] = {}
    if instance.keypoints is not None:
        joints["keypoints"] = np.round(instance.keypoints.astype(float), 2).ravel().tolist()
        joints["num_keypoints"] = int((instance.keypoints[:, 2] > 0).sum())
    return {
        "id": number,
        "image_id": image_id,
        "category_id": instance.label + 1,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
        "area": float(rle.area(encoded)),
        "bbox": rle.toBbox(encoded).tolist(),
        "iscrowd": 0,
        **joints,
    }


def categories(domain: str) -> list[dict[str, Any]]:
    """A domain's categories; a figure's with its joints and the pairs that a drawing joins."""
    rules = domain_named(domain)
    entries: list[dict[str, Any]] = [
        {"id": number, "name": name} for number, name in enumerate(rules.classes, 1)
    ]
    if isinstance(rules, FigureDomain):
        pairs = [[first + 1, second + 1] for first, second in SKELETON]
        entries = [{**each, "keypoints": list(JOINTS), "skeleton": pairs} for each in entries]
    return entries


def write(
    out: str | Path, count: int, seed: int = 0, size: int = 128, domain: str = "shapes"
) -> Path:
    """Write scenes 0 to count - 1 of a seed: out/images/*.png and out/annotations.json.

    Everything goes to a folder beside `out` first, which takes its place when all is written.

    Returns:
        The path of the annotations.

    Raises:
        InputError: `out` holds something already or cannot be written; unknown domain, bad size.
    """
    out = Path(out)
    domain_named(domain)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: exists and is not an empty folder; choose another out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror})") from error
    try:
        (work / "images").mkdir()
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for index in track(range(count), "drawing scenes", count):
            scene = draw(seed, index, size, domain)
            name = f"{index:06d}.png"
            if not cv2.imwrite(str(work / "images" / name), scene.image):
                raise InputError(f"{out}: image {name} cannot be written")
            shape = {"height": size, "width": size, "scene": {"seed": seed, "index": index}}
            images.append({"id": index + 1, "file_name": name, **shape})
            for instance in scene.instances:
                annotations.append(annotation(instance, len(annotations) + 1, index + 1))
        facts = {
            "info": {"description": "drawn scenes", "domain": domain, "seed": seed, "size": size},
            "images": images,
            "annotations": annotations,
            "categories": categories(domain),
        }
        (work / "annotations.json").write_text(json.dumps(facts) + "\n")
        work.chmod(0o755)
        os.replace(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return out / "annotations.json"
