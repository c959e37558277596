"""``surgery.decode=inside``: a further graph in the bundle that decodes by itself.

The bundle stays what it is, and its run time decodes outside; ``decoded.onnx`` lies beside the
backbone for applications that want boxes, contours or keypoints from the graph. bundle.json
describes it under ``decoded``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from rich.markup import escape

from postprocess.errors import InputError
from postprocess.instances import Array

from ..decoding.check import require_same
from ..decoding.write import with_decoding
from ..graph.operators import SELECTING
from ..graph.run import run
from ..measure.instances import matching
from ..measure.parity import Parity
from ..support.ledger import Entry, Ledger
from ..support.progress import Progress
from ..targets import Target
from ..targets.audit import Audit, audit
from .graphs import describe_graph, write_graph

FILE = "decoded.onnx"
TITLE = "decoder outside, inside the graph"


@dataclass(frozen=True)
class Inside:
    """The graph that decodes, and how it compares.

    Attributes:
        graph: the backbone and its decoding.
        parity: decoder and graph on the heads of one picture.
        audit: of the graph, for the target.
    """

    graph: onnx.ModelProto
    parity: Parity
    audit: Audit

    @property
    def summary(self) -> str:
        """What it costs, in one line."""
        worst = max(found.max for found in self.parity.outputs.values())
        refused = {node.operator for node in self.audit.refused}
        named = sorted(refused & SELECTING) or sorted(refused)[:1]
        others = len(refused) - len(named)
        more = f" and {others} other operators" if others else ""
        line = f"{FILE}: at most {worst:.2g} from the decoder; {self.audit.summary}"
        return f"{line} ({', '.join(named)}{more})" if refused else line

    def write(self, folder: Path, ledger: Ledger) -> dict[str, Any]:
        """Write the graph into a bundle; returns what bundle.json says about it."""
        write_graph(self.graph, folder / FILE, ledger)
        return {"decoded": describe_graph(self.graph, FILE)}


def add_decoding(
    folder: Path,
    backbone: onnx.ModelProto,
    decoder: Mapping[str, Any],
    tensor: Array,
    target: Target,
    ledger: Ledger,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the decoding graph into a bundle's folder.

    Args:
        backbone, decoder, tensor, target, ledger: see :func:`decode_inside`.
        progress: receives what it costs.

    Returns:
        What bundle.json says about it, and its parity figures by title.

    Raises:
        InputError: as :func:`decode_inside`.
    """
    with progress.stage("decode in a further graph"):
        inside = decode_inside(backbone, decoder, tensor, target, ledger)
        entry = inside.write(folder, ledger)
    progress.say(escape(inside.summary))
    return entry, {TITLE: inside.parity.to_json(bounded=True)}


def decode_inside(
    backbone: onnx.ModelProto,
    decoder: Mapping[str, Any],
    tensor: Array,
    target: Target,
    ledger: Ledger,
) -> Inside:
    """Append the decoding to a backbone and hold it against the decoder.

    Args:
        backbone: left as it is.
        decoder: name and parameters, as in bundle.json.
        tensor: (1, 3, h, w) float32, a picture.
        target: whose audit says what the decoding costs.
        ledger: gets one entry.

    Raises:
        InputError: the decoder is not written as a graph, or the two differ beyond rounding.
    """
    try:
        graph = with_decoding(backbone, decoder)
        batch = backbone.graph.input[0].type.tensor_type.shape.dim[0].dim_value or len(tensor)
        feeds = {backbone.graph.input[0].name: np.resize(tensor, (batch, *tensor.shape[1:]))}
        decoded = require_same(decoder, run(backbone, feeds), run(graph, feeds))
    except InputError as error:
        raise InputError(f"surgery.decode=inside: {error}") from error
    found = Parity(decoded.outputs, matching(decoded.outside, decoded.inside))
    effect = {"max": max(difference.max for difference in decoded.outputs.values())}
    reason = f"{decoder['name']} as nodes, in {FILE}"
    ledger.add(Entry("graph", "decode", graph.graph.name, True, True, reason, effect))
    return Inside(graph, found, audit(graph, target))
