"""The check behind every pass: the graph still gives what it gave, on random inputs."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from postprocess.errors import InputError

from ..graph.bounded import floors
from ..graph.run import Array, random_feeds, run
from ..measure.arrays import Difference, compare, within


class NothingToCompareError(InputError):
    """ONNX Runtime cannot run the graph before a pass."""


class Check:
    """Compares two graphs in ONNX Runtime; call it with the one before and the one after.

    The outputs of the last two graphs are kept, so that each graph of a chain runs once.

    Args:
        feeds: inputs by name; a small size of each dynamic axis is enough.
        noise: rounding relative to an output's scale; None for that of float32.
    """

    def __init__(self, feeds: Mapping[str, Array], noise: float | None = None) -> None:
        self._feeds = dict(feeds)
        self._noise = noise
        self._last: list[tuple[onnx.ModelProto, dict[str, Array]]] = []

    @classmethod
    def random(
        cls, model: onnx.ModelProto, sizes: Mapping[str, int] | None = None, seed: int = 0
    ) -> Check:
        """Return a check on seeded random inputs of ``model``; ``sizes`` of its symbols.

        Raises:
            InputError: a dynamic axis has no size.
        """
        return cls(random_feeds(model, sizes, seed))

    def __call__(self, before: onnx.ModelProto, after: onnx.ModelProto) -> str | None:
        """Return None where the outputs agree up to float32 rounding, or else the reason why not.

        Raises:
            NothingToCompareError: ONNX Runtime cannot run the graph ``before``.
        """
        try:
            differences = self.differences(before, after)
        except NothingToCompareError:
            raise
        except InputError as error:
            return str(error)
        absolute = floors(before)
        for name, found in differences.items():
            noise = None if self._noise is None else self._noise * found.scale
            if not within(found, noise, floor=absolute.get(name, 0.0)):
                return f"output {name!r} differs by {found.max:.3g} at scale {found.scale:.3g}"
        return None

    def differences(self, before: onnx.ModelProto, after: onnx.ModelProto) -> dict[str, Difference]:
        """Return how far the outputs are apart, by name.

        Raises:
            NothingToCompareError: ONNX Runtime cannot run the graph ``before``.
            InputError: nor, or not in the same shapes, the graph ``after``.
        """
        reason = self.unusable(before)
        if reason:
            raise NothingToCompareError(reason)
        return compare(self._outputs(before), self._outputs(after))

    def unusable(self, model: onnx.ModelProto) -> str:
        """Return why ONNX Runtime cannot run ``model``, "" where it can."""
        try:
            self._outputs(model)
        except InputError as error:
            return str(error)
        return ""

    def _outputs(self, model: onnx.ModelProto) -> dict[str, Array]:
        found = next((pair for pair in self._last if pair[0] is model), None)
        if found is None:
            found = (model, run(model, self._feeds))
        self._last = [*[pair for pair in self._last if pair is not found][-1:], found]
        return found[1]
