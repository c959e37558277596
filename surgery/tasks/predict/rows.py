"""Rows of ``task=predict`` as the content of a file: Parquet, or JSON Lines.

    image string, width int32, height int32
    instances list<struct<label string, class int32, score double, box list<double>,
                          contour list<list<double>>, keypoints list<list<double>>>>
    model string

``contour`` and ``keypoints`` are there where the bundle's decoder gives them. Numbers are those of
``python -m postprocess --json``, image pixels to a thousandth.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from postprocess.runtime import Runtime

PROBE = 256  # pixels, each side, for a network that takes any size

Row = dict[str, Any]


def instance_fields(runtime: Runtime) -> tuple[str, ...]:
    """What an instance of this bundle has beside label, class, score and box.

    The bundle is run once, so that one that does not run is refused before any worker starts.
    """
    size = runtime.preprocess.size or (PROBE, PROBE)
    stages = runtime.run_stages(np.full((*size, 3), 114, np.uint8))
    found = stages.instances
    kinds = {"contour": found.contours, "keypoints": found.keypoints}
    return tuple(name for name, value in kinds.items() if value is not None)


def encoded(rows: Sequence[Row], fields: Sequence[str], form: str) -> bytes:
    """The content of a part's file.

    Args:
        rows: with ``image``, ``width``, ``height``, ``instances``, ``model``.
        fields: see :func:`instance_fields`.
        form: "parquet" or "jsonl".
    """
    if form == "jsonl":
        return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()
    import pyarrow.parquet

    file = io.BytesIO()
    table = pyarrow.Table.from_pylist(list(rows), schema=schema(fields))
    pyarrow.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def schema(fields: Sequence[str]) -> Any:
    """The Parquet schema, a ``pyarrow.Schema``."""
    import pyarrow as pa

    numbers = pa.list_(pa.float64())
    instance = {
        "label": pa.string(),
        "class": pa.int32(),
        "score": pa.float64(),
        "box": numbers,
        **{name: pa.list_(numbers) for name in fields},
    }
    return pa.schema(
        {
            "image": pa.string(),
            "width": pa.int32(),
            "height": pa.int32(),
            "instances": pa.list_(pa.struct(list(instance.items()))),
            "model": pa.string(),
        }
    )
