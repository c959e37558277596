"""Unit outlines of the drawn objects, one function a class.

Every function takes a random generator and returns a closed polygon (P, 2) float32 around the
origin, x before y, with a reach of about 1 and its corners kept as corners. Rotation, scale and
deformation are applied later (`objects.py`), so that a class is its silhouette and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Outline = Callable[[np.random.Generator], Points]

_SMOOTH = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)


def _polar(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> Points:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def _edges(corners: Points, per_edge: int = 8) -> Points:
    """Corners joined by straight edges of `per_edge` points each."""
    share = (np.arange(per_edge, dtype=np.float32) / per_edge)[None, :, None]
    ahead = np.roll(corners, -1, axis=0)
    points = corners[:, None] * (1 - share) + ahead[:, None] * share
    return points.reshape(-1, 2).astype(np.float32)


def ellipse(rng: np.random.Generator) -> Points:
    """A circle, which stretching makes an ellipse."""
    return _polar(np.ones_like(_SMOOTH), _SMOOTH)


def rectangle(rng: np.random.Generator) -> Points:
    """A square, which stretching makes a rectangle."""
    return _edges(np.array([[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]], np.float32), 12)


def triangle(rng: np.random.Generator) -> Points:
    """Three corners on the unit circle, up to 11 degrees off the regular ones."""
    angle = np.array([0.0, 2.0, 4.0]) * np.pi / 3 + rng.uniform(-0.2, 0.2, 3)
    return _edges(_polar(np.ones(3), angle), 16)


def star(rng: np.random.Generator) -> Points:
    """Five tips, the dents at about half their reach."""
    radius = np.tile([1.0, rng.uniform(0.42, 0.52)], 5)
    return _edges(_polar(radius, np.arange(10) * np.pi / 5), 6)


def cross(rng: np.random.Generator) -> Points:
    """Two bars of a random width, crossed."""
    a = rng.uniform(0.26, 0.36)
    corners = [(a, 1), (a, a), (1, a), (1, -a), (a, -a), (a, -1)]
    corners += [(-x, -y) for x, y in corners]
    return _edges(np.array(corners, np.float32), 5)


def heart(rng: np.random.Generator) -> Points:
    """The usual parametric heart."""
    t = _SMOOTH
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    points = np.stack([16 * np.sin(t) ** 3, -y - 2.5], axis=1) / 16
    return points.astype(np.float32)


def crescent(rng: np.random.Generator) -> Points:
    """A disc less a smaller, shifted disc: the outer arc, then the inner arc back."""
    shift, inner = rng.uniform(0.42, 0.55), rng.uniform(0.72, 0.8)
    meet = (1 + shift**2 - inner**2) / (2 * shift)
    outer_end = np.arccos(meet)
    inner_end = np.arctan2(np.sqrt(1 - meet**2), meet - shift)
    outer = np.linspace(outer_end, 2 * np.pi - outer_end, 48)
    back = np.linspace(2 * np.pi - inner_end, inner_end, 36)[1:-1]
    hollow = _polar(np.full_like(back, inner), back) + np.array([shift, 0], np.float32)
    return np.concatenate([_polar(np.ones_like(outer), outer), hollow])


def flower(rng: np.random.Generator) -> Points:
    """Five to seven round petals around a disc."""
    petals = int(rng.integers(5, 8))
    angle = np.linspace(0.0, 2.0 * np.pi, 96, endpoint=False)
    return _polar(0.66 + 0.34 * np.abs(np.sin(petals * angle / 2)), angle)


def cell(rng: np.random.Generator) -> Points:
    """A blob: the radius is a random Fourier series of low order."""
    radius = np.ones_like(_SMOOTH)
    for order in (2, 3, 4, 5):
        radius += rng.normal(0, 0.16 / order) * np.cos(order * _SMOOTH + rng.uniform(0, 2 * np.pi))
    return _polar(radius / radius.max(), _SMOOTH)


def leaf(rng: np.random.Generator) -> Points:
    """Two arcs that meet in tips, bent along the midrib, with a serrated margin."""
    t = np.linspace(-1, 1, 40)
    width = rng.uniform(0.35, 0.55) * (1 - t**2) ** rng.uniform(0.7, 1.0)
    width *= 1 + 0.06 * np.sin(t * np.pi * rng.integers(6, 12))
    midrib = rng.uniform(-0.25, 0.25) * t**2
    upper = np.stack([t, midrib + width], axis=1)
    lower = np.stack([t, midrib - width], axis=1)[::-1][1:-1]
    return np.concatenate([upper, lower]).astype(np.float32)


def tile(rng: np.random.Generator) -> Points:
    """An irregular convex polygon with five to seven corners."""
    count = int(rng.integers(5, 8))
    angle = (np.arange(count) + rng.uniform(-0.28, 0.28, count)) * 2 * np.pi / count
    return _edges(_polar(rng.uniform(0.85, 1.0, count), angle), 10)


SHAPES: dict[str, Outline] = {
    "ellipse": ellipse,
    "rectangle": rectangle,
    "triangle": triangle,
    "star": star,
    "cross": cross,
    "heart": heart,
    "crescent": crescent,
    "flower": flower,
}
CELLS: dict[str, Outline] = {"cell": cell, "leaf": leaf, "tile": tile}
