"""Which symbolics an export uses, and their registration for as long as it lasts.

The exporter through ``torch.export`` takes a table with each call; the TorchScript exporter has one
table for the whole process, so what is entered there is taken out again, also when the export
raises; threads that export through it take turns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.onnx import (  # type: ignore[attr-defined]
    register_custom_op_symbolic,
    unregister_custom_op_symbolic,
)

from postprocess.errors import InputError

from ...support.torch_compat import script_registry
from .base import Symbolic
from .nodes import script_function, traced_function
from .registry import DEFAULT, SYMBOLICS

_TABLE = threading.RLock()  # of the TorchScript exporter


def chosen(names: Sequence[str], opset: int) -> tuple[Symbolic, ...]:
    """Return the symbolics among ``names`` that are wanted for a graph of ``opset``.

    Those that somebody asked for come last, and so take an operator over from those of ``DEFAULT``.

    Raises:
        InputError: an unknown or broken one, or two that write the same operator.
    """
    ordered = sorted(dict.fromkeys(names), key=lambda name: name not in DEFAULT)
    found = [SYMBOLICS.get(name) for name in ordered]
    wanted = tuple(each for each in found if opset in each.opsets)
    writers: dict[str, str] = {}
    for each in wanted:
        for operator in each.operators:
            other = writers.setdefault(operator, each.name)
            if other != each.name and (other in DEFAULT) == (each.name in DEFAULT):
                raise InputError(
                    f"symbolics {other!r} and {each.name!r} both write {operator} at opset "
                    f"{opset}: leave one out of surgery.symbolics"
                )
    return wanted


@contextmanager
def registered(symbolics: Sequence[Symbolic], opset: int) -> Iterator[None]:
    """Enter ``symbolics`` in the TorchScript exporter's table until the context is left.

    What somebody else had registered for the same operator and opset is back afterwards. Other
    threads wait: the table knows no threads.

    Args:
        opset: at which the exporter writes.
    """
    with _TABLE, ExitStack() as stack:
        for each in symbolics:
            for operator in each.operators:
                stack.enter_context(_entered(operator, script_function(each), opset))
        yield


@contextmanager
def _entered(operator: str, function: Callable[..., Any], opset: int) -> Iterator[None]:
    torch_registry = script_registry()
    group = torch_registry.get_function_group(operator)
    table = None if group is None else group._functions
    before = table[opset] if table is not None and table.overridden(opset) else None
    register_custom_op_symbolic(operator, function, opset)
    try:
        yield
    finally:
        unregister_custom_op_symbolic(operator, opset)
        left = torch_registry.get_function_group(operator)
        if left is not None and not len(left._functions):  # it would break torch's own messages
            torch_registry._registry.pop(operator)
        if before is not None:
            register_custom_op_symbolic(operator, before, opset)


def translations(symbolics: Sequence[Symbolic]) -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Return the table that ``torch.onnx.export(dynamo=True)`` takes.

    An operator that this process has not registered cannot occur in a network, and is left out.
    """
    table: dict[Callable[..., Any], Callable[..., Any]] = {}
    for each in symbolics:
        for operator in each.operators:
            namespace, _, name = operator.partition("::")
            packet = getattr(getattr(torch.ops, namespace), name, None)
            if packet is not None:
                table[packet.default] = traced_function(each, packet.default)
    return table
