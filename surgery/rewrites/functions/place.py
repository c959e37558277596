"""The place where a patched function is looked up, and the function's other names.

``from torch.nn.functional import interpolate`` gives a function a second name in the importing
module. Those names are found as well, so that a patch reaches the calls through them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from postprocess.errors import InputError

from ..dotted import locate

_MISSING = object()


@dataclass(frozen=True)
class Place:
    """An attribute of a module or a class that holds a function.

    Attributes:
        owner: the module or class.
        attribute: its name there.
    """

    owner: Any
    attribute: str

    @property
    def key(self) -> tuple[int, str]:
        """What tells places apart."""
        return id(self.owner), self.attribute

    @property
    def function(self) -> Callable[..., Any]:
        """What a call finds, unbound."""
        found = inspect.getattr_static(self.owner, self.attribute)
        if isinstance(found, (staticmethod, classmethod)):
            found = found.__func__
        function: Callable[..., Any] = found
        return function

    def put(self, function: Callable[..., Any]) -> Callable[[], None]:
        """Put ``function`` here and under the other names; returns what undoes exactly that.

        A name that somebody else has given another meaning in between is left alone.
        """
        found = inspect.getattr_static(self.owner, self.attribute)
        value: Any = function
        if isinstance(found, (staticmethod, classmethod)):
            value = type(found)(function)
        places = [(self.owner, self.attribute)]
        if isinstance(self.owner, ModuleType):
            places = [*dict.fromkeys([*places, *_names_of(found)])]
        undo = [_exchange(owner, attribute, value) for owner, attribute in places]

        def restore() -> None:
            for each in reversed(undo):
                each()

        return restore


def find(path: str, wanted_by: str) -> Place:
    """Return the place of ``path``, for example "torch.nn.functional.interpolate".

    Args:
        path: a module's dotted name, and attributes after it.
        wanted_by: name of the rewrite, for messages.

    Raises:
        InputError: there is nothing there, or it is no function.
    """
    place = Place(*locate(path, wanted_by))
    if isinstance(place.function, type) or not callable(place.function):
        raise InputError(
            f"rewrite {wanted_by!r} replaces {path}, which is no function but a "
            f"{type(place.function).__name__}"
        )
    return place


def _names_of(function: object) -> list[tuple[ModuleType, str]]:
    """Every (module, name) among the loaded modules that holds this very object."""
    return [
        (module, name)
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType)
        for name, value in list(vars(module).items())
        if value is function
    ]


def _exchange(owner: Any, attribute: str, value: object) -> Callable[[], None]:
    own = vars(owner).get(attribute, _MISSING)
    setattr(owner, attribute, value)

    def restore() -> None:
        if vars(owner).get(attribute) is not value:
            return
        if own is _MISSING:  # it was inherited
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, own)

    return restore
