"""Fixed axes of a graph as symbols: ``{open: {image: {0: batch}}}``.

An exporter that traced one picture fixes its batch, height and width; a server wants the batch open
and a camera another size. A symbol in the input's shape alone is refused by the run time ("Got
invalid dimensions for input"), or found out in the middle of the graph, where a Reshape or a Resize
holds to the old size ("The input tensor cannot be reshaped to the requested shape").

The work is that of :func:`surgery.graph.dimensions.opened`, which replaces sizes written into the
graph where another form says the same, runs the result at two sizes, and names the node and module
that still hold to the old one. Exact at the graph's own sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from .dimensions import opened
from .step import Change, same_outputs


@dataclass(frozen=True)
class _Open:
    name: str = "open"
    summary: str = "fixed axes as symbols: {open: {image: {0: batch}}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        axes = {
            str(name): {_axis(sides, key): symbol.text() for key, symbol in sides.items()}
            for name, sides in argument.items()
        }
        where = "; ".join(f"{name} {sides}" for name, sides in axes.items())
        return Change((opened(model, axes),), where, "", same_outputs(model))


def _axis(sides: Field, key: object) -> int:
    """An axis's number, which a command line may hand over as text."""
    text = str(key)
    if not text.isdecimal():
        raise sides.error("symbols by number of the axis, such as {0: batch}")
    return int(text)


OPEN = _Open()
