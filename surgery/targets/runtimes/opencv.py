"""OpenCV's dnn module on the CPU, part of every OpenCV program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...graph.files import load_onnx
from .base import Array, Session, installed, refused, require

_PACKAGES = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)


class _Session(Session):
    def __init__(self, net: Any, outputs: list[str]) -> None:
        self._net = net
        self._outputs = outputs

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        for name, array in feeds.items():
            self._net.setInput(array, name)
        return dict(zip(self._outputs, self._net.forward(self._outputs), strict=True))


@dataclass(frozen=True)
class _OpenCv:
    name: str = "opencv"
    install: str = "pip install opencv-python-headless"

    def version(self) -> str | None:
        return next((found for name in _PACKAGES if (found := installed(name))), None)

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        import cv2

        outputs = [value.name for value in load_onnx(path).graph.output]
        cv2.setNumThreads(threads)
        try:
            return _Session(cv2.dnn.readNetFromONNX(str(path)), outputs)
        except cv2.error as error:
            raise refused(self.name, path, _cause(str(error))) from error


def _cause(text: str) -> str:
    """What the parser says, without the source lines around it."""
    layer = re.search(r"Can't create layer .* of type \"(\w+)\"", text)
    return f"it has no layer {layer[1]}" if layer else text.rpartition("parse error:")[2] or text


OPENCV = _OpenCv()
