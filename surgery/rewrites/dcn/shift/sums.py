"""The sums of `dcn.shifted`, in torch or as nodes of a graph; see :mod:`.shifted`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor, nn

from ..geometry import Geometry
from .bilinear_weights import Hats
from .displaced import Displaced
from .graph_value import Value, conv2d
from .logistic import Logistic
from .reach import Span

Image = TypeVar("Image", Tensor, Value)

NARROWS = 1.5  # input channels for each output channel from which convolving first is faster


@dataclass(frozen=True)
class Sizes:
    """All of a layer that is no tensor.

    Attributes:
        geometry: with its deformable groups known.
        spans: of each tap of each deformable group.
        channels: of the tensor whose first channels are the offsets.
        masked: whether its last channels are the mask before the sigmoid.
    """

    geometry: Geometry
    spans: tuple[Span, ...]
    channels: int
    masked: bool


class ShiftedSums(nn.Module):
    """Sums of displaced images times hats, then 1x1 convolutions.

    Args:
        sizes: of the layer.
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
    """

    ones: Tensor
    bias: Tensor | None

    def __init__(self, sizes: Sizes, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        geometry = sizes.geometry
        self.sizes = sizes
        self.deform_groups = len(sizes.spans) // geometry.taps
        self.first = self.deform_groups == 1 and geometry.stride == (1, 1)
        self.first &= geometry.in_channels >= NARROWS * geometry.out_channels
        self.hats = Hats(sizes.spans, sizes.channels, weight)
        maps = 2 * len(sizes.spans)
        self.sigmoid = Logistic(sizes.channels, maps, weight) if sizes.masked else None
        for index, tap in enumerate(_tap_weights(geometry, weight, self.deform_groups)):
            self.register_buffer(f"tap_{index}", tap, persistent=False)
        ones = weight.detach().new_ones(geometry.out_channels, 1, 1, 1)
        self.register_buffer("ones", ones, persistent=False)
        bias = None if bias is None else bias.detach()
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, image: Image, offset: Image, mask: Image | None) -> Image:
        """Deformable convolution.

        Args:
            image: (N, C, H, W).
            offset: (N, channels, rows, columns), see :class:`Sizes`.
            mask: (N, g * taps, rows, columns) as it multiplies, where ``offset`` does not hold it.
        """
        if self.sigmoid is not None:
            mask = self.sigmoid.forward(offset)
        outer, inner = self.hats.forward(offset, mask)
        padded = Displaced.of(image, self.sizes.geometry, self.sizes.spans)
        parts = [self._part(group, padded, outer, inner) for group in range(self.deform_groups)]
        return conv2d(_sum(parts), self.ones, self.bias, groups=len(self.ones))

    def _part(
        self,
        group: int,
        padded: Displaced[Image],
        outer: Sequence[Sequence[Image]],
        inner: Sequence[Sequence[Image]],
    ) -> Image:
        """Sum over the taps of one deformable group."""
        geometry = self.sizes.geometry
        share = geometry.in_channels // self.deform_groups
        if self.deform_groups > 1:
            padded = padded.channels(group * share, (group + 1) * share)
        groups = geometry.groups if self.deform_groups == 1 else 1
        terms = []
        for tap in range(geometry.taps):
            index = group * geometry.taps + tap
            weight = getattr(self, f"tap_{index}")
            source = padded.convolved(weight, groups) if self.first else padded
            sample = _sample(source, tap, self.sizes.spans[index], outer[index], inner[index])
            terms.append(sample if self.first else conv2d(sample, weight, groups=groups))
        return _sum(terms)


def _sample(
    source: Displaced[Image], tap: int, span: Span, outer: Sequence[Image], inner: Sequence[Image]
) -> Image:
    """Bilinear samples of one tap: hats times displaced images, the longer axis summed first."""
    rows, columns = range(span.top, span.bottom + 1), range(span.left, span.right + 1)
    upright = len(rows) > len(columns)
    sums = []
    for i in columns if upright else rows:
        line = rows if upright else columns
        images = (source(tap, *((j, i) if upright else (i, j))) for j in line)
        sums.append(_sum([hat * image for hat, image in zip(inner, images, strict=True)]))
    return _sum([hat * line for hat, line in zip(outer, sums, strict=True)])


def _sum(terms: Sequence[Image]) -> Image:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _tap_weights(geometry: Geometry, weight: Tensor, deform_groups: int) -> list[Tensor]:
    """(O, channels, 1, 1) for each tap of each deformable group.

    With several deformable groups, groups of the convolution are spelt out as zeros: the channels
    of a deformable group need not be those of whole groups.
    """
    weight = weight.detach()
    if deform_groups > 1 and geometry.groups > 1:
        outputs, share = geometry.out_channels // geometry.groups, weight.shape[1]
        dense = weight.new_zeros(geometry.out_channels, geometry.in_channels, *geometry.kernel)
        for g in range(geometry.groups):
            rows = slice(g * outputs, (g + 1) * outputs)
            dense[rows, g * share : (g + 1) * share] = weight[rows]
        weight = dense
    return [
        tap.contiguous()[..., None, None]
        for part in weight.flatten(2).chunk(deform_groups, dim=1)
        for tap in part.unbind(2)
    ]
