"""The check behind every pass: the graph still gives what it gave, on random inputs."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from postprocess.errors import InputError

from ..compare import compare, within
from ..graph.session import Array, random_feeds, run


class Parity:
    """Compares two graphs in ONNX Runtime; call it with the one before and the one after.

    The outputs of the last graph that passed are kept, so that each graph of a chain runs once.

    Args:
        feeds: inputs by name; a small size of each dynamic axis is enough.
        noise: rounding relative to an output's scale; None for that of float32.
    """

    def __init__(self, feeds: Mapping[str, Array], noise: float | None = None) -> None:
        self._feeds = dict(feeds)
        self._noise = noise
        self._last: tuple[onnx.ModelProto, dict[str, Array]] | None = None

    @classmethod
    def random(
        cls, model: onnx.ModelProto, sizes: Mapping[str, int] | None = None, seed: int = 0
    ) -> Parity:
        """Return a check on seeded random inputs of ``model``; ``sizes`` of its symbols.

        Raises:
            InputError: a dynamic axis has no size.
        """
        return cls(random_feeds(model, sizes, seed))

    def __call__(self, before: onnx.ModelProto, after: onnx.ModelProto) -> str | None:
        """Return None where the outputs agree up to float32 rounding, or else the reason why not.

        Raises:
            InputError: ONNX Runtime cannot run the graph ``before``, so nothing can be compared.
        """
        if self._last is None or self._last[0] is not before:
            self._last = (before, run(before, self._feeds))
        try:
            outputs = run(after, self._feeds)
            differences = compare(self._last[1], outputs)
        except InputError as error:
            return str(error)
        for name, found in differences.items():
            noise = None if self._noise is None else self._noise * found.scale
            if not within(found, noise):
                return f"output {name!r} differs by {found.max:.3g} at scale {found.scale:.3g}"
        self._last = (after, outputs)
        return None
