"""No decoder: the heads are the result, for callers that decode by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..instances import Array, Instances
from .base import Parameters, Refine, check_trace


@dataclass(frozen=True)
class NoDecoder(Parameters):
    """Finds no instance in any image; `Runtime.heads` gives the backbone's outputs as arrays."""

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Return empty instances, one for each image of the batch: see `Decoder`."""
        images = len(next(iter(heads.values())))
        check_trace(trace, images)
        empty = np.zeros(0, np.float32)
        return [Instances(empty, np.zeros(0, np.int64), np.zeros((0, 4), np.float32))] * images
