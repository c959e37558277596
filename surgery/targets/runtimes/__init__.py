"""Run times that can open a graph here, where they are installed: one file each.

They are optional: :meth:`Runtime.version` says whether one is there, and :meth:`Runtime.load` of a
missing one says what to install. A graph that such a run time has never seen may kill the process;
:func:`~surgery.targets.trial.attempt` therefore opens it in a child.
"""

from __future__ import annotations

from .base import Array, Runtime, Session
from .registry import RUNTIMES

__all__ = ["RUNTIMES", "Array", "Runtime", "Session"]
