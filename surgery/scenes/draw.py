"""One drawn scene with its true masks, from (seed, index, domain) alone.

Domains: "shapes", which the demo contour networks are trained on; "cells", drawn by other rules
and in other colours, for fits on images that a network was not trained on; "figures" for the
keypoint network (figures.py). A scene depends on its seed, index, size and domain only, never on
what was drawn before, so any process can draw any scene in any order.

Seeds name disjoint streams: numpy's SeedSequence hashes (seed, domain, index), so two seeds never
share a scene. Training takes seeds from TRAINING_SEED on; EVALUATION_SEED and FITTING_SEED, and
every seed below TRAINING_SEED, are never trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InputError

from .figures import FIGURES, FigureDomain, draw_figures
from .objects import Sizes, admit, paint, rasterise, transform
from .outlines import CELLS, SHAPES, Outline, Points
from .scene import Instance, Scene
from .textures import PATTERNS, TISSUE, Image, Rng, blend, cloud, pattern

TRAINING_SEED = 1_000_000
EVALUATION_SEED = 2026
FITTING_SEED = 4052


@dataclass(frozen=True)
class Domain:
    """What a family of scenes is drawn from; counts are for an image of 128 x 128 pixels."""

    tag: int
    outlines: Mapping[str, Outline]
    patterns: tuple[str, ...]
    count: tuple[int, int]
    sizes: Sizes

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; an instance's label is an index into them."""
        return tuple(self.outlines)


DOMAINS: dict[str, Domain | FigureDomain] = {
    "shapes": Domain(0, SHAPES, PATTERNS, (2, 6), Sizes(22.0, 70.0, 0.62)),
    "cells": Domain(1, CELLS, TISSUE, (5, 12), Sizes(16.0, 56.0, 0.75)),
    "figures": FIGURES,
}


def domain_named(name: str) -> Domain | FigureDomain:
    """The domain of that name; InputError lists the names when there is none."""
    if name not in DOMAINS:
        raise InputError(f"unknown scene domain '{name}': choose one of {', '.join(DOMAINS)}")
    return DOMAINS[name]


def draw(seed: int, index: int, size: int = 128, domain: str = "shapes") -> Scene:
    """Scene number `index` of the stream `seed`: `size` x `size` pixels, objects in proportion.

    Objects keep their size in pixels; a larger image holds more of them. Raises InputError for
    negative seeds or indices, a size below 64 and unknown domains.
    """
    rules = domain_named(domain)
    if seed < 0 or index < 0:
        raise InputError(f"scene seed and index are 0 or more, got seed {seed}, index {index}")
    if size < 64:
        raise InputError(f"a drawn scene is at least 64 pixels wide, got {size}")
    rng = np.random.default_rng(np.random.SeedSequence([seed, rules.tag, index]))
    if isinstance(rules, FigureDomain):
        image = _plain_backdrop(rng, size)
        figures = draw_figures(rng, image)
        return Scene(_photograph(rng, image), figures)
    backdrop = _shapes_backdrop if domain == "shapes" else _cells_backdrop
    image = backdrop(rng, size)
    labels = np.zeros((size, size), np.int16)
    instances = _place(rng, rules, image, labels)
    scene = [Instance(label, line, labels == i) for i, (label, line) in enumerate(instances, 1)]
    return Scene(_photograph(rng, image), scene)


def _place(
    rng: Rng, rules: Domain, image: Image, labels: NDArray[np.int16]
) -> list[tuple[int, Points]]:
    size = len(labels)
    low, high = rules.count
    wanted = max(1, round(int(rng.integers(low, high + 1)) * (size / 128) ** 2))
    outlines = list(rules.outlines.values())
    areas: list[float] = []
    placed: list[tuple[int, Points]] = []
    for _ in range(3 * wanted):
        label = int(rng.integers(len(outlines)))
        outline = transform(rng, outlines[label](rng), rules.sizes, size)
        patch = rasterise(outline, size)
        if patch is None or not admit(labels, areas, patch):
            continue
        rows, columns = patch.window()
        behind = image[rows, columns].mean((0, 1))
        colours = _tissue_colours(rng) if rules.tag else _contrasting(rng, behind)
        paint(rng, image, patch, rules.patterns, colours)
        if rules.tag and label == 0:
            _nucleus(rng, image, outline)
        placed.append((label, outline))
        if len(placed) == wanted:
            break
    return placed


def _contrasting(rng: Rng, behind: Image) -> Image:
    """Two fill colours, the first at least 60 levels from what lies behind."""
    colours: Image = rng.uniform(0, 255, (6, 3)).astype(np.float32)
    distance = np.abs(colours - behind).max(1)
    first = int(np.argmax(distance >= 60)) if (distance >= 60).any() else int(distance.argmax())
    second = colours[5] if rng.random() < 0.7 else colours[first] * np.float32(0.7)
    return np.stack([colours[first], second])


def _shapes_backdrop(rng: Rng, size: int) -> Image:
    image = _plain_backdrop(rng, size)
    for _ in range(int(rng.integers(0, 7) * (size / 128) ** 2)):
        ends = rng.integers(0, size, 4).tolist()
        colour = rng.uniform(0, 255, 3).tolist()
        cv2.line(image, ends[:2], ends[2:], colour, int(rng.integers(1, 4)), cv2.LINE_8)
    for _ in range(int(rng.integers(0, 6) * (size / 128) ** 2)):
        centre = rng.integers(0, size, 2).tolist()
        colour = rng.uniform(0, 255, 3).tolist()
        cv2.circle(image, centre, int(rng.integers(1, 5)), colour, -1, cv2.LINE_8)
    return image


def _plain_backdrop(rng: Rng, size: int) -> Image:
    """Two colours in a pattern, under coloured clouds."""
    colours = rng.uniform(20, 235, (2, 3)).astype(np.float32)
    kind = PATTERNS[int(rng.integers(len(PATTERNS)))]
    weight = pattern(rng, size, size, kind) * np.float32(0.5)
    image: Image = blend(weight, colours[0], colours[1])
    image += (cloud(rng, size, size, int(rng.integers(3, 12)), 3) - np.float32(0.5)) * 90
    return image


def _cells_backdrop(rng: Rng, size: int) -> Image:
    pale = np.array([215, 200, 225], np.float32) + rng.uniform(-25, 25, 3).astype(np.float32)
    image = blend(pattern(rng, size, size, "veins") * np.float32(0.25), pale, pale * 0.6)
    image += (cloud(rng, size, size, 16, 3) - np.float32(0.5)) * 50
    for _ in range(int(rng.integers(5, 30) * (size / 128) ** 2)):
        centre = rng.integers(0, size, 2).tolist()
        colour = (pale * rng.uniform(0.4, 0.9)).tolist()
        cv2.circle(image, centre, int(rng.integers(1, 3)), colour, -1, cv2.LINE_8)
    return image


def _tissue_colours(rng: Rng) -> Image:
    """Stains: purple, pink, green or teal, with their darker shade."""
    stains = np.array([[150, 60, 110], [160, 110, 210], [70, 140, 90], [140, 130, 50]], np.float32)
    stain = stains[int(rng.integers(4))] + rng.uniform(-30, 30, 3).astype(np.float32)
    pair: Image = np.stack([stain, stain * np.float32(rng.uniform(0.4, 0.8))])
    return pair.clip(0, 255)


def _nucleus(rng: Rng, image: Image, outline: Points) -> None:
    """A dark core inside a cell; it lies over the cell only, so masks do not change."""
    centre = outline.mean(0)
    patch = rasterise(centre + (outline - centre) * np.float32(rng.uniform(0.25, 0.45)), len(image))
    if patch is not None:
        dark = np.array([[90, 25, 60], [60, 15, 40]], np.float32)
        paint(rng, image, patch, ("speckle", "cloud"), dark)


def _photograph(rng: Rng, image: Image) -> NDArray[np.uint8]:
    """Light, lens and sensor: a lighting gradient, blur, noise, and 8 bits."""
    size = len(image)
    light = pattern(rng, size, size, "gradient") * np.float32(rng.uniform(0, 0.5))
    image = np.clip(image, 0, 255) * (np.float32(rng.uniform(0.95, 1.15)) - light)[:, :, None]
    blurred = cv2.GaussianBlur(image, (5, 5), rng.uniform(0.3, 1.0))
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noisy = blurred + noise * np.float32(rng.uniform(1, 9))
    return np.clip(noisy, 0, 255).astype(np.uint8)
