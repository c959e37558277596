"""Deformable convolutions as calls in the middle of a ``forward``: seen, read and replaced."""

from .call import DeformCall, Handler
from .interception import intercepted
from .references import makes_calls

__all__ = ["DeformCall", "Handler", "intercepted", "makes_calls"]
