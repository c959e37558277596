"""Send a thread's deformable calls to a handler, whichever way the function is called.

Operators of torch are seen by a `TorchFunctionMode`, in an export too. The ``apply`` of a compiled
extension's function is replaced in its class and under every name that a loaded module gave it;
where somebody holds it elsewhere, its ``forward`` is. What stands there asks the calling thread's
context, so that other threads get the originals; all of it is taken out again when the last context
is left.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from . import compiled, operators
from .call import DeformCall, Handler
from .trial import runs

CPU = torch.device("cpu")
_HANDLERS: ContextVar[tuple[Handler, ...]] = ContextVar("deformable calls", default=())


@contextmanager
def intercepted(handler: Handler | None) -> Iterator[None]:
    """Give this thread's deformable calls to ``handler``; None: to nobody.

    Contexts nest: what a handler calls itself goes to the next outer one.
    """
    outer = _HANDLERS.get()
    token = _HANDLERS.set(() if handler is None else (*outer, handler))
    try:
        if handler is None:
            yield
        else:
            with _FUNCTIONS.replaced(), _Operators():
                yield
    finally:
        _HANDLERS.reset(token)


def _handled(call: DeformCall) -> Tensor:
    *outer, handler = _HANDLERS.get()
    token = _HANDLERS.set(tuple(outer))
    try:
        return handler(call)
    finally:
        _HANDLERS.reset(token)


class _Operators(TorchFunctionMode):
    """Sees operators of torch."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if not _HANDLERS.get() or operators.name_of(func) not in operators.NAMES:
            return func(*args, **(kwargs or {}))
        return _handled(operators.read(func, args, kwargs or {}))


Place = tuple[Any, str]  # a class or module, and a name in it


@dataclass
class _Functions:
    """Compiled functions whose calls are seen, with how to undo it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    contexts: int = 0
    undo: dict[type[Function], list[Callable[[], None]]] = field(default_factory=dict)
    places: dict[type[Function], tuple[int, list[Place]]] = field(default_factory=dict)

    @contextmanager
    def replaced(self) -> Iterator[None]:
        with self.lock:
            self.contexts += 1
            for function in compiled.compiled_functions():
                if function not in self.undo:
                    runs(function, function.apply, CPU)  # before an export that cannot ask
                    self.undo[function] = _replaced(function, self.names_of(function))
        try:
            yield
        finally:
            with self.lock:
                self.contexts -= 1
                if not self.contexts:
                    for steps in self.undo.values():
                        for step in reversed(steps):
                            step()
                    self.undo.clear()

    def names_of(self, function: type[Function]) -> list[Place]:
        """Every (module, name) among the loaded modules that holds the function's ``apply``."""
        loaded = len(sys.modules)
        known = self.places.get(function)
        if known is None or known[0] != loaded:
            apply = function.apply
            found = [
                (module, name)
                for module in list(sys.modules.values())
                if isinstance(module, ModuleType)
                for name, value in list(vars(module).items())
                if type(value) is MethodType and value == apply
            ]
            known = self.places[function] = (loaded, found)
        return known[1]


_FUNCTIONS = _Functions()


def _replaced(function: type[Function], names: Sequence[Place]) -> list[Callable[[], None]]:
    """Put dispatchers in the places of ``function``'s ``apply`` and ``forward``."""
    apply, forward = function.apply, function.forward
    no_context = compiled.takes_no_context(function)

    def applied(*args: Any, **kwargs: Any) -> Any:
        return _dispatched(function, apply, args, kwargs, lambda: apply(*args, **kwargs))  # type: ignore[no-untyped-call]

    @functools.wraps(forward)
    def forwarded(*given: Any, **kwargs: Any) -> Any:
        args = given if no_context else given[1:]
        return _dispatched(function, apply, args, kwargs, lambda: forward(*given, **kwargs))

    return [
        _exchanged(function, "forward", staticmethod(forwarded)),
        _exchanged(function, "apply", staticmethod(applied)),
        *(_exchanged(owner, name, applied) for owner, name in names),
    ]


def _dispatched(
    function: type[Function],
    apply: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    original: Callable[[], Any],
) -> Any:
    if not _HANDLERS.get():
        return original()
    call = compiled.read(function, original, args, kwargs)
    if not _trying(lambda: runs(function, apply, call.image.device)):
        call = call.by_definition()
    return _handled(call)


def _trying(ask: Callable[[], bool]) -> bool:
    """Ask without handlers: the trial is a call of its own."""
    token = _HANDLERS.set(())
    try:
        with torch._C.DisableTorchFunction():
            return ask()
    finally:
        _HANDLERS.reset(token)


def _exchanged(owner: Any, name: str, value: object) -> Callable[[], None]:
    own = vars(owner).get(name)
    setattr(owner, name, value)

    def restore() -> None:
        if own is None:  # it was inherited
            delattr(owner, name)
        else:
            setattr(owner, name, own)

    return restore
