"""What depends on the version of torch: supported from 2.1 on.

Private names of torch stand here alone, each with the versions it was seen in.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from postprocess.errors import InputError

RELEASE = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
DYNAMO_SINCE = (2, 9)  # torch.onnx.export(dynamo=True) with opsets and graphs as we need them

Function = TypeVar("Function", bound=Callable[..., Any])


def default_exporter() -> str:
    """The dynamo exporter where torch has it, else the TorchScript one."""
    return "dynamo" if RELEASE >= DYNAMO_SINCE else "torchscript"


def require_dynamo() -> None:
    """Refuse the dynamo exporter of a torch whose exporter is another one.

    Raises:
        InputError: naming the version from which on it is there.
    """
    if RELEASE < DYNAMO_SINCE:
        since = ".".join(map(str, DYNAMO_SINCE))
        raise InputError(
            f"the dynamo exporter needs torch {since} or later, this is {torch.__version__}"
        )


def script_only() -> dict[str, Any]:
    """Keywords of ``torch.onnx.export`` for the TorchScript exporter: ``dynamo`` came with 2.5."""
    known = inspect.signature(torch.onnx.export).parameters
    return {"dynamo": False} if "dynamo" in known else {}


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (AVX-512 BF16); False where torch cannot tell.

    ``torch.cpu.get_capabilities`` is of torch 2.10; ``_is_avx512_bf16_supported`` was seen in 2.9.
    """
    if hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    private = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return private is not None and bool(private())


def is_exporting() -> bool:
    """Whether ``torch.export`` is at work (torch 2.7 and later); before, no exporter of ours is."""
    asked: Callable[[], bool] | None = getattr(torch.compiler, "is_exporting", None)
    return asked is not None and asked()


def script_registry() -> Any:
    """The TorchScript exporter's table of symbolics.

    ``torch.onnx._internal.registration`` in 2.1 and 2.4, in ``torchscript_exporter`` in 2.9 and
    2.13.
    """
    for place in ("torchscript_exporter.registration", "registration"):
        try:
            return importlib.import_module(f"torch.onnx._internal.{place}").registry
        except ModuleNotFoundError:
            continue
    raise InputError(f"torch {torch.__version__} keeps its symbolics elsewhere: 2.1 to 2.13 work")


class Operator:
    """An operator of a torch that has no ``custom_op`` (before 2.4)."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        namespace, _, operator = name.partition("::")
        parameters = inspect.signature(function).parameters.values()
        arguments = (f"{each.annotation} {each.name}" for each in parameters)
        made: Any = torch.library
        self._library = made.Library(namespace, "FRAGMENT")
        self._library.define(f"{operator}({', '.join(arguments)}) -> Tensor")
        self._library.impl(operator, function, "CompositeExplicitAutograd")
        self._call = getattr(getattr(torch.ops, namespace), operator)

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        return self._call(*arguments)

    def register_fake(self, function: Function) -> Function:
        """Leave aside what ``torch.export`` would need, which does not run here."""
        return function


def custom_op(name: str) -> Callable[[Callable[..., Any]], Operator]:
    """``torch.library.custom_op`` without mutated arguments, or :class:`Operator` before 2.4.

    Args:
        name: ``namespace::operator``; its function has annotations that stay strings.
    """
    made: Any = getattr(torch.library, "custom_op", None)
    if made is None:
        return lambda function: Operator(name, function)
    decorator: Callable[[Callable[..., Any]], Operator] = made(name, mutates_args=())
    return decorator
