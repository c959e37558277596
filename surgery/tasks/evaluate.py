"""``task=evaluate``: accuracy of a bundle on a data set in COCO's format, or on drawn scenes."""

from __future__ import annotations

import json

import postprocess
from postprocess.errors import InputError

from ..config.run import Config, wants_json
from ..measure.keypoints import evaluate_keypoints
from ..measure.masks import dataset_of, evaluate_data


def run(config: Config) -> None:
    """Print the figures as a table and write them to ``out`` where one is named."""
    if config.bundle is None:
        raise InputError("task=evaluate needs bundle=DIR, a folder that task=export wrote")
    runtime = postprocess.load(config.bundle)
    if runtime.preprocess.takes_boxes:
        dataset = dataset_of(config.data, "figures", masks=False)
        figures = evaluate_keypoints(runtime, dataset, runtime.bundle.keypoints)
    else:
        figures = evaluate_data(runtime, config.data, runtime.bundle.classes)
    said = {"bundle": str(config.bundle), "data": dict(config.data), **figures}
    text = json.dumps(said, indent=1)
    if wants_json(config):
        print(text)
    else:
        print(*(f"{name:>8} {value:.4f}" for name, value in figures.items()), sep="\n")
    if config.out_given is not None:
        config.out_given.mkdir(parents=True, exist_ok=True)
        (config.out_given / "evaluation.json").write_text(text + "\n")
