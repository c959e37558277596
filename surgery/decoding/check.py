"""Hold the decoding in a graph against the decoder, on the same heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError
from postprocess.instances import Array, Instances

from ..measure.arrays import Difference, compare, tolerance, within

SAME_SCORE = 1e-6  # scores that rounding may bring into another order


@dataclass(frozen=True)
class Decoded:
    """What decoder and graph make of the same heads.

    Attributes:
        outputs: largest difference over the images, by name of the graph's output.
        outside, inside: instances of the first image, of the decoder and of the graph.
    """

    outputs: Mapping[str, Difference]
    outside: Instances
    inside: Instances


def require_same(
    decoder: Mapping[str, Any], heads: Mapping[str, Array], found: Mapping[str, Array]
) -> Decoded:
    """Compare what a decoding graph gives with what the decoder gives for the same heads.

    Args:
        decoder: name (key ``name``) and parameters.
        heads: of a batch.
        found: outputs of the decoding graph.

    Raises:
        InputError: another number of instances, or a difference beyond float32 rounding.
    """
    worst: dict[str, Difference] = {}
    first: list[Instances] = []
    for image in range(len(found["count"])):
        expected = reference(decoder, {n: a[image : image + 1] for n, a in heads.items()})
        rows = _rows(found, image)
        if len(rows["scores"]) != len(expected["scores"]):
            raise InputError(
                f"the decoding in the graph finds {len(rows['scores'])} instances, the decoder "
                f"{len(expected['scores'])}"
            )
        order = _order(expected, rows)
        rows = {name: rows[name][order] for name in expected}
        for name, difference in compare(expected, rows).items():
            if not within(difference):
                raise InputError(
                    f"{name} of the decoding in the graph differ from the decoder's by "
                    f"{difference.max:.3g}, rounding is {tolerance(difference):.3g}"
                )
            if name not in worst or difference.max > worst[name].max:
                worst[name] = difference
        first = first or [_instances(expected), _instances(rows)]
    return Decoded(worst, *first)


def reference(decoder: Mapping[str, Any], heads: Mapping[str, Array]) -> dict[str, Any]:
    """What the decoder gives for one image, by the names that a decoding graph has."""
    parameters = {**decoder, "backend": "numpy"}
    name = parameters.pop("name")
    parameters.pop("nms_iou", None)  # these two follow the learned steps
    parameters.pop("jagged_filter", None)
    trace: dict[str, Array] = {}
    built: Any = DECODERS.get(str(name))(**parameters)
    found: Instances = built(heads, None, trace)[0]
    arrays: dict[str, Any] = {"scores": found.scores}
    if found.keypoints is not None:
        return {**arrays, "keypoints": found.keypoints}
    arrays |= {"classes": found.classes, "boxes": found.boxes}
    if "it_ex" in trace:  # Deep Snake: the decoder's own boxes go around its octagons
        stride = np.float32(built.stride)
        arrays |= {"boxes": trace["detection"][:, :4] * stride, "contours": trace["it_ex"] * stride}
    elif found.contours is not None:
        arrays["contours"] = found.contours
    return arrays


def _rows(found: Mapping[str, Array], image: int) -> dict[str, Any]:
    """What a decoding graph found in one image of the batch."""
    count = int(found["count"][image])
    one = {name: array[image] for name, array in found.items() if name != "count"}
    if "keypoints" in one:  # one person an image
        one = {name: array[None] for name, array in one.items()}
    return {name: array[:count] for name, array in one.items()}


def _order(expected: Mapping[str, Array], rows: Mapping[str, Array]) -> list[int]:
    """Row of the graph for each of the decoder's: its own place, but for scores that are equal.

    Scores that differ by rounding alone may stand in another order: the nearest such row is taken.
    """
    free, order = list(range(len(expected["scores"]))), []
    if "boxes" not in expected:
        return free
    for row in range(len(free)):
        gaps = np.abs(rows["scores"][free] - expected["scores"][row])
        apart = np.abs(rows["boxes"][free] - expected["boxes"][row]).max(axis=1)
        apart = apart + np.abs(rows["classes"][free] - expected["classes"][row])
        apart[gaps > SAME_SCORE] = np.inf
        order.append(free.pop(int(np.argmin(apart))))
    return order


def _instances(arrays: Mapping[str, Any]) -> Instances:
    scores, people = arrays["scores"], arrays.get("keypoints")
    if people is None:
        return Instances(scores, arrays["classes"], arrays["boxes"], arrays.get("contours"))
    boxes = np.concatenate([people[..., :2].min(axis=1), people[..., :2].max(axis=1)], axis=1)
    return Instances(scores, np.zeros(len(scores), np.int64), boxes, None, people)
