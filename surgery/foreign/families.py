"""Which family a found graph belongs to: by its metadata, its outputs and its heads.

A family proposes a cut, a decoder with its parameters, preprocessing and names, each with the
reason. Structure proposes, measurement decides: the job holds the cut graph against the file's own
tensors, and :mod:`surgery.foreign.doctor` compares presets on a picture. A graph of no known family
gets ``decoder: none``: its backbone with the heads as arrays.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph.shapes import Shape
from .candidates import Candidate, automatic
from .source import Found, ImageInput

COCO_JOINTS = 17
LEAST_JOINTS = 5  # fewer channels are classes, not the joints of a person


@dataclass(frozen=True)
class Head:
    """An output of the network at which it can be cut.

    Attributes:
        tensor: its name.
        channels, height, width: sizes, None where open; of a vector only ``channels``.
        activated: whether a Sigmoid makes it.
        layout: "nchw", "nhwc" or "".
    """

    tensor: str
    channels: int | None
    height: int | None
    width: int | None
    activated: bool
    layout: str


@dataclass(frozen=True)
class Proposal:
    """What to do with a file, and why.

    Attributes:
        family: name of the family, or "unknown".
        evidence: what it was recognised by.
        cut: names of tensors; empty for ``model.cut=auto``.
        decoder: ``model.decoder``.
        preset: name of the preprocessing, "" where nothing tells it.
        keypoints: names of a data set's joints ("coco"), or "".
        classes: names, from the file's metadata.
        reasons: what each part of the proposal rests on.
        unknown: what the file does not tell.
    """

    family: str
    evidence: str
    decoder: Mapping[str, Any]
    cut: tuple[str, ...] = ()
    preset: str = ""
    keypoints: str = ""
    classes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    unknown: tuple[str, ...] = field(default=("colour order, mean and std",))


def recognise(found: Found, port: ImageInput) -> Proposal:
    """Propose what to do with a found graph.

    Args:
        found: the file.
        port: its image input.

    Raises:
        InputError: the graph has no convolution that depends on the picture.
    """
    heads = [_head(each) for each in automatic(found)]
    outputs = [(value.name, _shape(found, value.name)) for value in found.model.graph.output]
    for rule in _RULES:
        proposal = rule(found, port, heads, outputs)
        if proposal is not None:
            return proposal
    named = ", ".join(f"{head.tensor} {_size(head)}" for head in heads)
    return Proposal("unknown", f"heads of no known family: {named}", {"name": "none"})


Outputs = Sequence[tuple[str, Shape | None]]
Rule = Callable[[Found, ImageInput, Sequence[Head], Outputs], Proposal | None]


def metadata(found: Found) -> dict[str, str]:
    """The file's metadata, and who wrote it under ``producer``."""
    values = {entry.key: entry.value for entry in found.model.metadata_props}
    return {"producer": found.model.producer_name, **values}


def _ultralytics(
    found: Found, port: ImageInput, heads: Sequence[Head], outputs: Outputs
) -> Proposal | None:
    """ultralytics writes author, task, stride, names and imgsz into the file (exporter.py)."""
    values = metadata(found)
    if "ultralytics" not in values.get("author", "").lower() and not (
        {"task", "stride", "names"} <= set(values)
    ):
        return None
    return Proposal(
        family=f"ultralytics {values.get('task', '')}".strip(),
        evidence="its metadata: "
        + ", ".join(k for k in ("author", "task", "names") if k in values),
        decoder={"name": "none"},
        preset="ultralytics",
        classes=_names(values.get("names", "")),
        reasons=("preprocessing of ultralytics: RGB / 255, letterbox",),
        unknown=("the decoder: this project has none for the raw heads of YOLO",),
    )


def _simcc(
    found: Found, port: ImageInput, heads: Sequence[Head], outputs: Outputs
) -> Proposal | None:
    """Two outputs (N, K, bins of x) and (N, K, bins of y), both the same multiple of the input."""
    if len(outputs) != 2 or port.width is None or port.height is None:
        return None
    sides = [shape[1:] for _, shape in outputs if shape is not None and len(shape) == 3]
    if len(sides) != 2 or not all(isinstance(side, int) for pair in sides for side in pair):
        return None
    (joints, across), (others, down) = ((int(a or 0), int(b or 0)) for a, b in sides)
    if joints != others or across * port.height != down * port.width or across < port.width:
        return None
    ratio = across / port.width
    return Proposal(
        family="SimCC (RTMPose, DWPose)",
        evidence=f"outputs (N,{joints},{across}) and (N,{joints},{down}): {ratio:g} bins a pixel",
        cut=tuple(name for name, _ in outputs),
        decoder={
            "name": "simcc", "x": outputs[0][0], "y": outputs[1][0], "split_ratio": ratio
        },
        preset="rtmpose",
        keypoints="coco" if joints == COCO_JOINTS else "",
        reasons=("cut at both outputs: nothing follows them", "preprocessing as mmpose exports"),
        unknown=("whether the picture shows one person: give boxes, or a detector",),
    )  # fmt: skip


def _centernet(
    found: Found, port: ImageInput, heads: Sequence[Head], outputs: Outputs
) -> Proposal | None:
    """A class heatmap beside two or four channels of size, and two of offset, on one grid."""
    grid = {(head.height, head.width) for head in heads}
    if len(grid) != 1 or None in next(iter(grid)) or not 2 <= len(heads) <= 3:
        return None
    size = _called(heads, "wh", "size", "ltrb")
    if size is None:
        size = next((head for head in heads if head.channels == 2), None)
    if size is None or size.channels not in (2, 4):
        return None
    rest = [head for head in heads if head is not size]
    offset = next((head for head in rest if head.channels == 2), None) if rest[1:] else None
    maps = [head for head in rest if head is not offset]
    if len(maps) != 1:
        return None
    heatmap, box = maps[0], "wh" if size.channels == 2 else "ltrb"
    return Proposal(
        family="CenterNet boxes",
        evidence=f"a heatmap of {heatmap.channels} channels beside {size.channels} of size",
        decoder={
            "name": "ctdet",
            "heatmap": heatmap.tensor,
            "size": size.tensor,
            "offset": None if offset is None else offset.tensor,
            "box": box,
            "activation": "none" if heatmap.activated else "sigmoid",
            "stride": _stride(port, heatmap),
        },
        reasons=(
            f"{size.tensor!r} holds the sizes: {_by_name(size, heads)}",
            f"the heatmap holds {'probabilities' if heatmap.activated else 'logits'}",
        ),
        unknown=(
            "colour order, mean and std",
            "whether sizes are in pixels of the feature map or of the input (size_unit)",
        ),
    )


def _heatmaps(
    found: Found, port: ImageInput, heads: Sequence[Head], outputs: Outputs
) -> Proposal | None:
    """One head with a map a joint, on a grid a quarter or an eighth of the input."""
    if len(heads) != 1:
        return None
    (head,) = heads
    stride = _stride(port, head)
    if head.channels is None or head.channels < LEAST_JOINTS or stride not in (2.0, 4.0, 8.0):
        return None
    argmax = any(node.op_type == "ArgMax" for node in found.nodes)
    pose = argmax or head.channels in (COCO_JOINTS, 16, 133)
    if not pose:
        return None
    paddle = "paddle" in metadata(found)["producer"].lower() or argmax
    return Proposal(
        family="keypoint heatmaps (HRNet, ViTPose, PP-TinyPose)",
        evidence=f"one head of {head.channels} maps at stride {stride:g}",
        decoder={
            "name": "keypoints",
            "heatmap": head.tensor,
            "stride": stride,
            "method": "dark" if paddle else "quarter",
            "activation": "none",
        },
        preset="paddle" if paddle else "imagenet",
        keypoints="coco" if head.channels == COCO_JOINTS else "",
        reasons=("the in-graph ArgMax moves to the host",) if argmax else (),
        unknown=("mean and std: ImageNet's are usual for the family",),
    )


_RULES: tuple[Rule, ...] = (_ultralytics, _simcc, _centernet, _heatmaps)


def _head(candidate: Candidate) -> Head:
    shape = candidate.shape or ()
    sides = [side if isinstance(side, int) else None for side in shape]
    channels = height = width = None
    if len(sides) == 4:
        order = (1, 2, 3) if candidate.layout != "nhwc" else (3, 1, 2)
        channels, height, width = (sides[axis] for axis in order)
    elif len(sides) > 1:
        channels = sides[-1]
    activated = candidate.operator in ("Sigmoid", "Softmax")
    return Head(candidate.tensor, channels, height, width, activated, candidate.layout)


def _shape(found: Found, name: str) -> Shape | None:
    return found.shapes.get(name)


def _stride(port: ImageInput, head: Head) -> float:
    if port.width is None or not head.width:
        return 4.0
    return port.width / head.width


def _called(heads: Sequence[Head], *words: str) -> Head | None:
    fitting = [head for head in heads if any(word in head.tensor.lower() for word in words)]
    return fitting[0] if len(fitting) == 1 else None


def _by_name(head: Head, heads: Sequence[Head]) -> str:
    named = _called(heads, "wh", "size", "ltrb") is head
    return "its name says so" if named else "it comes first"


def _names(text: str) -> tuple[str, ...]:
    """Class names as ultralytics writes them: a Python dictionary by index."""
    try:
        names = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ()
    if not isinstance(names, dict):
        return ()
    return tuple(str(names[key]) for key in sorted(names, key=str))


def _size(head: Head) -> str:
    sides = (head.channels, head.height, head.width)
    return "(" + ",".join("?" if side is None else str(side) for side in sides) + ")"
