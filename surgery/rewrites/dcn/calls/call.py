"""One call of a deformable convolution, whichever library's function was called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from ..geometry import Geometry
from ..sampling import Sampler, deform_conv2d, sample_grid, tap_positions


@dataclass(frozen=True)
class DeformCall:
    """The arguments of a call, and the function that was called.

    Attributes:
        image: (N, C, H, W).
        offset: (N, 2 * g * taps, rows, columns), (dy, dx) per tap in input pixels.
        mask: (N, g * taps, rows, columns), as it multiplies the samples, or None.
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        geometry: with its deformable groups known.
        function: gives the call's result as the library computes it.
    """

    image: Tensor
    offset: Tensor
    mask: Tensor | None
    weight: Tensor
    bias: Tensor | None
    geometry: Geometry
    function: Callable[[], Tensor]

    def computed(self, sampler: Sampler = sample_grid) -> Tensor:
        """The result by the published definition, in ordinary operators: (N, O, rows, columns)."""
        return deform_conv2d(
            self.image,
            self.offset,
            self.mask,
            self.weight,
            self.bias,
            self.geometry,
            tap_positions(self.geometry, self.offset.detach()),
            sampler,
        )

    def by_definition(self) -> DeformCall:
        """The same call where the library's own kernel cannot run: a stand-in gives its result."""
        return replace(self, function=self.computed)


Handler = Callable[[DeformCall], Tensor]
"""Gives a call's result."""
