"""How far a library's function is from the published definition, tried once on a small call.

A compiled extension's kernel may be absent, or for CUDA alone. Calls that are intercepted then get
their result from the definition in ordinary operators, so that a checkpoint's network can run at
all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ....support.torch_compat import is_exporting
from ...closeness import relative
from .compiled import DEFORM_GROUPS, argument_names, read

_FOUND: dict[tuple[type[Function], str], str | float] = {}


def runs(function: type[Function], apply: Callable[..., Tensor], device: torch.device) -> bool:
    """Whether ``function`` gives results on ``device``; in an export, whether it is known to.

    ``apply``: the function's own, without anything put in its place.
    """
    key = (function, device.type)
    if key not in _FOUND and not torch.onnx.is_in_onnx_export() and not is_exporting():
        _FOUND[key] = difference(function, apply, device)
    return isinstance(_FOUND.get(key), float)


def difference(
    function: type[Function], apply: Callable[..., Tensor], device: torch.device
) -> str | float:
    """The largest difference relative to the largest value; or the error in one line."""
    failure = ""
    names = argument_names(function)
    for sizes in (1, (1, 1)):  # some take integers, some take pairs
        given = _arguments(names, sizes, device)
        try:
            with torch.no_grad():
                result = apply(*(given[name] for name in names))
        except Exception as error:  # whatever a kernel that is absent or for CUDA alone raises
            failure = " ".join(f"{type(error).__name__}: {error}".split())
            continue
        call = read(function, partial(_same, result), [given[n] for n in names], {})
        return relative(result, call.computed())
    return failure


def _same(result: Tensor) -> Tensor:
    return result


def _arguments(names: list[str], sizes: object, device: torch.device) -> Mapping[str, Any]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    return {
        "input": draw(1, 2, 5, 6),
        "offset": draw(1, 18, 5, 6),
        "mask": draw(1, 9, 5, 6).sigmoid(),
        "weight": draw(2, 2, 3, 3),
        "bias": draw(2) if "mask" in names else False,
        "groups": 1,
        "im2col_step": 1,
        **dict.fromkeys(("stride", "padding", "dilation"), sizes),
        **dict.fromkeys(DEFORM_GROUPS, 1),
    }
