"""Run time for operated models: numpy, ONNX Runtime and OpenCV, nothing else.

    >>> import postprocess
    >>> runtime = postprocess.load("outputs/e2ec")  # doctest: +SKIP
    >>> result = runtime(image_bgr)  # doctest: +SKIP

Names are imported on first use, so that `import postprocess` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import decoders
    from .errors import InputError
    from .result import Instance, Result
    from .runtime import Runtime, load

__all__ = ["InputError", "Instance", "Result", "Runtime", "decoders", "load"]

_HOME = {
    "InputError": ".errors",
    "Instance": ".result",
    "Result": ".result",
    "Runtime": ".runtime",
    "load": ".runtime",
}


def __getattr__(name: str) -> Any:
    if name == "decoders":
        return import_module(".decoders", __name__)
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
