"""Which layers are sensitive to a reduced precision, and the fewest that have to stay in float32.

Each layer is reduced alone and the noise that this makes in the heads is its sensitivity (Nagel et
al., "A White Paper on Neural Network Quantization", 2021, section 3.7; the additive model of
layer-wise errors). The layers are then left out from the most sensitive on, as few as will do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def ranking(
    layers: Sequence[str], noise_alone: Callable[[str], float], seconds: float
) -> dict[str, float]:
    """Layers by their sensitivity, the most sensitive first.

    Args:
        layers: names in the graph's order; measured from the outputs on, where the layers are whose
            errors nothing averages out.
        noise_alone: noise of the heads with that layer alone reduced.
        seconds: after which no further layer is measured.

    Returns:
        Noise by layer; those that were not measured are missing.
    """
    end = time.monotonic() + seconds
    found: dict[str, float] = {}
    for layer in reversed(layers):
        if time.monotonic() > end:
            break
        found[layer] = noise_alone(layer)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def fewest(most: int, good: Callable[[int], bool]) -> int | None:
    """The least count from 1 to ``most`` that is good, None where not even ``most`` is.

    Doubles until it is good and bisects the last step, so that ``good`` is asked about twice the
    logarithm of the answer; it is taken for monotonic.
    """
    low, high = 0, 1
    while not good(min(high, most)):
        if high >= most:
            return None
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        if good(middle):
            high = middle
        else:
            low = middle
    return high
