"""ONNX graphs as data: names, shapes, files, running one, and operations on any graph.

The operations take a model and return another one; what they are given stays as it is. Each is a
file here, a step of ``task=graph`` (:mod:`.registry`), and a function of this package.
"""

from __future__ import annotations

from .extract import extract
from .insert import insert
from .merge import merge
from .remove import remove
from .rename import rename
from .split import split

__all__ = ["extract", "insert", "merge", "remove", "rename", "split"]
