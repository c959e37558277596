"""The graphs of a bundle before they are written: run end to end in ONNX Runtime, as it will be.

The heads feed the run time's own decoder, and the decoder calls the graph after the backbone as
often as it likes, one branch at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from postprocess.decoders.base import Decoder
from postprocess.instances import Array
from postprocess.session import IDLE_SIDE

from ..graph.run import opened
from ..network.run import Run

Feeds = dict[str, Array]


class Execution:
    """Graphs opened in ONNX Runtime; call it with a picture.

    Args:
        decoder: the bundle's.
        graphs: by name, ``backbone`` among them.
        threads: within an operator; ONNX Runtime's choice by default.

    Attributes:
        fed: what the last call fed to each graph, by graph and input; the branches of a graph that
            were called in turn are gathered.

    Raises:
        InputError: ONNX Runtime cannot load a graph.
    """

    def __init__(
        self, decoder: Decoder, graphs: Mapping[str, onnx.ModelProto], threads: int | None = None
    ) -> None:
        self._decoder = decoder
        self._sessions = {name: opened(graph, threads) for name, graph in graphs.items()}
        self.fed: dict[str, Feeds] = {}

    def heads(self, tensor: Array) -> dict[str, Array]:
        """Run the backbone alone.

        Args:
            tensor: (1, 3, h, w) float32; repeated where the graph has a larger fixed batch.

        Returns:
            Its outputs by name, for the one picture.
        """
        port = self._sessions["backbone"].get_inputs()[0]
        batch = port.shape[0] if isinstance(port.shape[0], int) else 1
        feeds = {port.name: np.resize(tensor, (batch, *tensor.shape[1:]))}
        return {name: array[:1] for name, array in self._run("backbone", feeds).items()}

    def __call__(self, tensor: Array) -> Run:
        """Run the graphs and the decoder on (1, 3, h, w) float32."""
        self.fed, trace = {}, dict[str, Array]()
        heads = self.heads(tensor)
        refine = self._refine if "refine" in self._sessions else None
        instances = self._decoder(heads, refine, trace)
        return Run(heads, trace, instances[0])

    def _refine(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
        return self._run("refine", feeds, wanted)

    def _run(
        self, name: str, feeds: Mapping[str, Array], wanted: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Run a graph; branches that are not fed get arrays of length zero."""
        self.fed.setdefault(name, {}).update(feeds)
        session = self._sessions[name]
        given = {
            port.name: feeds[port.name] if port.name in feeds else _idle(port.shape)
            for port in session.get_inputs()
        }
        names = list(wanted or [port.name for port in session.get_outputs()])
        return dict(zip(names, session.run(names, given), strict=True))


def _idle(shape: Sequence[int | str]) -> Array:
    sides = (side if isinstance(side, int) else IDLE_SIDE for side in shape[1:])
    return np.zeros((0, *sides), np.float32)
