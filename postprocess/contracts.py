"""Whether an object has what a protocol asks for: the check that plugins go through when loaded.

Only presence is checked, and that methods can be called: types are left to the type checker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable


def lacking(protocol: type) -> Callable[[str, object], str]:
    """Return a function that says what the member registered as a name lacks of ``protocol``.

    The function returns "" where nothing is lacking. Where the protocol has a ``name``, the member
    must call itself by the name that it is registered under.
    """

    def fault(name: str, member: object) -> str:
        missing = [attribute for attribute in _public(protocol) if not hasattr(member, attribute)]
        if missing:
            return f"lacks {', '.join(missing)}"
        methods = [each for each in _methods(protocol) if not callable(getattr(member, each, None))]
        if methods:
            return f"{', '.join(methods)} cannot be called"
        own = getattr(member, "name", name)
        if "name" in _public(protocol) and own != name:
            return f"it calls itself {own!r}"
        return ""

    return fault


def _public(protocol: type) -> list[str]:
    """Attributes and methods of a protocol, in the order in which it states them."""
    stated = {**inspect.get_annotations(protocol), **vars(protocol)}
    return [name for name in stated if not name.startswith("_")]


def _methods(protocol: type) -> list[str]:
    """Its methods, ``__call__`` included."""
    plain = [name for name in _public(protocol) if callable(vars(protocol).get(name))]
    return [*plain, *(["__call__"] if "__call__" in vars(protocol) else [])]
