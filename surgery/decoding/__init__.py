"""Decoding as nodes of the graph, for those who want it inside: the same numbers, other costs.

The run time decodes outside of the graph, since targets refuse or split on what decoding needs
(TopK, GatherElements, Mod). Where the run time takes these, a graph that gives boxes, contours or
keypoints by itself is easier to embed.
"""

from __future__ import annotations

from .check import require_same
from .write import WRITERS, decoding, require_writer, with_decoding

__all__ = ["WRITERS", "decoding", "require_same", "require_writer", "with_decoding"]
