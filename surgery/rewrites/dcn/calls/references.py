"""Whether a module's own ``forward`` refers to a deformable convolution, by its code.

Only a hint of where to look: a module that refers to one and calls none is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from torch import nn

from . import compiled, operators

NAMES = frozenset(
    {
        "deform_conv2d",
        "modulated_deform_conv2d",
        "deform_conv",
        "modulated_deform_conv",
        "dcn_v2_conv",
    }
)
DEPTH = 6  # functions that call functions


def makes_calls(module: nn.Module) -> bool:
    """Whether ``forward``, or a function that it names, refers to a deformable convolution."""
    return _refers(module, module.forward, set(), DEPTH)


def _refers(module: nn.Module, function: Any, seen: set[int], depth: int) -> bool:
    function = function.__func__ if isinstance(function, MethodType) else function
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, FunctionType) or id(function) in seen or depth == 0:
        return False
    seen.add(id(function))
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    if any(name in NAMES and not hasattr(module, name) for name in names):
        return True
    for value in _values(module, function, names):
        if _is_primitive(value) or _refers(module, value, seen, depth - 1):
            return True
    return False


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _values(module: nn.Module, function: FunctionType, names: set[str]) -> Iterator[Any]:
    """What the names stand for: globals, what closures hold, methods, functions of modules."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    for name in names:
        found = function.__globals__.get(name)
        if isinstance(found, ModuleType) and found.__name__.split(".")[0] != "torch":
            yield from (getattr(found, other, None) for other in names)
        yield found
        yield from (vars(kind).get(name) for kind in type(module).__mro__ if kind is not nn.Module)
        own = module.__dict__.get(name)
        if callable(own):
            yield own


def _is_primitive(value: Any) -> bool:
    if isinstance(value, MethodType):
        value = value.__self__
    return compiled.is_deformable(value) or operators.name_of(value) in operators.NAMES
