"""ncnn, which reads no ONNX itself: pnnx (github.com/Tencent/ncnn, tools/pnnx) translates first.

ncnn knows no batch: a tensor's first axis is dropped on the way in, and outputs get the graph's
shapes back.
pnnx numbers inputs and outputs in the order of the graph (``in0``, ``out0``).
"""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from postprocess.errors import InputError

from ...graph.files import load_onnx
from ...graph.shapes import Shape, shape_of
from .base import Array, Session, installed, refused, require


class _Session(Session):
    def __init__(self, net: Any, inputs: list[str], outputs: dict[str, Shape]) -> None:
        self._net = net
        self._inputs = inputs
        self._outputs = outputs

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        import ncnn

        extractor = self._net.create_extractor()
        for i, name in enumerate(self._inputs):
            image = feeds[name]
            if image.shape[0] != 1:
                raise InputError(f"ncnn takes one image a run, input {name!r} is {image.shape}")
            tensor = ncnn.Mat(np.ascontiguousarray(image[0]))
            extractor.input(f"in{i}", tensor.clone())  # layers work in place; the array is ours
        found = {}
        for i, (name, shape) in enumerate(self._outputs.items()):
            code, tensor = extractor.extract(f"out{i}")
            if code != 0:
                raise InputError(f"ncnn cannot compute output {name!r} (code {code})")
            found[name] = _shaped(np.array(tensor)[None], shape)
        return found


@dataclass(frozen=True)
class _Ncnn:
    name: str = "ncnn"
    install: str = "pip install 'model-surgery[ncnn]'"

    def version(self) -> str | None:
        found = installed("ncnn")
        return found if found and installed("pnnx") else None

    def load(self, path: Path, threads: int) -> Session:
        require(self)
        import ncnn

        graph = load_onnx(path).graph
        weights = {tensor.name for tensor in graph.initializer}
        inputs = [value.name for value in graph.input if value.name not in weights]
        net = ncnn.Net()
        net.opt.num_threads = threads
        net.opt.use_vulkan_compute = False
        for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(net.opt, half, False)
        with tempfile.TemporaryDirectory(prefix="surgery-") as folder:
            stem = _translated(path, Path(folder))
            if net.load_param(f"{stem}.param") or net.load_model(f"{stem}.bin"):
                unknown = ", ".join(_unknown(Path(f"{stem}.param")))
                raise refused(self.name, path, f"it has no layer {unknown}")
        outputs = {value.name: shape_of(value) or () for value in graph.output}
        return _Session(net, inputs, outputs)


def _shaped(array: Array, shape: Shape) -> Array:
    """``array`` in the graph's shape, as it is where its axes are open or the sizes disagree."""
    sizes = [dim for dim in shape if isinstance(dim, int)]
    fits = len(sizes) == len(shape) and math.prod(sizes) == array.size
    return array.reshape(sizes) if fits else array


def _translated(path: Path, folder: Path) -> Path:
    """Run pnnx on a copy in ``folder``; the result's path without its endings."""
    spec = find_spec("pnnx")
    assert spec is not None
    assert spec.origin is not None
    copy = folder / "graph.onnx"
    onnx.save(onnx.load(path), copy)  # with the weights that lie beside it
    program = Path(spec.origin).parent / "pnnx"
    done = subprocess.run(
        [str(program), copy.name, "fp16=0"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not (folder / "graph.ncnn.param").is_file():
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise refused("pnnx", path, last[0])
    return folder / "graph.ncnn"


def _unknown(param: Path) -> list[str]:
    """Layers of a ``.param`` file that ncnn does not have: pnnx leaves torch's names in place."""
    import ncnn

    lines = param.read_text().splitlines()[2:]
    kinds = dict.fromkeys(line.split()[0] for line in lines if line.strip())
    return [kind for kind in kinds if ncnn.create_layer(kind) is None]


NCNN = _Ncnn()
