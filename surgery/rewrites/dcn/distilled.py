"""A deformable layer as an ordinary convolution trained, without labels, to the whole network.

The training is :mod:`surgery.fitting`'s business; here its result is put in place, as
:mod:`.calibrated` does. The other modules that were trained with it take the rewrite ``fitted``.
"""

from __future__ import annotations

from ..traits import WIDENED, Traits
from .calibrated import Calibrated

DISTILLED = Calibrated(
    name="dcn.distilled",
    summary="Conv trained without labels until the network agrees with the untouched one",
    traits=Traits(("Conv",), accuracy=30, fit="distilled", leaves=WIDENED),
)
