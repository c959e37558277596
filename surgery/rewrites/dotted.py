"""From a dotted path such as "torch.nn.functional.interpolate" to what it names.

Paths stand in the code of rewrites, never in a configuration. One that leads nowhere, after an
update of the library for example, is an error that names it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import Any

from postprocess.errors import InputError

_MISSING = object()


def locate(path: str, wanted_by: str) -> tuple[Any, str]:
    """Return the module or class that holds what ``path`` names, and its attribute there.

    Args:
        path: a module's dotted name, and attributes after it.
        wanted_by: name of the rewrite, for messages.

    Raises:
        InputError: there is nothing at the path, or a module.
    """
    owner, attributes = _imported(path, wanted_by)
    if not attributes:
        raise InputError(f"rewrite {wanted_by!r} replaces {path}, which is a module")
    *inner, last = attributes
    there = ".".join(path.split(".")[: -len(attributes)])
    for attribute in inner:
        _require(owner, attribute, there, path, wanted_by)
        owner, there = getattr(owner, attribute), f"{there}.{attribute}"
    _require(owner, last, there, path, wanted_by)
    return owner, last


def find_class(path: str, wanted_by: str) -> type:
    """Return the class that ``path`` names.

    Raises:
        InputError: there is no class at the path.
    """
    owner, attribute = locate(path, wanted_by)
    found = getattr(owner, attribute)
    if not isinstance(found, type):
        raise InputError(
            f"rewrite {wanted_by!r} replaces modules of class {path}, which is no class but a "
            f"{type(found).__name__}"
        )
    return found


def _imported(path: str, wanted_by: str) -> tuple[Any, list[str]]:
    """Import the longest part of ``path`` that is a module; returns it and the attributes left."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        try:
            return importlib.import_module(name), parts[count:]
        except ModuleNotFoundError as error:
            # What is missing on the path itself may be an attribute; anything else is a fault.
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise _no_import(path, wanted_by, error) from error
        except Exception as error:  # whatever a foreign module raises on import
            raise _no_import(path, wanted_by, error) from error
    raise InputError(
        f"rewrite {wanted_by!r} replaces {path}, which does not exist: there is no module "
        f"{parts[0]!r}: install it, or leave the rewrite out"
    )


def _no_import(path: str, wanted_by: str, error: Exception) -> InputError:
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    return InputError(f"rewrite {wanted_by!r} replaces {path}, which cannot be imported: {cause}")


def _require(owner: Any, attribute: str, there: str, path: str, wanted_by: str) -> None:
    if inspect.getattr_static(owner, attribute, _MISSING) is not _MISSING:
        return
    package = path.partition(".")[0]
    version = getattr(sys.modules[package], "__version__", "")
    found = f" ({package} {version})" if version else ""
    raise InputError(
        f"rewrite {wanted_by!r} replaces {path}, which does not exist: {there} has no "
        f"{attribute!r}{found}: leave the rewrite out, or guard it by version"
    )
