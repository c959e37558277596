"""What a function patch is: a function of anybody's that another one stands in for in an export.

Where a module rewrite exchanges a layer, a patch exchanges a call in the middle of a ``forward``:
``torch.nn.functional.interpolate``, a method, ``torch.Tensor.__setitem__``. The stand-in gets the
original as its first argument and may call it, as a method calls ``super()``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from ..guard import Guard

P = ParamSpec("P")
R = TypeVar("R")


class FunctionPatch(Protocol):
    """A member of ``surgery.rewrites`` that replaces a function; stateless."""

    @property
    def name(self) -> str:
        """How it is asked for, for example "function.interpolate"."""

    @property
    def exact(self) -> bool:
        """Whether the stand-in computes the same function, up to float rounding."""

    @property
    def summary(self) -> str:
        """What it does, in one line for people."""

    @property
    def min_opset(self) -> int:
        """Lowest ONNX opset that the stand-in can be exported at."""

    @property
    def function(self) -> str:
        """Dotted path of what is replaced, for example "torch.Tensor.masked_fill"."""

    @property
    def guard(self) -> Guard:
        """When it is wanted."""

    @property
    def call(self) -> Callable[..., Any]:
        """Takes an :class:`Original` and the arguments of the call; returns its result."""


@dataclass
class Tally:
    """What became of the calls of one patch in one context.

    Attributes:
        calls: how many reached the patch.
        declined: how many of them it left to the original, by reason.
    """

    calls: int = 0
    declined: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Original(Generic[P, R]):
    """What lies beneath a patch: the next outer context's patch, or the function itself."""

    function: Callable[P, R]
    tally: Tally

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call it."""
        return self.function(*args, **kwargs)

    def decline(self, reason: str) -> None:
        """Note in the ledger why this call is left to the original."""
        self.tally.declined[reason] += 1


@dataclass(frozen=True)
class Patch(Generic[P, R]):
    """A :class:`FunctionPatch`, as :func:`patch` makes it."""

    name: str
    function: str
    summary: str
    call: Callable[Concatenate[Original[P, R], P], R]
    exact: bool = True
    guard: Guard = field(default_factory=Guard)
    min_opset: int = 1


def patch(
    function: str,
    *,
    name: str,
    summary: str,
    exact: bool = True,
    guard: Guard | None = None,
    min_opset: int = 1,
) -> Callable[[Callable[Concatenate[Original[P, R], P], R]], Patch[P, R]]:
    """Make a patch of the decorated function, which takes the original and then its arguments.

    Args:
        function: dotted path of what is replaced: a function of a module, or a method of a class.
        name: how it is asked for; "function.NAME" by custom.
        summary: one line for ``task=list``.
        exact: whether it computes the same, up to float rounding.
        guard: when it is wanted; always by default.
        min_opset: lowest opset that it can be exported at.
    """

    def made(call: Callable[Concatenate[Original[P, R], P], R]) -> Patch[P, R]:
        return Patch(name, function, summary, call, exact, guard or Guard(), min_opset)

    return made
