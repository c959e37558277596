"""The least and the largest value that every tensor of a graph takes on a number of inputs.

They say where float16 overflows and how an 8-bit scale is to be laid. ONNX Runtime's MinMax
calibrator measures them, inside of the graph, so that no activation is kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, create_calibrator
from onnxruntime.quantization.calibrate import TensorData, TensorsData

from postprocess.errors import InputError
from postprocess.instances import Array

from ..graph.storage import save
from ..graph.weights import has_outside

Ranges = Mapping[str, tuple[float, float]]
"""Least and largest value by tensor."""


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands ONNX Runtime one input after another."""

    def __init__(self, feeds: Iterable[Mapping[str, Array]]) -> None:
        self._feeds: Iterator[Mapping[str, Array]] = iter(feeds)

    def get_next(self) -> Mapping[str, Array] | None:
        return next(self._feeds, None)


def tensor_ranges(graph: onnx.ModelProto, feeds: Iterable[Mapping[str, Array]]) -> Ranges:
    """Measure the range of every float tensor that ``graph`` computes or is fed with.

    Args:
        graph: left as it is.
        feeds: arrays by input name, none of length zero; at least one.

    Raises:
        InputError: ONNX Runtime cannot run the graph, or there is nothing to feed it with.
    """
    with tempfile.TemporaryDirectory(prefix="surgery-") as folder:
        path = Path(folder, "graph.onnx")
        save(graph, path)
        try:
            calibrator = create_calibrator(
                path,
                None,  # operators of every type
                augmented_model_path=str(Path(folder, "augmented.onnx")),
                calibrate_method=CalibrationMethod.MinMax,
                use_external_data_format=has_outside(graph),
            )
            calibrator.collect_data(_Reader(feeds))
            found = calibrator.compute_data()
        except Exception as error:  # ONNX Runtime raises classes of its own, none of them public
            cause = " ".join(str(error).split())
            raise InputError(
                f"graph {graph.graph.name!r} cannot be calibrated in ONNX Runtime: {cause}"
            ) from error
    return {name: _pair(data) for name, data in found.items()}


def calibration_data(ranges: Ranges) -> Any:
    """Return ``ranges`` as ONNX Runtime's quantiser takes them."""
    data = {
        name: TensorData(lowest=np.float32(low), highest=np.float32(high))
        for name, (low, high) in ranges.items()
    }
    return TensorsData(CalibrationMethod.MinMax, data)


def largest(ranges: Ranges, name: str) -> float:
    """Largest absolute value of a tensor, 0 for one that was not measured."""
    low, high = ranges.get(name, (0.0, 0.0))
    return max(abs(low), abs(high))


def _pair(data: Any) -> tuple[float, float]:
    low, high = data.range_value  # arrays of one element
    return float(np.min(low)), float(np.max(high))
