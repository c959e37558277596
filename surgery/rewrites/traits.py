"""What the main job knows of a strategy for deformable layers: stated by the rewrite itself.

A rewrite whose name begins with ``dcn.`` is a strategy. Its attribute ``traits`` says when
``surgery.dcn=auto`` and ``searched`` may choose it, what it has to be given, and what may stand in
a layer's place afterwards. A rewrite without ``traits`` is used where its name is given, and
nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

STRATEGY = "dcn."  # what the name of a strategy's rewrite begins with
_CONVOLUTION = frozenset({"Conv"})


@dataclass(frozen=True)
class Traits:
    """Facts about one strategy.

    Attributes:
        operators: ONNX operators that a target must have before the strategy is chosen for it.
        accuracy: rank among those that ``dcn=auto`` tries, the lowest first, which should be the
            most accurate: 10 for native, 20 for decomposed, 30 for distilled. None: only by name.
        speed: rank among the forms in which ``dcn=searched`` keeps layers exact, the lowest, which
            should be the fastest, first: 10 for native, 20 for decomposed, 30 for shifted. None:
            it is no such form.
        offsets: whether it needs the :class:`~surgery.rewrites.dcn.OffsetStatistics` of the layer.
            What else it has to see on images it finds with a method ``measure``
            (:class:`~surgery.rewrites.measuring.Measuring`).
        fit: "calibrated" (least squares) or "distilled" (training) where it needs a
            :class:`~surgery.rewrites.fitted.FittedConvolution` from that fit, otherwise "".
        leaves: operators that may stand in a layer's place after the export, where it leaves
            ordinary convolutions. The export is refused where there is another one. None: any.
    """

    operators: tuple[str, ...] = ()
    accuracy: int | None = None
    speed: int | None = None
    offsets: bool = False
    fit: str = ""
    leaves: frozenset[str] | None = None


CONVOLUTION = Traits(leaves=_CONVOLUTION)
WIDENED = _CONVOLUTION | {"Relu", "Concat"}  # what is left of a fitted convolution


def traits_of(rewrite: object) -> Traits:
    """The traits that a rewrite states; those of one that is used by name alone otherwise."""
    stated = getattr(rewrite, "traits", None)
    return stated if isinstance(stated, Traits) else Traits()
