"""Steps on the axes of a graph: fix, open."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from ..graph.axes import fixed, opened
from ..graph.run import feeds_for, fits, run
from ..graph.shapes import inputs_of
from .step import Arrays, Change, Expected, same_outputs


@dataclass(frozen=True)
class _Fix:
    """Open axes of a graph as numbers: ``{fix: {batch: 1, height: 512, width: 512}}``.

    Targets that plan their memory ahead (NNAPI, QNN, LiteRT, TensorRT without profiles) refuse a
    graph with an open axis, or run it on the CPU node by node. A number in the input's shape alone
    leaves the symbol in every shape along the graph, and Shape, Gather and Concat computing what is
    known by now.

    Axes go by their symbol, one without a name by ``<input>_dim_<axis>``. The work is that of
    :func:`surgery.graph.axes.fixed`. Exact at the sizes given, and run there.
    """

    name: str = "fix"
    summary: str = "open axes as numbers: {fix: {batch: 1}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        sizes = {str(symbol): size.integer(least=1) for symbol, size in argument.items()}
        after = fixed(model, sizes)

        def expect(feeds: Arrays) -> Expected:
            ports = inputs_of(after)
            own = feeds if fits(ports, feeds) else feeds_for(ports)
            return Expected(own, run(model, own))

        return Change((after,), ", ".join(f"{k}={v}" for k, v in sizes.items()), "", expect)


FIX = _Fix()


@dataclass(frozen=True)
class _Open:
    """Fixed axes of a graph as symbols: ``{open: {image: {0: batch}}}``.

    An exporter that traced one picture fixes its batch, height and width; a server wants the batch
    open and a camera another size. A symbol in the input's shape alone is refused by the run time
    ("Got invalid dimensions for input"), or found out in the middle of the graph, where a Reshape
    or a Resize holds to the old size ("The input tensor cannot be reshaped to the requested
    shape").

    The work is that of :func:`surgery.graph.axes.opened`, which replaces sizes written into
    the graph where another form says the same, runs the result at two sizes, and names the node and
    module that still hold to the old one. Exact at the graph's own sizes.
    """

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


OPEN = _Open()


def _axis(sides: Field, key: object) -> int:
    """An axis's number, which a command line may hand over as text."""
    text = str(key)
    if not text.isdecimal():
        raise sides.error("symbols by number of the axis, such as {0: batch}")
    return int(text)
