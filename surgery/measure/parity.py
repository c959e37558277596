"""Parity of two runs of one input: per output, and at the end of the line.

Torch against torch says what the surgery changed; torch against ONNX Runtime says whether the
export computes what the operated network computes, and must stay within float32 rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postprocess.errors import InputError
from postprocess.instances import Array, Instances

from .arrays import Difference, compare, tolerance
from .instances import Matching, matching


@dataclass(frozen=True)
class Parity:
    """How far one run is from its reference.

    Attributes:
        outputs: difference by name of the backbone's output.
        instances: what became of the reference's instances.
        noise: rounding relative to an output's scale; None for that of float32.
    """

    outputs: Mapping[str, Difference]
    instances: Matching
    noise: float | None = None

    def limit(self, found: Difference) -> float:
        """Largest difference that is rounding."""
        return tolerance(found, None if self.noise is None else self.noise * found.scale)

    def beyond(self) -> list[str]:
        """Outputs whose largest difference is more than rounding."""
        return [name for name, d in self.outputs.items() if not d.max <= self.limit(d)]

    def to_json(self, *, bounded: bool = False) -> dict[str, Any]:
        """Plain values; ``bounded`` adds each output's tolerance and whether it was kept."""
        outputs: dict[str, dict[str, Any]] = {}
        for name, found in self.outputs.items():
            limit = self.limit(found) if bounded else None
            kept = None if limit is None else found.max <= limit
            outputs[name] = {**found.to_json(), "tolerance": limit, "within": kept}
        instances = self.instances.to_json()
        del instances["pairs"]
        return {"outputs": outputs, "instances": instances}


def parity(
    reference: Mapping[str, Array],
    found: Instances,
    other: Mapping[str, Array],
    other_found: Instances,
    noise: float | None = None,
) -> Parity:
    """Compare heads by name and match the instances that came of them."""
    return Parity(compare(reference, other), matching(found, other_found), noise)


def require(result: Parity, exporter: str) -> None:
    """Refuse an export that does not compute what the operated network computes.

    Raises:
        InputError: naming the outputs, by how much they differ and what to try.
    """
    beyond = result.beyond()
    if beyond:
        gaps = ", ".join(
            f"{name} by {found.max:.3g} (rounding is {tolerance(found):.3g})"
            for name, found in result.outputs.items()
            if name in beyond
        )
        other = "torchscript" if exporter == "dynamo" else "dynamo"
        raise InputError(
            f"ONNX Runtime differs from the operated network: {gaps}: nothing was written; "
            f"try surgery.exporter={other} or surgery.passes.skip=[slim]"
        )
