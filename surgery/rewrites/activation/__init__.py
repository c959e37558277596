"""Smooth activations as piecewise linear ones, fitted to the inputs that they see on images."""

from .fit import Fit
from .samples import Samples

__all__ = ["Fit", "Samples"]
