"""Fit ordinary convolutions to deformable ones on unlabelled images.

`fit` is for people; `fit_weights` gives the weights alone, to be saved and for rewrites.
"""

from .fit import fit, fit_weights, state_hash
from .fitted import Fitted
from .network import Reading
from .settings import OutputSpec, Settings

__all__ = ["Fitted", "OutputSpec", "Reading", "Settings", "fit", "fit_weights", "state_hash"]
