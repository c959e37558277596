"""What symbolics that move values about need to know of sizes."""

from __future__ import annotations

from postprocess.errors import InputError

from .base import Nodes, Value


def like(nodes: Nodes, value: Value, other: Value) -> Value:
    """Return ``value`` in the shape of ``other``, which has as many elements.

    One open size is left to Reshape (-1), so that targets without Shape take the graph.
    """
    sizes = nodes.shape(other)
    if sizes is None or sizes.count(None) > 1:
        return nodes.op("Reshape", value, nodes.op("Shape", other))
    return nodes.op("Reshape", value, nodes.constant([-1 if s is None else s for s in sizes]))


def known_image(nodes: Nodes, x: Value) -> tuple[int, int, int] | None:
    """Return the channels, height and width of x (N, C, H, W), None where one of them is open."""
    sizes = nodes.shape(x)
    if sizes is None or len(sizes) != 4:
        return None
    _, channels, height, width = sizes
    if channels is None or height is None or width is None:
        return None
    return channels, height, width


def known_channels(nodes: Nodes, x: Value, name: str) -> int:
    """Return the channels of x (N, C, H, W), for the symbolic called ``name``.

    Raises:
        InputError: they are not known while exporting.
    """
    sizes = nodes.shape(x)
    channels = None if sizes is None or len(sizes) != 4 else sizes[1]
    if channels is None:
        raise InputError(
            f"symbolic {name!r} is written for images (N, C, H, W) of known C, got {sizes}: "
            f"surgery.symbolics.skip=[{name}]"
        )
    return channels
