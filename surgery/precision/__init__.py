"""Reduced precision of the exported graphs."""

from .reduce import Reduction, reduce_precision
from .staged import Reduced, reduce_staged
from .trial import Trial, trial_of

__all__ = ["Reduced", "Reduction", "Trial", "reduce_precision", "reduce_staged", "trial_of"]
