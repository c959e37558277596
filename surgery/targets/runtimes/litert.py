"""LiteRT (TensorFlow Lite), through onnx2tf, which translates ONNX to a .tflite file.

onnx2tf pins versions of numpy, onnx and TensorFlow that differ from ours, so it is run as a program
from an environment of its own: the one on the path, or the one that SURGERY_ONNX2TF names. It turns
NCHW into NHWC; here tensors are turned back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...graph.files import load_onnx
from ...graph.shapes import Shape, shape_of
from .base import Array, Session, installed, refused, require

# onnx2tf fetches pictures of this name for its own trial run unless they lie in its folder.
_SAMPLES, _SAMPLE_SHAPE = (
    "calibration_image_sample_data_20x128x128x3_float32.npy",
    (20, 128, 128, 3),
)


class _Session(Session):
    def __init__(self, interpreter: Any, inputs: list[str], outputs: dict[str, Shape]) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._inputs = _by_name(interpreter.get_input_details(), inputs)
        self._outputs = _by_name(interpreter.get_output_details(), list(outputs))
        self._shapes = outputs

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        for name, detail in self._inputs.items():
            array = feeds[name]
            if tuple(detail["shape"]) != array.shape:
                array = np.moveaxis(array, 1, -1)
            self._interpreter.set_tensor(detail["index"], np.ascontiguousarray(array))
        self._interpreter.invoke()
        found = {}
        for name, detail in self._outputs.items():
            array = self._interpreter.get_tensor(detail["index"])
            wanted = self._shapes[name]
            if array.ndim == 4 and array.shape != wanted:
                array = np.moveaxis(array, -1, 1)
            found[name] = array
        return found


@dataclass(frozen=True)
class _LiteRt:
    name: str = "litert"
    install: str = (
        "pip install 'model-surgery[litert]' here, pip install onnx2tf in an environment of its "
        "own, and SURGERY_ONNX2TF=the program's path"
    )

    def version(self) -> str | None:
        return installed("ai-edge-litert") if _converter() else None

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        from ai_edge_litert.interpreter import Interpreter

        graph = load_onnx(path).graph
        weights = {tensor.name for tensor in graph.initializer}
        with tempfile.TemporaryDirectory(prefix="surgery-") as folder:
            content = _translated(path, Path(folder))
        try:
            return _Session(
                Interpreter(model_content=content, num_threads=threads),
                [value.name for value in graph.input if value.name not in weights],
                {value.name: shape_of(value) or () for value in graph.output},
            )
        except (RuntimeError, ValueError) as error:
            raise refused(self.name, path, error) from error


def _converter() -> str | None:
    """The program onnx2tf, None where there is none."""
    return shutil.which(os.environ.get("SURGERY_ONNX2TF", "onnx2tf"))


def _translated(path: Path, folder: Path) -> bytes:
    """Run onnx2tf in ``folder`` and return the .tflite file with float32 weights."""
    program = _converter()
    assert program is not None
    samples = np.random.default_rng(0).random(_SAMPLE_SHAPE, dtype=np.float32)
    np.save(folder / _SAMPLES, samples)
    command = [program, "-i", str(path.resolve()), "-o", "out", "-n", "-coion"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    made = sorted((folder / "out").glob("*_float32.tflite"))
    if done.returncode != 0 or not made:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        raise refused("onnx2tf", path, lines[-1] if lines else f"exit code {done.returncode}")
    return made[0].read_bytes()


def _by_name(details: list[dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
    """Tensors by the graph's names; in the graph's order where the file has others."""
    own = {
        str(detail["name"]).rpartition(":")[0] or str(detail["name"]): detail for detail in details
    }
    exact = {str(detail["name"]): detail for detail in details}
    if all(name in exact for name in names):
        return {name: exact[name] for name in names}
    if all(name in own for name in names):
        return {name: own[name] for name in names}
    return dict(zip(names, details, strict=True))


LITERT = _LiteRt()
