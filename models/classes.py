"""Class names of the data sets that the published networks were trained on, in channel order."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import ModelError

# COCO 2017 instances, ascending category id.
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip

# Semantic Boundaries Dataset: the twenty classes of PASCAL VOC in their own order.
SBD = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip

# KINS (amodal KITTI), ascending category id of its annotation files (1, 2, 4, 5, 6, 7, 8).
KINS = ("cyclist", "pedestrian", "car", "tram", "truck", "van", "misc")

# The eight instance classes of Cityscapes in the order of e2ec and Deep Snake (their JSON_DICT).
CITYSCAPES = ("car", "person", "rider", "motorcycle", "bicycle", "truck", "bus", "train")

# What the demo networks see: the outlines that the drawn scenes of this project hold.
SCENES = ("ellipse", "rectangle", "triangle", "star", "cross", "heart", "crescent", "flower")

CLASSES = {
    "coco": COCO,
    "sbd": SBD,
    "kins": KINS,
    "cityscapes": CITYSCAPES,
    "scenes": SCENES,
}


def class_names(classes: str | Sequence[str]) -> list[str]:
    """Names for the `classes` entry of a model's configuration: a data set's name, or a list.

    Raises ModelError for an unknown data set or an empty list.
    """
    if isinstance(classes, str):
        if classes not in CLASSES:
            raise ModelError(
                f"model.classes={classes} is not known: give one of {', '.join(CLASSES)}, or a "
                "list of class names"
            )
        return list(CLASSES[classes])
    if not classes:
        raise ModelError("model.classes is an empty list: give at least one class name")
    return [str(name) for name in classes]
