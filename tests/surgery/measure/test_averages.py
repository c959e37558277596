"""Average precision from matched detections: pycocotools' own figure, and intervals of it."""

from __future__ import annotations

import numpy as np
import pytest

from surgery.measure.averages import average, cells_of, interval
from surgery.measure.masks import Dataset, detect, drawn_dataset, score

from .test_masks import COUNT, NAMES, SEED, Finds, truth


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return drawn_dataset(COUNT, SEED)


def shifted(dataset: Dataset, pixels: float):  # type: ignore[no-untyped-def]
    found = detect(truth(pixels), dataset, NAMES)
    return found, cells_of(dataset.coco, found, "segm")


@pytest.mark.parametrize("pixels", [0.0, 1.0, 3.0])
def test_the_average_over_all_pictures_is_that_of_pycocotools(
    dataset: Dataset, pixels: float
) -> None:
    found, cells = shifted(dataset, pixels)
    expected = score(dataset.coco, found)["AP"]
    assert average(cells, range(COUNT)) == pytest.approx(expected, abs=1e-12)
    low, high = interval([cells], COUNT) or (np.nan, np.nan)
    assert low <= expected <= high


def test_a_network_that_finds_nothing_has_an_average_of_nought(dataset: Dataset) -> None:
    found = detect(lambda image: Finds([]), dataset, NAMES)
    cells = cells_of(dataset.coco, found, "segm")
    assert average(cells, range(COUNT)) == 0.0
    assert interval([cells], COUNT) == (0.0, 0.0)


def test_two_networks_are_compared_on_the_same_pictures(dataset: Dataset) -> None:
    (_, good), (_, bad) = shifted(dataset, 0.0), shifted(dataset, 2.0)
    low, high = interval([good, bad], COUNT) or (np.nan, np.nan)
    assert low <= high < 0
    assert interval([good, good], COUNT) == (0.0, 0.0)


def test_a_picture_drawn_twice_counts_twice(dataset: Dataset) -> None:
    _, cells = shifted(dataset, 1.0)
    alone = [average(cells, [index]) for index in range(COUNT)]
    low, high = interval([{k: {0: c[0], 1: c[0]} for k, c in cells.items() if 0 in c}], 2) or (0, 0)
    assert alone[0] is not None
    assert low == pytest.approx(alone[0], abs=0.02)
    assert high == pytest.approx(alone[0], abs=0.02)


def test_one_picture_says_nothing_of_others(dataset: Dataset) -> None:
    _, cells = shifted(dataset, 1.0)
    assert interval([cells], 1) is None
