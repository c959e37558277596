"""The steps of DARK and of its unbiased form as nodes, in double precision.

Zhang et al., "Distribution-Aware Coordinate Representation" (CVPR 2020) and Huang et al., "The
Devil Is in the Details" (CVPR 2020), as ``postprocess.decoders.keypoints`` computes them: the
logarithm of the blurred map at a few pixels around the maximum, and one Newton step. A step that is
not finite, or ends over a pixel outside of the map, is not taken.
"""

from __future__ import annotations

import numpy as np

from postprocess.decoders.keypoints import gaussian_kernel

from .nodes import Nodes
from .places import Places, clipped, gathered, inside

_SECOND = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_FAR = ((2, 0), (-2, 0), (0, 2), (0, -2))


def dark_step(nodes: Nodes, at: Places, kernel: int) -> str:
    """(N,K,2) float32: differences over two pixels, zeros outside of the map."""
    taps = [*_SECOND, *_FAR]
    xs, ys = _window(nodes, at, taps, kernel)
    inner = [_within(nodes, place, side) for place, side in ((xs, at.width), (ys, at.height))]
    values = gathered(nodes, at, xs, ys)
    values = nodes.op("Where", nodes.op("And", *inner), values, nodes.constant(0.0))
    blurred = _blurred(nodes, values, len(taps), kernel)
    log = nodes.op("Log", nodes.op("Max", blurred, nodes.constant(1e-10, np.float64)))
    step = _newton(
        nodes,
        _combined(nodes, log, taps, {(1, 0): 0.5, (-1, 0): -0.5}),
        _combined(nodes, log, taps, {(0, 1): 0.5, (0, -1): -0.5}),
        _combined(nodes, log, taps, {(2, 0): 0.25, (0, 0): -0.5, (-2, 0): 0.25}),
        _combined(nodes, log, taps, {(1, 1): 0.25, (1, -1): -0.25, (-1, 1): -0.25, (-1, -1): 0.25}),
        _combined(nodes, log, taps, {(0, 2): 0.25, (0, 0): -0.5, (0, -2): 0.25}),
    )
    step = nodes.op("Where", inside(nodes, at, 1.0, 2.0), step, nodes.constant(0.0, np.float64))
    return _checked(nodes, at, step)


def dark_udp_step(nodes: Nodes, at: Places, kernel: int) -> str:
    """(N,K,2) float32: differences over one pixel, the border reflected."""
    taps = list(_SECOND)
    xs, ys = _window(nodes, at, taps, kernel, border=True)
    values = gathered(nodes, at, xs, ys)
    blurred = _blurred(nodes, values, len(taps), kernel)
    least, most = nodes.constant(1e-3, np.float64), nodes.constant(50.0, np.float64)
    log = nodes.op("Log", nodes.op("Min", nodes.op("Max", blurred, least), most))
    ridge = nodes.constant(float(np.finfo(np.float32).eps), np.float64)
    step = _newton(
        nodes,
        _combined(nodes, log, taps, {(1, 0): 0.5, (-1, 0): -0.5}),
        _combined(nodes, log, taps, {(0, 1): 0.5, (0, -1): -0.5}),
        nodes.op(
            "Add", _combined(nodes, log, taps, {(1, 0): 1.0, (0, 0): -2.0, (-1, 0): 1.0}), ridge
        ),
        _combined(
            nodes,
            log,
            taps,
            {
                (1, 1): 0.5,
                (1, 0): -0.5,
                (0, 1): -0.5,
                (0, 0): 1.0,
                (-1, 0): -0.5,
                (0, -1): -0.5,
                (-1, -1): 0.5,
            },
        ),
        nodes.op(
            "Add", _combined(nodes, log, taps, {(0, 1): 1.0, (0, 0): -2.0, (0, -1): 1.0}), ridge
        ),
    )
    return _checked(nodes, at, step)


def _window(
    nodes: Nodes, at: Places, taps: list[tuple[int, int]], kernel: int, border: bool = False
) -> tuple[str, str]:
    """(N,K,T*kernel*kernel) coordinates of the pixels that the blur at each tap reads.

    With ``border``, taps are held within the map and what lies beyond is reflected.
    """
    radius = kernel // 2
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1)
    found = []
    for axis, place, side in ((0, at.x, at.width), (1, at.y, at.height)):
        reach = np.repeat([tap[axis] for tap in taps], kernel * kernel)
        around = np.tile(columns if axis == 0 else rows, len(taps))
        if border:
            middle = clipped(nodes, nodes.op("Add", place, nodes.constant(reach)), side)
            wide = nodes.op("Add", middle, nodes.constant(around))
            found.append(_reflected(nodes, wide, side))
        else:
            found.append(nodes.op("Add", place, nodes.constant(reach + around)))
    return found[0], found[1]


def _within(nodes: Nodes, place: str, side: str) -> str:
    low = nodes.op("Greater", place, nodes.constant(-1.0))
    return nodes.op("And", low, nodes.op("Less", place, side))


def _reflected(nodes: Nodes, place: str, side: str) -> str:
    """...2 1 | 0 1 2 ...: the border reflected without repeating it."""
    one = nodes.constant(1.0)
    period = nodes.op("Mul", nodes.op("Sub", side, one), nodes.constant(2.0))
    folded = nodes.op("Mod", nodes.op("Abs", place), nodes.op("Max", period, one), fmod=1)
    return nodes.op("Min", folded, nodes.op("Sub", period, folded))


def _blurred(nodes: Nodes, values: str, taps: int, kernel: int) -> str:
    """(N,K,T) float64 from (N,K,T*kernel*kernel)."""
    weights = gaussian_kernel(kernel)
    each = nodes.cast(nodes.reshape(values, 0, 0, taps, kernel * kernel), np.float64)
    product = nodes.op("Mul", each, nodes.constant(np.outer(weights, weights).ravel(), np.float64))
    return nodes.reduce("ReduceSum", product, 3)


def _combined(
    nodes: Nodes, log: str, taps: list[tuple[int, int]], factors: dict[tuple[int, int], float]
) -> str:
    """(N,K,1) a weighted sum over the taps."""
    weights = [factors.get(tap, 0.0) for tap in taps]
    product = nodes.op("Mul", log, nodes.constant(weights, np.float64))
    return nodes.reduce("ReduceSum", product, 2, keep=True)


def _newton(nodes: Nodes, gx: str, gy: str, hxx: str, hxy: str, hyy: str) -> str:
    """(N,K,2) -H^-1 g; not finite where H is singular."""

    def cross(a: str, b: str, c: str, d: str) -> str:
        return nodes.op("Sub", nodes.op("Mul", a, b), nodes.op("Mul", c, d))

    determinant = cross(hxx, hyy, hxy, hxy)
    x = nodes.op("Div", cross(hxy, gy, hyy, gx), determinant)
    y = nodes.op("Div", cross(hxy, gx, hxx, gy), determinant)
    return nodes.op("Concat", x, y, axis=2)


def _checked(nodes: Nodes, at: Places, step: str) -> str:
    """The step in float32, nothing where it leads over a pixel beyond the map."""
    points = nodes.cast(nodes.op("Concat", at.x, at.y, axis=2), np.float64)
    sides = nodes.cast(nodes.op("Concat", at.width, at.height, axis=0), np.float64)
    to = nodes.op("Add", points, step)
    usable = nodes.op(
        "And",
        nodes.at_least(to, nodes.constant(-1.0, np.float64)),
        nodes.at_least(sides, to),
    )
    both = nodes.reduce("ReduceMin", nodes.cast(usable, np.float32), 2, keep=True)
    good = nodes.op("Greater", both, nodes.constant(0.5))
    return nodes.cast(nodes.op("Where", good, step, nodes.constant(0.0, np.float64)), np.float32)
