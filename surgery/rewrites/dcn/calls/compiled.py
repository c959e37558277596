"""Functions of compiled extensions that are deformable convolutions: `torch.autograd.Function`\\ s.

mmcv, mmdetection, detectron2, BasicSR, CharlesShang's DCNv2 and their forks each wrap a compiled
kernel in a `torch.autograd.Function` of their own. They are found among all that are loaded, by
what their ``forward`` takes, so that no package has to be known or installed:

==============================  ==================================================================
DCNv2's ``_DCNv2``              input, offset, mask, weight, bias, stride, padding, dilation,
                                deformable_groups
modulated (mmcv, mmdetection,   input, offset, mask, weight, bias, stride, padding, dilation,
detectron2, BasicSR)            groups, deform_groups or deformable_groups
v1                              input, offset, weight, stride, padding, dilation, groups,
                                deform_groups or deformable_groups[, bias][, im2col_step]
==============================  ==================================================================
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from torch import Tensor
from torch.autograd import Function

from ..geometry import Geometry, Pair
from .call import DeformCall

TAKEN = frozenset({"input", "offset", "weight", "stride", "padding", "dilation"})
DEFORM_GROUPS = ("deform_groups", "deformable_groups", "deformable_group")
OTHERS = frozenset({"mask", "bias", "groups", "im2col_step", *DEFORM_GROUPS})


def compiled_functions() -> list[type[Function]]:
    """Every loaded function of the table."""
    return [function for function in _subclasses(Function) if is_deformable(function)]


def _subclasses(of: type[Function]) -> Iterator[type[Function]]:
    for one in of.__subclasses__():
        yield one
        yield from _subclasses(one)


def is_deformable(function: object) -> bool:
    """Whether this is a function of the table."""
    return isinstance(function, type) and issubclass(function, Function) and _fits(function)


@cache
def _fits(function: type[Function]) -> bool:
    names = set(argument_names(function))
    return names >= TAKEN and names <= TAKEN | OTHERS and any(n in names for n in DEFORM_GROUPS)


@cache
def _signature(function: type[Function]) -> inspect.Signature | None:
    try:
        found = inspect.signature(function.forward)
    except (TypeError, ValueError):
        return None
    parameters = list(found.parameters.values())
    if not parameters or any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    # the context comes first, but where a setup_context of its own takes it
    return found if takes_no_context(function) else found.replace(parameters=parameters[1:])


def takes_no_context(function: type[Function]) -> bool:
    """Whether ``forward`` leaves the context to a ``setup_context`` of its own."""
    return any(
        "setup_context" in vars(c)
        for c in function.__mro__
        if c is not Function and issubclass(c, Function)
    )


def argument_names(function: type[Function]) -> list[str]:
    """Names of what ``apply`` takes, in order; none where they cannot be read."""
    signature = _signature(function)
    return [] if signature is None else list(signature.parameters)


def read(
    function: type[Function],
    original: Callable[[], Tensor],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> DeformCall:
    """Return the call of one of :func:`compiled_functions`; ``original`` gives its own result."""
    signature = _signature(function)
    assert signature is not None
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    weight, groups = given["weight"], int(given.get("groups", 1))
    bias = given.get("bias")
    geometry = Geometry.of(
        weight,
        _pair(given["stride"]),
        _pair(given["padding"]),
        _pair(given["dilation"]),
        groups,
        int(next(given[name] for name in DEFORM_GROUPS if name in given)),
    )
    return DeformCall(
        given["input"],
        given["offset"],
        given.get("mask"),
        weight,
        # v1's is a flag that must be false, and detectron2 passes an empty one for none
        bias if isinstance(bias, Tensor) and bias.numel() else None,
        geometry,
        original,
    )


def _pair(value: int | Sequence[int]) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
