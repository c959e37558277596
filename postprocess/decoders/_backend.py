"""Choice between the compiled decoders (postprocess/cpp) and their numpy reference."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from ..errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

Backend = Literal["cpp", "numpy"]


def native(backend: str, function: str | None = None) -> ModuleType | None:
    """Return the compiled module for "cpp", None for "numpy".

    Args:
        backend: "cpp" or "numpy".
        function: what the caller is about to call, to refuse an extension that is older.

    Raises:
        InputError: another backend.
        ImportError: "cpp" where the extension is not built, or was built before it had
            `function`; never a silent fall back.
    """
    if backend == "numpy":
        return None
    if backend != "cpp":
        raise InputError(f"backend expects 'cpp' or 'numpy', got {backend!r}")
    try:
        module = import_module("postprocess._native")
    except ImportError as error:
        raise ImportError(
            f"the compiled decoders cannot be loaded ({error}): build them with 'pip install .' "
            "in the project's folder, or pass backend='numpy'"
        ) from error
    if function is not None and not hasattr(module, function):
        raise ImportError(
            f"the compiled decoders have no {function!r}: they are older than this Python code; "
            "build them again with 'pip install .' in the project's folder, "
            "or pass backend='numpy'"
        )
    return module
