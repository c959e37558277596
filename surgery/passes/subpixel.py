"""A transposed convolution as one ordinary convolution for each sub-pixel phase of its output.

Outputs with the same remainder r of o = s q + r see the same taps of the kernel (Shi et al., "Is
the deconvolution layer the same as a convolutional layer?", 2016, section 2):

    y[s q + r] = sum over j of x[q - j] w[r + p + j s],    0 <= r + p + j s < K

A convolution without stride whose window is the j that occur; all phases together multiply exactly
as often as the transposed convolution.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from .deconvolution import Deconvolution
from .node_pass import Array, Draft


@dataclass(frozen=True)
class Window:
    """Taps of one phase along one axis: x[q - last] to x[q - first].

    Attributes:
        kept: tap of the transposed kernel at each position of the window, -1 for a zero.
        pads: zeros before and after the input.
    """

    kept: tuple[int, ...]
    pads: tuple[int, int]


@dataclass(frozen=True)
class Phases:
    """The convolutions of a deconvolution, phases in row-major order.

    Attributes:
        crop: outputs beyond the last one that a whole number of strides gives, along each axis.
    """

    deconvolution: Deconvolution
    windows: tuple[tuple[Window, ...], ...]
    crop: tuple[int, ...]

    @classmethod
    def of(cls, layer: Deconvolution) -> Phases:
        """Find every phase's window."""
        taps = layer.weight.shape[2:]
        axes = list(zip(taps, layer.strides, layer.padding, layer.growth, strict=True))
        windows = [[_window(r, *axis) for r in range(axis[1])] for axis in axes]
        return cls(
            layer,
            tuple(itertools.product(*windows)),
            tuple(-growth % stride for _, stride, _, growth in axes),
        )

    @property
    def alike(self) -> bool:
        """Whether all phases see the input through the same window."""
        return len({tuple((len(w.kept), w.pads) for w in phase) for phase in self.windows}) == 1

    def weight(self, phase: int) -> Array:
        """Weight of one phase's convolution, (O, C / groups, taps ...)."""
        weight = self.deconvolution.as_convolution()
        for axis, window in enumerate(self.windows[phase]):
            padded = np.concatenate([weight, np.zeros_like(weight.take([0], axis + 2))], axis + 2)
            weight = padded.take(window.kept, axis + 2)
        return np.asarray(weight)

    def convolve(self, draft: Draft, x: str) -> list[str]:
        """Add a convolution for each phase and return their outputs, all of the same size.

        Phases with a window in common are one convolution in an ungrouped layer: the list then
        holds one tensor, its channels ordered by phase first. The one phase of a layer without
        stride is the whole, and final.
        """
        layer = self.deconvolution
        weights = [self.weight(phase) for phase in range(len(self.windows))]
        joined = self.alike and layer.groups == 1
        if joined:
            weights = [np.concatenate(weights)]
        inputs = [x]
        if layer.bias is not None:
            bias = np.tile(layer.bias, len(self.windows)) if joined else layer.bias
            inputs.append(draft.weight(bias, "bias"))
        return [
            draft.op(
                "Conv",
                x,
                draft.weight(weight),
                *inputs[1:],
                kernel_shape=weight.shape[2:],
                pads=[w.pads[0] for w in windows] + [w.pads[1] for w in windows],
                group=layer.groups,
                final=len(self.windows) == 1,
            )
            for weight, windows in zip(weights, self.windows, strict=False)
        ]

    def cut(self, draft: Draft, x: str) -> str:
        """Add the final Slice, to the stated size, where there are more outputs."""
        axes = [axis for axis, count in enumerate(self.crop) if count]
        return draft.op(
            "Slice",
            x,
            draft.ints(*([0] * len(axes)), role="starts"),
            draft.ints(*(-self.crop[axis] for axis in axes), role="ends"),
            draft.ints(*(axis + 2 for axis in axes), role="axes"),
            final=True,
        )


def _window(phase: int, taps: int, stride: int, padding: int, growth: int) -> Window:
    first = -((phase + padding) // stride)
    last = (taps - 1 - phase - padding) // stride
    beyond = -(-growth // stride)  # so many more outputs than inputs has a phase
    last = max(last, 0)  # further taps are zeros, so that no padding is negative
    first = min(first, beyond, last)
    positions = [phase + padding + j * stride for j in range(last, first - 1, -1)]
    kept = tuple(k if 0 <= k < taps else -1 for k in positions)
    return Window(kept, (last, beyond - first))
