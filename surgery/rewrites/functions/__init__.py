"""Function patches: calls in the middle of a ``forward`` that an export cannot keep as they are."""

from .base import FunctionPatch, Original, Patch, patch

__all__ = ["FunctionPatch", "Original", "Patch", "patch"]
