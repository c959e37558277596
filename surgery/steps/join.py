"""The step that puts another graph behind one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from postprocess.fields import Field

from ..graph.files import load_onnx
from ..graph.merge import merge
from ..graph.run import feeds_for, run
from ..graph.shapes import inputs_of
from .step import Arrays, Change, Expected


@dataclass(frozen=True)
class _Merge:
    """Join two graphs: outputs of one become inputs of the other.

    A backbone and its decoding, a preprocessing graph and a network, the parts of a split. The
    usual tool, ``onnx.compose.merge_models``, refuses two graphs that share any name ("Cant merge
    two graphs with overlapping names", which two exports of one tool always do), and joins float32
    to float16 or (1,3,512,512) to (1,3,256,256) without a word; the file then fails when it runs.

    Here inner names of the second graph that are taken get a number behind them. Element types and
    shapes of what is connected are compared first, a symbol fits every size; a difference, or two
    opsets, is one line that says which and what to do. Outputs of the first graph that are
    connected go, the others stay in front of the second's. Exact: the merged graph gives what the
    two give when they are run one after the other.
    """

    name: str = "merge"
    summary: str = "another graph behind this one: {merge: {path: FILE, connect: {output: input}}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        argument.only("path", "connect")
        path = Path(argument["path"].text()).expanduser()
        second = load_onnx(path, weights=True)
        connect = {str(key): value.text() for key, value in argument["connect"].items()}
        merged = merge(model, second, connect)
        fed = set(connect.values())
        added = [value for value in inputs_of(second) if value.name not in fed]

        def expect(feeds: Arrays) -> Expected:
            outputs = run(model, feeds)
            more = feeds_for(added)
            given = {name: outputs.pop(output) for output, name in connect.items()}
            return Expected({**feeds, **more}, {**outputs, **run(second, {**given, **more})})

        where = ", ".join(f"{output} -> {name}" for output, name in connect.items())
        return Change((merged,), where, f"{path.name}, {len(second.graph.node)} nodes", expect)


MERGE = _Merge()
