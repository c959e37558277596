"""OpenVINO's CPU plugin, in float32: left to itself it would compute in bfloat16 where it can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import Array, Session, installed, refused, require


class _Session(Session):
    def __init__(self, model: Any) -> None:
        self._request = model.create_infer_request()
        self._outputs = [(port.get_any_name(), port) for port in model.outputs]

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        found = self._request.infer(dict(feeds))
        return {name: found[port].copy() for name, port in self._outputs}


@dataclass(frozen=True)
class _OpenVino:
    name: str = "openvino"
    install: str = "pip install 'model-surgery[openvino]'"

    def version(self) -> str | None:
        return installed("openvino")

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        import openvino

        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": str(threads),
            "NUM_STREAMS": "1",
        }
        try:
            return _Session(core.compile_model(core.read_model(str(path)), "CPU", options))
        except RuntimeError as error:
            raise refused(self.name, path, _cause(str(error))) from error


def _cause(text: str) -> str:
    """The summary at the end of a long message, without the search for it through the sources."""
    _, found, summary = text.partition("Summary:")
    return summary.strip("- \n").partition("\n")[0] if found else text


OPENVINO = _OpenVino()
