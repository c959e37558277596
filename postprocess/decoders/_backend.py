"""Choice between the compiled decoders (postprocess/cpp) and their numpy reference."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from ..errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

Backend = Literal["cpp", "numpy"]


def native(backend: str) -> ModuleType | None:
    """Return the compiled module for "cpp", None for "numpy".

    Raises:
        InputError: another name.
        ImportError: "cpp" where the extension is not built; never a silent fall back.
    """
    if backend == "numpy":
        return None
    if backend != "cpp":
        raise InputError(f"backend expects 'cpp' or 'numpy', got {backend!r}")
    try:
        return import_module("postprocess._native")
    except ImportError as error:
        raise ImportError(
            f"the compiled decoders cannot be loaded ({error}): build them with 'pip install .' "
            "in the project's folder, or pass backend='numpy'"
        ) from error
