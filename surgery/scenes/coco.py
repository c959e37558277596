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

from .draw import Instance, domain_named, draw
from .track import track


def annotation(instance: Instance, number: int, image_id: int) -> dict[str, Any]:
    """An instance as COCO's annotation: visible mask, its area and box; category = label + 1."""
    encoded = rle.encode(np.asfortranarray(instance.mask.view(np.uint8)))
    return {
        "id": number,
        "image_id": image_id,
        "category_id": instance.label + 1,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
        "area": float(rle.area(encoded)),
        "bbox": rle.toBbox(encoded).tolist(),
        "iscrowd": 0,
    }


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
    names = domain_named(domain).classes
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
            "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
        }
        (work / "annotations.json").write_text(json.dumps(facts) + "\n")
        work.chmod(0o755)
        os.replace(work, out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return out / "annotations.json"
