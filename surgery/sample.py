"""The picture that a network is tried on, and pictures for the strategies that look at data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from postprocess.images import find_images, read_image
from postprocess.instances import Array
from postprocess.preprocess import Preprocess

from .config import CalibrationConfig, Config
from .scenes import FITTING_SEED, draw

SCENE_SEED = 7
DRAWN_SIZE = 256  # of a scene for a network whose input follows the picture


@dataclass(frozen=True)
class Sample:
    """One picture as the network sees it.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        tensor: (1, 3, h, w) float32, normalised.
        source: the file, or how it was drawn.
    """

    image: NDArray[np.uint8]
    tensor: Array
    source: str


def _drawn(preprocess: Preprocess, seed: int, index: int) -> NDArray[np.uint8]:
    """A drawn scene of the size that the network takes; larger ones hold more objects."""
    return draw(seed, index, size=max(preprocess.size or (DRAWN_SIZE,))).image


def load_image(
    path: Path | None, preprocess: Preprocess, index: int
) -> tuple[NDArray[np.uint8], str]:
    """Read a picture, or draw scene ``index`` where there is none; says which it is.

    Raises:
        InputError: the file is missing or no image.
    """
    if path is not None:
        return read_image(path), path.name
    image = _drawn(preprocess, SCENE_SEED, index)
    return image, f"drawn scene {index} of seed {SCENE_SEED}"


def load_sample(config: Config) -> Sample:
    """The picture of ``config.image``, or a drawn scene, as the network sees it.

    Raises:
        InputError: the file is missing or no image.
    """
    image, source = load_image(config.image, config.input.preprocess, config.seed)
    return Sample(image, config.input.preprocess(image)[0], source)


def calibration_tensors(config: CalibrationConfig, preprocess: Preprocess) -> Iterator[Array]:
    """Inputs (1, 3, h, w) for statistics and fits: a folder's pictures, or drawn scenes.

    Raises:
        InputError: the folder is missing, holds no image, or one of them cannot be read.
    """
    if config.images is None:
        for index in range(config.count):
            yield preprocess(_drawn(preprocess, FITTING_SEED, index))[0]
        return
    for path in find_images(str(config.images))[: config.count]:
        yield preprocess(read_image(path))[0]
