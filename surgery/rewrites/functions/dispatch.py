"""Patches in force: a dispatcher in each patched place, and each thread's own stack of patches.

The place is one for the whole process, so what is put there only decides who is called: it looks at
the stack of the calling thread's context (:mod:`contextvars`). Threads that entered no patch find
an empty stack, and get the original. The first context that patches a place puts the dispatcher
there, and the last one to leave takes it out again.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .base import FunctionPatch, Original, Tally
from .place import Place


@dataclass(frozen=True)
class _Layer:
    patch: FunctionPatch
    tally: Tally


_Stacks = Mapping[tuple[int, str], tuple[_Layer, ...]]
_STACKS: ContextVar[_Stacks] = ContextVar("patches", default=MappingProxyType({}))


@dataclass
class _Installed:
    restore: Callable[[], None]
    contexts: int = 1


@dataclass
class _Places:
    """The dispatchers that are in place, by the place's owner and attribute."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: dict[tuple[int, str], _Installed] = field(default_factory=dict)

    def enter(self, place: Place) -> None:
        with self.lock:
            installed = self.found.get(place.key)
            if installed is None:
                self.found[place.key] = _Installed(place.put(_dispatcher(place)))
            else:
                installed.contexts += 1

    def leave(self, place: Place) -> None:
        with self.lock:
            installed = self.found[place.key]
            installed.contexts -= 1
            if not installed.contexts:
                del self.found[place.key]
                installed.restore()


_PLACES = _Places()


@contextmanager
def in_force(patch: FunctionPatch, place: Place) -> Iterator[Tally]:
    """Send this thread's calls of ``place`` to ``patch`` until the context is left."""
    tally = Tally()
    stacks = _STACKS.get()
    layers = (*stacks.get(place.key, ()), _Layer(patch, tally))
    _PLACES.enter(place)
    try:
        token = _STACKS.set({**stacks, place.key: layers})
        try:
            yield tally
        finally:
            _STACKS.reset(token)
    finally:
        _PLACES.leave(place)


@contextmanager
def uncounted() -> Iterator[None]:
    """Leave patches in force and their tallies as they are: for runs that only look at a result."""
    stacks = {
        key: tuple(_Layer(layer.patch, Tally()) for layer in layers)
        for key, layers in _STACKS.get().items()
    }
    token = _STACKS.set(stacks)
    try:
        yield
    finally:
        _STACKS.reset(token)


def _dispatcher(place: Place) -> Callable[..., Any]:
    original, key = place.function, place.key

    @functools.wraps(original)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return _through(_STACKS.get().get(key, ()), original)(*args, **kwargs)

    return dispatch


def _through(layers: tuple[_Layer, ...], original: Callable[..., Any]) -> Callable[..., Any]:
    """The innermost patch, with the outer ones and the function itself beneath it."""
    if not layers:
        return original
    *outer, inner = layers

    def call(*args: Any, **kwargs: Any) -> Any:
        inner.tally.calls += 1
        beneath: Original[..., Any] = Original(_through(tuple(outer), original), inner.tally)
        return inner.patch.call(beneath, *args, **kwargs)

    return call
