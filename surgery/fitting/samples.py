"""What the untouched network gives at drawn positions: the targets of every layer's fit.

One pass over the images draws a bounded number of output positions of every layer and keeps the
layer's outputs there, so that memory depends on the layers' sizes and not on how many images there
are. Positions are drawn evenly; of a convolution whose result is an output that only counts at a
heatmap's peaks, in proportion to the heatmap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..rewrites.fitted import Window
from .least_squares import positions_wanted
from .network import check_finite
from .settings import Settings
from .teacher_student import TeacherStudent, laid_out
from .widening import kernel_of

TRUNK_BYTES = 1 << 30  # the shared part's results are kept up to this size, computed again beyond


@dataclass(frozen=True)
class Rows:
    """Drawn positions of one call of one layer on one batch.

    Attributes:
        positions: (m,) indices into the flattened (N, H_out, W_out).
        values: (m, O) outputs of the untouched layer there.
    """

    positions: Tensor
    values: Tensor


@dataclass(frozen=True)
class Samples:
    """Targets of one batch.

    Attributes:
        rows: by path, call after call.
        trunk: the shared part's results, or None where they are to be computed again.
    """

    rows: Mapping[str, Sequence[Rows]]
    trunk: Sequence[Tensor] | None


class Sampler:
    """Draws the targets of batch after batch from the untouched network."""

    def __init__(
        self,
        pair: TeacherStudent,
        wanted: Mapping[str, int],
        settings: Settings,
    ) -> None:
        self.pair, self.trace, self.wanted = pair, pair.trace, wanted
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.kept = 0

    def draw(self, images: Tensor, share: float) -> Samples:
        """Run the untouched network on a batch that holds ``share`` of all images.

        Raises:
            InputError: its outputs are not finite.
        """
        rows: dict[str, list[Rows]] = {}
        hooks = []
        for path in self.wanted:
            if path not in self.trace.finals:
                module = self.pair.model.get_submodule(path)
                hooks.append(module.register_forward_hook(self._noting(path, share, rows)))
        try:
            outputs = self.pair.untouched(laid_out(images, self.pair.device))
        finally:
            for hook in hooks:
                hook.remove()
        check_finite(outputs, "untouched")
        for path, name in self.trace.finals.items():
            if path in self.wanted:
                heat = self.pair.losses.importance(name, outputs)
                rows[path] = [self._rows(path, share, outputs[name], heat)]
        tensors = self.pair.trunk.take()
        self.kept += sum(tensor.untyped_storage().nbytes() for tensor in tensors)
        kept = tensors if self.kept <= TRUNK_BYTES else None
        return Samples(rows, kept)

    def _noting(self, path: str, share: float, rows: dict[str, list[Rows]]) -> Callable[..., None]:
        def note(_: nn.Module, __: object, result: Tensor) -> None:
            rows.setdefault(path, []).append(self._rows(path, share, result, None))

        return note

    def _rows(self, path: str, share: float, result: Tensor, heat: Tensor | None) -> Rows:
        """Draw positions of ``result`` (N, O, H, W), evenly or in proportion to ``heat``."""
        flat = result.detach().movedim(1, -1).flatten(0, 2)
        count = min(len(flat), -(-int(self.wanted[path] * share) // self.trace.calls[path]))
        count = max(count, 1)
        if heat is None or heat.numel() == 1:
            positions = torch.randperm(len(flat), generator=self.generator)[:count]
        else:
            chances = heat.expand(len(result), 1, *result.shape[2:]).flatten().cpu()
            # torch.multinomial stops at 2^24 categories; without replacement by exponential keys
            keys = torch.empty(len(flat)).exponential_(generator=self.generator) / chances
            positions = keys.topk(count, largest=False).indices
        positions = positions.to(flat.device)
        return Rows(positions, flat[positions].float())


def wanted_positions(pair: TeacherStudent, windows: Mapping[str, Window]) -> dict[str, int]:
    """How many positions of each layer are drawn over all images."""
    wanted = {}
    for path in windows:
        module = pair.student.get_submodule(path)
        assert isinstance(module, nn.Conv2d)
        wanted[path] = positions_wanted(kernel_of(module)[0].numel() + 1)  # and the bias
    return wanted
