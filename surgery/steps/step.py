"""What a step of ``task=graph`` is, and how one says what has to come out of it.

A step is an operation on a graph with its parameters read from the configuration. It returns the
new graph together with a way to check it: given inputs for the graph before, the inputs for the
graph after and what that must give for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import onnx

from postprocess.fields import Field

from ..graph.run import Array, run

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Expected:
    """What the graph after a step is run on, and what it must give.

    Attributes:
        feeds: arrays by input name.
        outputs: arrays by output name.
    """

    feeds: Arrays
    outputs: Arrays


@dataclass(frozen=True)
class Change:
    """What a step made of a graph.

    Attributes:
        models: the graph after it; several, each fed by those before it, where it was split.
        where: the tensors or nodes it was about, for the ledger.
        reason: what is to be known about it.
        expect: takes inputs of the graph before and returns what must come out; None where the
            step changes what the graph computes, on the same inputs.
    """

    models: tuple[onnx.ModelProto, ...]
    where: str
    reason: str = ""
    expect: Callable[[Arrays], Expected] | None = None


class Step(Protocol):
    """One operation on a graph; stateless."""

    @property
    def name(self) -> str:
        """What users call it in ``graph.steps``."""

    @property
    def summary(self) -> str:
        """One line for lists."""

    @property
    def exact(self) -> bool:
        """Whether what it leaves of the graph computes what it computed."""

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        """Return the change; ``model`` stays as it is.

        Args:
            model: the graph so far.
            argument: what the configuration says of this step.

        Raises:
            InputError: the argument does not fit the step, or not this graph.
        """


def same_outputs(before: onnx.ModelProto) -> Callable[[Arrays], Expected]:
    """The expectation that the same inputs give the same outputs as ``before``."""
    return lambda feeds: Expected(feeds, run(before, feeds))
