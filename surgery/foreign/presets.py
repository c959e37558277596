"""Preprocessing by name: what the exporters of the common families expect of a picture.

Values are those of the families' own code: torchvision (imagenet), ultralytics, mmpose's RTMPose
configurations, PaddleDetection's deployment (TinyPose), MediaPipe's models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postprocess.errors import InputError
from postprocess.registry import suggestion

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "imagenet": {"color": "rgb", "scale": 1 / 255, "mean": _MEAN, "std": _STD},
    "ultralytics": {"color": "rgb", "scale": 1 / 255, "resize": "letterbox"},
    "rtmpose": {
        "color": "rgb",
        "scale": 1.0,
        "mean": (123.675, 116.28, 103.53),
        "std": (58.395, 57.12, 57.375),
        "resize": "affine",
        "growth": 1.25,
    },
    "paddle": {"color": "rgb", "scale": 1 / 255, "mean": _MEAN, "std": _STD, "resize": "stretch"},
    "mediapipe": {
        "color": "rgb",
        "scale": 1 / 255,
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "resize": "letterbox",
    },
    "raw": {"color": "rgb", "scale": 1.0},
}
"""``model.input`` by name; keys that are left out keep the defaults of configs/model/onnx.yaml."""


def preset(name: str) -> dict[str, Any]:
    """Return the keys of ``model.input`` that ``name`` sets.

    Raises:
        InputError: there is no preset of that name.
    """
    if name not in PRESETS:
        hint = suggestion(name, PRESETS)
        raise InputError(f"unknown preset {name!r}{hint} (there are: {', '.join(PRESETS)})")
    chosen = PRESETS[name]
    return {key: list(v) if isinstance(v, tuple) else v for key, v in chosen.items()}
