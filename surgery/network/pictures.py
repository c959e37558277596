"""The picture that a network is tried on, and pictures for the strategies that look at data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from postprocess.images import find_images, read_image
from postprocess.instances import Array
from postprocess.preprocess import Preprocess

from ..config.run import Config
from ..config.surgery import ImagesConfig
from ..scenes import FITTING_SEED, draw
from ..scenes.portrait import portrait

SCENE_SEED = 7
JUDGE_SEED = 2024  # of the scenes that judge a bundle: no fit and no training draws them
LEAST_DIVIDED = 10  # pictures: a folder of fewer is not divided
JUDGING = 5  # of a folder that is divided, every fifth picture judges
LEAST_DRAWN = 64  # pixels: no scene is smaller
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


def drawn(preprocess: Preprocess, seed: int, index: int) -> NDArray[np.uint8]:
    """Draw a scene of the size that the network takes, (H, W, 3) uint8 BGR; larger ones hold more
    objects."""
    if preprocess.takes_boxes:
        return portrait(seed, index)
    return draw(seed, index, size=max(LEAST_DRAWN, *(preprocess.size or (DRAWN_SIZE,)))).image


def load_image(
    path: Path | None, preprocess: Preprocess, index: int
) -> tuple[NDArray[np.uint8], str]:
    """Read a picture, or draw scene ``index`` where there is none; says which it is.

    Raises:
        InputError: the file is missing or no image.
    """
    if path is not None:
        return read_image(path), path.name
    image = drawn(preprocess, SCENE_SEED, index)
    return image, f"drawn scene {index} of seed {SCENE_SEED}"


def divided(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder: those for fits and statistics, and those that judge.

    A folder of fewer than LEAST_DIVIDED is not divided: all its pictures are for fits.

    Raises:
        InputError: the folder is missing or holds no image.
    """
    paths = [Path(path) for path in find_images(str(folder))]
    if len(paths) < LEAST_DIVIDED:
        return paths, []
    judging = paths[JUDGING - 1 :: JUDGING]
    return [path for path in paths if path not in set(judging)], judging


def judging_samples(config: Config, others: Sequence[Sample]) -> tuple[list[Sample], bool]:
    """Pictures that a bundle is judged on, ``surgery.judge.count`` at most.

    ``surgery.judge.images`` names them; else they are those that were kept back of the calibration
    images, or drawn scenes for a network that was trained on such; else ``others``.

    Returns:
        The pictures, and whether fits or statistics may have looked at them.

    Raises:
        InputError: a folder is missing, or a file is no image.
    """
    preprocess, judge = config.input.preprocess, config.surgery.judge
    folder, seen = config.surgery.calibration.images, False
    paths: list[Path] = []
    if judge.images is not None:
        paths = [Path(path) for path in find_images(str(judge.images))]
    elif folder is not None:
        paths = divided(folder)[1]
        seen = not paths
    if paths:
        found = [load_image(path, preprocess, 0) for path in paths[: judge.count]]
    elif folder is None and config.checkpoint is None and config.weights is None:
        scenes = range(judge.count)
        found = [(drawn(preprocess, JUDGE_SEED, n), f"drawn scene {n}") for n in scenes]
    else:
        return list(others), seen
    return [Sample(image, preprocess(image)[0], source) for image, source in found], seen


def load_samples(config: Config) -> list[Sample]:
    """Pictures as the network sees them, ``surgery.pictures`` at most; the first is the main one.

    It is ``config.image``, and the folder of ``surgery.calibration.images`` gives the others.
    Drawn scenes take their places where neither is named: more than one only for a network that
    was trained on them.

    Raises:
        InputError: a file or the folder is missing, or no image.
    """
    preprocess, count = config.input.preprocess, config.surgery.pictures
    folder = config.surgery.calibration.images
    paths = [] if config.image is None else [config.image]
    if folder is not None:
        fitting, judging = divided(folder)
        paths += judging or fitting
    if paths:
        found = [load_image(path, preprocess, 0) for path in paths[:count]]
    else:
        own = config.checkpoint is None and config.weights is None
        indices = range(config.seed, config.seed + (count if own else 1))
        found = [load_image(None, preprocess, index) for index in indices]
    return [Sample(image, preprocess(image)[0], source) for image, source in found]


def calibration_tensors(config: ImagesConfig, preprocess: Preprocess) -> Iterator[Array]:
    """Inputs (1, 3, h, w) for statistics and fits: a folder's pictures, or drawn scenes.

    Raises:
        InputError: the folder is missing, holds no image, or one of them cannot be read.
    """
    if config.images is None:
        for index in range(config.count):
            yield preprocess(drawn(preprocess, FITTING_SEED, index))[0]
        return
    for path in divided(config.images)[0][: config.count]:
        yield preprocess(read_image(path))[0]
