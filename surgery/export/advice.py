"""What to try where an export fails: ways that were gone and worked, no others."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..config import surgery
from ..support.quiet import LOG
from .exporters.dynamo import DYNAMO
from .exporters.torchscript import TORCHSCRIPT

EXPORTERS = dict(zip(surgery.EXPORTERS, (DYNAMO, TORCHSCRIPT), strict=True))


@dataclass(frozen=True)
class Order:
    """What :func:`~surgery.export.export_onnx` was asked for."""

    module: nn.Module
    inputs: tuple[Tensor, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    dynamic: Mapping[str, Mapping[int, str]]
    opset: int
    exporter: str
    name: str
    metadata: Mapping[str, str]
    symbolics: tuple[str, ...]
    verify: bool


def advised(
    error: InputError,
    order: Order,
    traced: list[str],
    export: Callable[[Order, list[str]], object],
) -> InputError:
    """Return ``error`` with its likely cause and with the first other way that works.

    Args:
        error: why ``order`` failed.
        traced: tracer warnings of the export; those of the ways that are tried are added.
        export: exports an order or raises.
    """
    works = next((way for way, other in _ways(error, order) if _works(other, traced, export)), "")
    cause = f"; likely cause: {_first_sentence(traced[0])}" if traced else ""
    advice = f": try {works}, which works" if works else ""
    return InputError(f"{error}{cause}{advice}")


def _ways(error: InputError, order: Order) -> Iterator[tuple[str, Order]]:
    """Other ways to the same network, the least intrusive ones first."""
    order = replace(order, verify=True)
    for name in EXPORTERS:
        if name != order.exporter:
            yield f"surgery.exporter={name}", replace(order, exporter=name)
    own = EXPORTERS[order.exporter].opsets
    added = getattr(error, "added", None)
    for opset in (added, own.start if order.opset < own.start else None):
        if opset is not None and opset in own:
            yield f"surgery.opset={opset}", replace(order, opset=opset)
    for name, other in EXPORTERS.items():
        if name != order.exporter and order.opset < other.opsets.start:
            way = f"surgery.exporter={name} surgery.opset={other.opsets.start}"
            yield way, replace(order, exporter=name, opset=other.opsets.start)
    if _narrow_or_double(order):
        wide = _in_float32(order)
        if wide is not None:
            yield "float32 (module.float(), and float32 inputs)", wide
    if any(order.dynamic.get(name) for name in order.input_names):
        fixed = replace(order, dynamic={})
        yield "a fixed size (no dynamic axes; input.size and input.batch in a run)", fixed


def _works(order: Order, traced: list[str], export: Callable[[Order, list[str]], object]) -> bool:
    LOG.info("trying the %s exporter at opset %d", order.exporter, order.opset)
    try:
        export(order, traced)
    except InputError:
        return False
    return True


def _tensors(order: Order) -> Iterator[Tensor]:
    yield from order.inputs
    yield from order.module.parameters()
    yield from order.module.buffers()


def _narrow_or_double(order: Order) -> bool:
    return any(t.is_floating_point() and t.dtype != torch.float32 for t in _tensors(order))


def _in_float32(order: Order) -> Order | None:
    try:
        module = copy.deepcopy(order.module).float()
    except (RuntimeError, TypeError, NotImplementedError):  # tensors that cannot be copied
        return None
    inputs = tuple(t.float() if t.is_floating_point() else t for t in order.inputs)
    return replace(order, module=module, inputs=inputs)


def _first_sentence(warning: str) -> str:
    """``net.py:17: Converting a tensor to a Python integer might ...``, without what follows."""
    return warning.partition(". ")[0]
