"""A network in torch that is called like a bundle: from a photo to its objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.result import Result, in_image

from .load import Model
from .run import run_torch


class Predictor:
    """``model`` as it stands, through the run time's own preprocessing and decoder."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def __call__(self, image: NDArray[np.uint8], boxes: Any = None) -> Result:
        """Find the objects of an image (H, W, 3) uint8 BGR; one for each of ``boxes`` (n, 4)."""
        if boxes is None:
            return self._run(image)
        found = []
        for box in np.asarray(boxes, np.float32):
            found += [replace(each, box=box) for each in self._run(image, box).instances]
        return Result(tuple(found), image.shape[:2], self.model.skeleton)

    def _run(self, image: NDArray[np.uint8], *box: Any) -> Result:
        model = self.model
        tensor, transform = model.preprocess(image, *box)
        instances = run_torch(model, tensor).instances
        return in_image(instances, transform, model.classes, model.skeleton)
