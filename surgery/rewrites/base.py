"""What a rewrite is: the contract that ours and other packages' rewrites satisfy by structure.

A rewrite looks at one module of a live network and says whether it can stand in for it, and why
not where it cannot; then it builds the replacement. Swapping it in and out is
:func:`surgery.rewrites.operate.rewriting`'s business alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn

from .calibration import Calibration


@dataclass(frozen=True)
class Match:
    """What a rewrite says of a module: accepted, declined with a reason, or none of its business.

    A ``reason`` belongs to a module of the kind that the rewrite works on which it still cannot
    take; such refusals go into the ledger. Modules of another kind (a ReLU for a convolution
    rewrite) have no reason and leave no trace.
    """

    accepted: bool
    reason: str = ""

    @classmethod
    def accept(cls) -> Match:
        """The rewrite can replace the module."""
        return cls(True)

    @classmethod
    def decline(cls, reason: str) -> Match:
        """The module is of the right kind, and cannot be replaced for this ``reason``."""
        return cls(False, reason)

    @classmethod
    def unrelated(cls) -> Match:
        """The module is of another kind."""
        return cls(False)


@dataclass(frozen=True)
class Context:
    """What a replacement may depend on beside the module.

    Attributes:
        opset: ONNX opset of the export to come.
        calibration: what was measured or fitted, by type and by the module's path in the model.
        options: settings by name, for example ``max_kernel``.
        exporter: of the export to come, "" where it is not known.
        target: of the export to come, "" where it is not known.
    """

    opset: int
    calibration: Calibration = field(default_factory=Calibration)
    options: Mapping[str, Any] = field(default_factory=dict)
    exporter: str = ""
    target: str = ""


@dataclass(frozen=True)
class Replacement:
    """A module to put in another's place, and what the ledger should say about it.

    Attributes:
        module: takes the same arguments in ``forward`` as what it replaces.
        exact: whether it computes the same function here; None: as the rewrite says.
        note: what a reader of the ledger should know, or "".
        effect: measured figures by name, or None.
        whole: False where the module keeps its children, which rewrites are then offered too.
    """

    module: nn.Module
    exact: bool | None = None
    note: str = ""
    effect: dict[str, float] | None = None
    whole: bool = True


class Rewrite(Protocol):
    """One way to replace one kind of module; stateless, so that one object serves every model.

    It may have a ``guard`` (:class:`surgery.rewrites.guard.Guard`) that says when it is wanted, a
    method ``measure`` (:class:`surgery.rewrites.measuring.Measuring`) that looks at the network on
    images, and, where it is a strategy for deformable layers, ``traits``
    (:class:`surgery.rewrites.traits.Traits`) by which the main job chooses and prepares it.
    """

    @property
    def name(self) -> str:
        """How it is asked for, for example "dcn.plain"."""

    @property
    def exact(self) -> bool:
        """Whether the replacement computes the same function, up to float rounding."""

    @property
    def summary(self) -> str:
        """What it puts in the module's place, in one line for people."""

    @property
    def min_opset(self) -> int:
        """Lowest ONNX opset that its replacement can be exported at."""

    def match(self, module: nn.Module) -> Match:
        """Say whether ``module`` can be replaced; must not change it."""

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement | Match:
        """Build what stands in for ``module``, which :meth:`match` accepted; must not change it.

        Where it turns out at this path, from the calibration for example, that it cannot stand in,
        a :class:`Match` says so as :meth:`match` would have.

        Args:
            module: what is replaced.
            path: its path in the model; "" for the model itself.
            context: opset, calibration and options.

        Raises:
            InputError: the context lacks what the rewrite needs, its calibration for example.
        """
