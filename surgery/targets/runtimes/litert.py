"""LiteRT (TensorFlow Lite), through onnx2tf, which translates ONNX to a .tflite file.

onnx2tf pins versions of numpy, onnx and others that differ from ours, so it is run as a program
from an environment of its own: the one that SURGERY_ONNX2TF names, else the one beside this Python
(where ``make onnx2tf`` links it), else the one on the path. It turns NCHW into NHWC; here tensors
are turned back.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ...graph.files import load_onnx
from ...graph.shapes import Shape, shape_of
from .base import Array, Session, installed, refused, require

# onnx2tf writes its simplified graph over the file that it is given: it only ever sees a copy.
COPY = "graph.onnx"
# onnx2tf fetches pictures of this name for its own trial run unless they lie in its folder.
_SAMPLES, _SAMPLE_SHAPE = (
    "calibration_image_sample_data_20x128x128x3_float32.npy",
    (20, 128, 128, 3),
)


class _Session(Session):
    def __init__(
        self, interpreter: Any, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]
    ) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._inputs = _by_name(interpreter.get_input_details(), inputs)
        self._outputs = _by_name(interpreter.get_output_details(), outputs)
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
        "own (Python 3.12 or later), and SURGERY_ONNX2TF=the program's path"
    )

    def version(self) -> str | None:
        return installed("ai-edge-litert") if _converter() else None

    def translator(self) -> str:
        """Name and version of the program that translates."""
        require(self)
        command = [str(_converter()), "-V"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return f"onnx2tf {done.stdout.strip()}"

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        model = load_onnx(path)
        graph = model.graph
        weights = {tensor.name for tensor in graph.initializer}
        with tempfile.TemporaryDirectory(prefix="surgery-") as folder:
            onnx.save(model, str(Path(folder) / COPY))
            content = _translated(path, Path(folder))
        from ai_edge_litert.interpreter import Interpreter

        try:
            return _Session(
                Interpreter(model_content=content, num_threads=threads),
                {v.name: shape_of(v) or () for v in graph.input if v.name not in weights},
                {value.name: shape_of(value) or () for value in graph.output},
            )
        except (RuntimeError, ValueError) as error:
            raise refused(self.name, path, error) from error


def _converter() -> str | None:
    """The program onnx2tf, None where there is none."""
    named = os.environ.get("SURGERY_ONNX2TF")
    if named:
        return shutil.which(named)
    beside = str(Path(sys.executable).parent)
    return shutil.which("onnx2tf", path=beside) or shutil.which("onnx2tf")


def _translated(path: Path, folder: Path) -> bytes:
    """Run onnx2tf on the copy of ``path`` in ``folder``; return the .tflite file in float32."""
    program = _converter()
    assert program is not None
    samples = np.random.default_rng(0).random(_SAMPLE_SHAPE, dtype=np.float32)
    np.save(folder / _SAMPLES, samples)
    command = [program, "-i", COPY, "-o", "out", "-n", "-coion"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    made = sorted((folder / "out").glob("*_float32.tflite"))
    if done.returncode != 0 or not made:
        raise refused("onnx2tf", path, _cause(done.stdout + done.stderr, done.returncode))
    return made[0].read_bytes()


def _cause(printed: str, code: int) -> str:
    """Where onnx2tf stopped: it prints the node, and before that its error at some length."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()
    node = next((line.split()[-1] for line in lines if "onnx_op_name:" in line), "")
    known = next((line for line in lines if line.startswith("ERROR: ")), f"exit code {code}")
    return f"it stops at node {node}" if node else known.removeprefix("ERROR: ")


def _by_name(details: list[dict[str, Any]], wanted: Mapping[str, Shape]) -> dict[str, Any]:
    """Tensors by the graph's names; by their shapes, or in order, where the file has others."""
    for cut in (str, lambda name: str(name).rpartition(":")[0] or str(name)):
        named = {cut(detail["name"]): detail for detail in details}
        if all(name in named for name in wanted):
            return {name: named[name] for name in wanted}
    shaped = {name: [d for d in details if _same(d["shape"], wanted[name])] for name in wanted}
    if all(len(found) == 1 for found in shaped.values()):
        return {name: found[0] for name, found in shaped.items()}
    return dict(zip(wanted, details, strict=True))


def _same(shape: Any, wanted: Shape) -> bool:
    """Whether a file's tensor is of the shape ``wanted``, as it is or channels last."""
    found, channels_first = tuple(map(int, shape)), tuple(wanted)
    return found in (
        channels_first,
        (*channels_first[:1], *channels_first[2:], *channels_first[1:2]),
    )


LITERT = _LiteRt()
