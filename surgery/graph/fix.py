"""Open axes of a graph as numbers: ``{fix: {batch: 1, height: 512, width: 512}}``.

Targets that plan their memory ahead (NNAPI, QNN, LiteRT, TensorRT without profiles) refuse a graph
with an open axis, or run it on the CPU node by node. A number in the input's shape alone leaves the
symbol in every shape along the graph, and Shape, Gather and Concat computing what is known by now.

Axes go by their symbol, one without a name by ``<input>_dim_<axis>``. The work is that of
:func:`surgery.graph.dimensions.fixed`. Exact at the sizes given, and run there.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from .dimensions import fixed
from .feeds import feeds_for, fits
from .ports import inputs_of
from .session import run
from .step import Arrays, Change, Expected


@dataclass(frozen=True)
class _Fix:
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
