"""onnxruntime-web's WebAssembly build, under Node.js: what a browser would run, without one.

The npm package is looked for in the folder that SURGERY_NODE names, else in the working folder
(``npm install onnxruntime-web``), else in this Python's environment, where
``npm install --global --prefix ENVIRONMENT`` puts it. ``web.mjs`` beside this file is the other end
of the pipe.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from postprocess.errors import InputError

from .base import Array, Session, refused, require

_SCRIPT = Path(__file__).with_name("web.mjs")


class _Session(Session):
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        reply = self._run(feeds, 1)
        return {name: _decoded(tensor) for name, tensor in reply["outputs"].items()}

    def seconds(self, feeds: Mapping[str, Array], runs: int) -> list[float]:
        """Time the runs on the other side of the pipe, which is no part of the run time."""
        return [float(value) for value in self._run(feeds, runs)["seconds"]]

    def _run(self, feeds: Mapping[str, Array], runs: int) -> dict[str, Any]:
        tensors = {name: _encoded(array) for name, array in feeds.items()}
        return _ask(self._process, {"feeds": tensors, "runs": runs})

    def __del__(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class _Web:
    name: str = "onnxruntime-web"
    install: str = "npm install onnxruntime-web, with Node.js 20 or later, and SURGERY_NODE=FOLDER"

    def version(self) -> str | None:
        manifest = _manifest(_folder())
        if shutil.which("node") is None or not manifest.is_file():
            return None
        return str(json.loads(manifest.read_text())["version"])

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        process = subprocess.Popen(
            ["node", str(_SCRIPT)],
            cwd=_folder(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        session = _Session(process)  # ends the process when it goes
        try:
            _ask(process, {"path": str(path.resolve()), "threads": threads})
        except InputError as error:
            raise refused(self.name, path, error) from error
        return session


def _folder() -> Path:
    """The folder that holds ``node_modules``."""
    named = os.environ.get("SURGERY_NODE")
    if named:
        return Path(named)
    here = Path(os.curdir)
    return here if _manifest(here).is_file() else Path(sys.prefix) / "lib"


def _manifest(folder: Path) -> Path:
    return folder / "node_modules" / "onnxruntime-web" / "package.json"


def _ask(process: subprocess.Popen[str], message: Mapping[str, Any]) -> dict[str, Any]:
    """Send a message and return the reply.

    Raises:
        InputError: the other end failed, or is gone.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        raise InputError(f"Node.js ended with exit code {process.wait()}")
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise InputError(str(reply["error"]))
    return reply


def _encoded(array: Array) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": array.shape, "data": data}


def _decoded(tensor: Mapping[str, Any]) -> Array:
    data = base64.b64decode(tensor["data"])
    shape = [int(size) for size in tensor["shape"]]
    return np.frombuffer(data, np.dtype(tensor["dtype"])).reshape(shape)


WEB = _Web()
