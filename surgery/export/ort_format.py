"""``target.ort_format=true``: the graphs in ONNX Runtime's own format, for its minimal builds.

A minimal build (mobile, web) reads ``.ort`` files alone and holds the kernels that a configuration
file lists; ``tools/ci_build/build.py --minimal_build --include_ops_by_config FILE`` takes it.
Written by ``onnxruntime/tools/convert_onnx_models_to_ort.py``, without the optimisations that only
hold for the current processor.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from postprocess.errors import InputError
from postprocess.instances import Array

from ..graph.storage import beside
from ..measure.arrays import difference, tolerance
from ..support import scratch
from ..support.quiet import silent
from .verify import noise_of

OPERATORS = "required_operators.config"


def write_ort(folder: Path, graphs: Iterable[str], tensor: Array) -> list[str]:
    """Write ``<graph>.ort`` beside each ``<graph>.onnx`` and the list of the kernels they need.

    Args:
        folder: that holds the graphs.
        graphs: names without ``.onnx``, ``backbone`` among them.
        tensor: (1, 3, h, w) float32, the picture on which the backbone is tried.

    Returns:
        Names of the files written.

    Raises:
        InputError: a graph's weights do not fit in one file, or ONNX Runtime cannot load it or
            computes something else from it.
    """
    names = list(graphs)
    for name in names:
        if beside(folder / f"{name}.onnx").exists():
            raise InputError(
                f"target.ort_format=true: the weights of {name}.onnx lie in a file beside it, "
                f"since they are more than {scratch.limit():,} bytes; an .ort file cannot hold so "
                "many: leave it out"
            )
    with tempfile.TemporaryDirectory(prefix="surgery-") as temporary:
        work = Path(temporary).resolve()
        for name in names:
            onnx.save(onnx.load(folder / f"{name}.onnx"), str(work / f"{name}.onnx"))
        try:
            with silent():
                # imported here, since it sets up the root logger
                from onnxruntime.tools import convert_onnx_models_to_ort as tool

                tool.convert_onnx_models_to_ort(
                    work, optimization_styles=[tool.OptimizationStyle.Fixed]
                )
        except Exception as error:  # ONNX Runtime raises classes of its own, none of them public
            cause = " ".join(str(error).split())
            raise InputError(
                f"target.ort_format=true: ONNX Runtime cannot convert {', '.join(names)}: {cause}"
            ) from error
        operators = (work / OPERATORS).read_text()
        (work / OPERATORS).write_text(operators.replace(f"{work}{os.sep}", ""))
        files = [*(f"{name}.ort" for name in names), OPERATORS]
        for file in files:
            (folder / file).write_bytes((work / file).read_bytes())
    _check(folder, "backbone", tensor)
    return files


def _check(folder: Path, name: str, tensor: Array) -> None:
    """Refuse an ``.ort`` file that does not compute what its ``.onnx`` file computes.

    Raises:
        InputError: naming the output and by how much it differs.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    sessions = [
        onnxruntime.InferenceSession(
            str(folder / f"{name}.{suffix}"), options, providers=["CPUExecutionProvider"]
        )
        for suffix in ("onnx", "ort")
    ]
    port = sessions[0].get_inputs()[0]
    batch = port.shape[0] if isinstance(port.shape[0], int) else 1
    feeds = {port.name: np.resize(tensor, (batch, *tensor.shape[1:]))}
    outputs = [output.name for output in sessions[0].get_outputs()]
    before, after = (session.run(outputs, feeds) for session in sessions)
    noise = noise_of(onnx.load(folder / f"{name}.onnx", load_external_data=False))
    for output, first, second in zip(outputs, before, after, strict=True):
        found = difference(np.asarray(first), np.asarray(second))
        # the two formats are fused in other places: in float16 3.3e-4 of the scale was measured
        bound = tolerance(found, None if noise is None else noise * found.scale)
        if not found.max <= bound:
            raise InputError(
                f"{name}.ort differs from {name}.onnx at {output!r} by {found.max:.3g} (rounding "
                f"is {bound:.3g}): nothing was written; try target.ort_format=false"
            )
