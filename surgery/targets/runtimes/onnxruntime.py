"""ONNX Runtime on the CPU, with its default optimisations: what the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import Array, Session, installed, refused, require


class _Session(Session):
    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [value.name for value in session.get_outputs()]

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        return dict(zip(self._outputs, self._session.run(None, dict(feeds)), strict=True))


@dataclass(frozen=True)
class _OnnxRuntime:
    name: str = "onnxruntime"
    install: str = "pip install onnxruntime"

    def version(self) -> str | None:
        return installed("onnxruntime")

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        try:
            return _Session(
                onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            )
        except Exception as error:  # classes of its own, none of them public
            raise refused(self.name, path, error) from error


ONNXRUNTIME = _OnnxRuntime()
