"""Random heads for the decoders of CenterNet's family: ties, plateaus, NaN and infinities."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

SPECIAL = np.asarray([np.nan, np.inf, -np.inf], np.float32)


@st.composite
def maps(draw, *channels: int, special: bool = True, least_side: int = 0):
    """A batch of maps of one size, one array for each number of channels."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch = draw(st.integers(0, 2))
    height, width = draw(st.integers(least_side, 9)), draw(st.integers(least_side, 11))
    levels = draw(st.sampled_from([2, 5, 1000]))  # few levels make ties and plateaus
    share = draw(st.sampled_from([0.0, 0.02, 0.5])) if special else 0.0
    arrays = []
    for count in channels:
        shape = (batch, count, height, width)
        array = (random.integers(-levels, levels + 1, shape) * (8 / levels)).astype(np.float32)
        odd = random.random(shape) < share
        array[odd] = random.choice(SPECIAL, int(odd.sum()))
        arrays.append(array)
    if draw(st.booleans()):  # not C-contiguous
        arrays = [array[..., ::-1].transpose(0, 1, 3, 2) for array in arrays]
    return arrays
