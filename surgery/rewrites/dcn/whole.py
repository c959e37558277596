"""Any module that maps image-like tensors to one, as a layer that a fit replaces.

Nothing inside needs to be recognised: its inputs are concatenated, and a fitted convolution gives
what the module gave. A wrapper takes the module's place, with a child ``block`` that is the layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from postprocess.errors import InputError

from ..nested import tensors_in
from .deform_layer import DeformLayer
from .geometry import Geometry

KERNEL = 3
CHILD = "block"


class Block(nn.Module):
    """The module itself, called as a layer: (its inputs side by side, its call) -> its result."""

    def __init__(self, module: nn.Module, geometry: Geometry, like: Tensor) -> None:
        super().__init__()
        self.module = module
        weight = like.new_zeros(
            geometry.out_channels, geometry.in_channels, *geometry.kernel, requires_grad=False
        )
        self.deform_layer = DeformLayer(
            weight,
            like.new_zeros(geometry.out_channels),
            geometry,
            False,
            None,
            None,
            ("input", "call"),
            trusted=True,
            whole=True,
        )

    def forward(self, input: Tensor, call: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
        """Run the module on the arguments of its call."""
        return self.module(*call[0], **call[1])


class Whole(nn.Module):
    """Stands in a module's place: concatenates its image-like inputs and calls the block."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Arguments and result of the module."""
        return self.block(side_by_side((args, kwargs)), (args, kwargs))


def side_by_side(given: Any) -> Tensor:
    """Image-like tensors (N, C, H, W) of a call, brought to the first one's size, as one."""
    first, *others = (tensor for tensor in tensors_in(given) if tensor.dim() == 4)
    size = first.shape[2:]
    resized = (t if t.shape[2:] == size else F.interpolate(t, size=size) for t in others)
    return torch.cat([first, *resized], 1) if others else first


def chosen(model: nn.Module, patterns: Sequence[str]) -> dict[str, nn.Module]:
    """Modules at paths like ``patterns`` (:mod:`fnmatch`), by path, without those inside of one.

    Raises:
        InputError: a pattern that fits no module.
    """
    fitting: dict[str, nn.Module] = {}
    for pattern in patterns:
        found = {p: m for p, m in model.named_modules() if p and fnmatchcase(p, pattern)}
        if not found:
            raise InputError(
                f"replace: {type(model).__name__} has no module at a path like {pattern!r}"
            )
        fitting |= found
    return {
        path: module
        for path, module in fitting.items()
        if not any(path.startswith(f"{other}.") for other in fitting)
    }


Call = tuple[Any, Any]  # arguments and result


@contextmanager
def noting(modules: Iterable[nn.Module]) -> Iterator[dict[nn.Module, Call]]:
    """Note the first call of each of ``modules``."""
    seen: dict[nn.Module, Call] = {}

    def note(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        seen.setdefault(module, ((args, kwargs), result))

    handles = [module.register_forward_hook(note, with_kwargs=True) for module in modules]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def whole(path: str, module: nn.Module, call: Call | None) -> Whole:
    """What takes the place of ``module``, which stands at ``path`` and was called so.

    Raises:
        InputError: it was not called, or does not map image-like tensors to one whose sides are the
            first one's by a whole factor.
    """
    if call is None:
        raise InputError(f"replace: the module at {path!r} is not called in a forward pass")
    given, result = call
    images = [tensor for tensor in tensors_in(given) if tensor.dim() == 4]
    if not images or not isinstance(result, Tensor) or result.dim() != 4:
        shapes = [tuple(t.shape) for t in tensors_in(given)]
        said = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise InputError(
            f"replace: the module at {path!r} maps {shapes} to {said}, expected tensors "
            "(N, C, H, W) to one"
        )
    first = images[0]
    stride = [max(1, round(a / b)) for a, b in zip(first.shape[2:], result.shape[2:], strict=True)]
    geometry = Geometry(
        int(result.shape[1]),
        sum(int(image.shape[1]) for image in images),
        (KERNEL, KERNEL),
        (stride[0], stride[1]),
        (KERNEL // 2, KERNEL // 2),
        (1, 1),
        1,
        1,
    )
    rows, columns = (int(side) for side in first.shape[2:])
    if geometry.output_size(rows, columns) != tuple(result.shape[2:]):
        raise InputError(
            f"replace: the module at {path!r} maps {rows}x{columns} to "
            f"{result.shape[2]}x{result.shape[3]}, expected a whole fraction: a convolution in its "
            "place cannot enlarge"
        )
    return Whole(Block(module, geometry, first.detach())).train(module.training)
