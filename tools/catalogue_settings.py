"""Operations of the catalogue that are a setting of the export and no member of a registry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What the catalogue says of one.

    Attributes:
        module: dotted name of the module whose docstring is the page.
        summary: what it does, in one line.
        exact: whether outputs stay what they were, up to float rounding.
        ask: what to write on the command line; "" for what needs no asking.
    """

    module: str
    summary: str
    exact: bool
    ask: str


SETTINGS = {
    "external_data": Setting(
        "surgery.graph.storage",
        "weights that do not fit into a protobuf message lie in a file beside the graph",
        True,
        "",
    ),
    "fp16": Setting(
        "surgery.precision.fp16",
        "weights and arithmetic in float16; what overflows is found by measuring and kept",
        False,
        "surgery.precision=fp16",
    ),
    "int8": Setting(
        "surgery.precision.int8",
        "static quantisation on calibration images; sensitive layers stay in float32",
        False,
        "surgery.precision=int8",
    ),
    "ort_format": Setting(
        "surgery.export.ort_format",
        "ONNX Runtime's own file format with the list of operators for a minimal build",
        True,
        "target.ort_format=true",
    ),
    "safe": Setting(
        "surgery.support.child",
        "steps that may kill the process run in a child; passes at fault are found and left out",
        True,
        "surgery.safe=true",
    ),
}
