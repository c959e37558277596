"""What a trained network finds, in the form that `surgery.evaluate` scores.

    python -m training.results snake_scenes --count 500

prints mask AP on held-back scenes by stage (each contour that the network draws on its way) and the
size of the offsets that every deformable layer has learnt.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.layers.deform import DCN
from surgery.measure.masks import Image, drawn_dataset, evaluate
from surgery.scenes import DOMAINS, EVALUATION_SEED, draw

from .data import normalise
from .networks import DEMOS, checkpoint_of


class Found(NamedTuple):
    """One object, as `surgery.evaluate` reads it."""

    label: str
    score: float
    contour: NDArray[np.float32]


class Finds(NamedTuple):
    """The objects of one image at one stage."""

    instances: list[Found]


def tensor(image: Image) -> Tensor:
    """(H, W, 3) uint8 BGR, sides multiples of 32 -> the network's input."""
    return normalise(torch.from_numpy(image.transpose(2, 0, 1).copy())[None])


@torch.no_grad()
def stages(name: str, net: nn.Module, image: Image) -> dict[str, Finds]:
    """Objects with the contours of every stage, in image pixels."""
    output = net(tensor(image))
    names = DOMAINS["shapes"].classes
    scores = output["detection"][:, -2].tolist()
    labels = [names[int(label)] for label in output["detection"][:, -1]]
    return {
        stage: Finds([Found(*each) for each in zip(labels, scores, lines.numpy(), strict=True)])
        for stage, lines in DEMOS[name].stages(output).items()
    }


def ap_by_stage(
    name: str, net: nn.Module, count: int, seed: int = EVALUATION_SEED
) -> dict[str, dict[str, float]]:
    """COCO mask metrics of every stage of the network `name` on `count` drawn scenes."""
    dataset = drawn_dataset(count, seed)
    found = {image_id: stages(name, net, image) for image_id, image in dataset.images()}
    figures = {}
    for stage in next(iter(found.values())):
        finds = iter([each[stage] for each in found.values()])
        figures[stage] = evaluate(lambda image, finds=finds: next(finds), dataset)
    return figures


@contextmanager
def recorded_offsets(net: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """Keep |offset| of every deformable layer while the network runs."""
    kept: dict[str, list[Tensor]] = {}
    hooks = []
    for name, layer in net.named_modules():
        if isinstance(layer, DCN):
            kept[name] = []

            def keep(layer: Any, inputs: tuple[Tensor, ...], name: str = name) -> None:
                kept[name].append(layer.offset_and_mask(inputs[0])[0].abs().flatten())

            hooks.append(layer.register_forward_pre_hook(keep))
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def offset_statistics(net: nn.Module, count: int = 32) -> dict[str, dict[str, float]]:
    """Mean, 99th percentile and largest |offset| in pixels, by layer, over drawn scenes."""
    with recorded_offsets(net) as kept:
        for index in range(count):
            net(tensor(draw(EVALUATION_SEED, index).image))
    figures = {}
    for name, parts in kept.items():
        values = torch.cat(parts).numpy()
        figures[name] = {
            "mean": round(float(values.mean()), 3),
            "p99": round(float(np.percentile(values, 99)), 3),
            "max": round(float(values.max()), 3),
        }
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="mask AP by stage and offsets by layer")
    parser.add_argument("name", nargs="?", choices=list(DEMOS), default="e2ec_scenes")
    parser.add_argument("--checkpoint", type=Path, help="outputs/training/NAME.pt")
    parser.add_argument("--count", type=int, default=500)
    args = parser.parse_args()
    net = DEMOS[args.name].build()
    checkpoint = args.checkpoint or checkpoint_of(args.name)
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    net.load_state_dict(state["mean"])
    net.eval()
    ap = ap_by_stage(args.name, net, args.count)
    figures = {"step": state["step"], "scenes": args.count, "ap": ap}
    figures["offsets"] = offset_statistics(net)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
