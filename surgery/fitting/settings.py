"""Settings of a fit, and what may be said about the network's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from postprocess.errors import InputError

STRATEGIES = ("calibrated", "distilled")


@dataclass(frozen=True)
class OutputSpec:
    """What an output means, so that its error is measured where it matters.

    Attributes:
        kind: "values": a regression or a feature. "logits": a heatmap of classes before the
            sigmoid; errors count by what they do to probabilities, near peaks above all.
        counts_at: name of a "logits" output of the same height and width: this output is only read
            at that one's peaks (sizes and offsets regressed at object centres).
        weight: factor of this output's loss.
    """

    kind: Literal["values", "logits"] = "values"
    counts_at: str | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Settings:
    """Everything that the result of a fit depends on beside the network and the images.

    Attributes:
        strategy: "calibrated" or "distilled".
        kernel: height and width of the fitted convolutions; a layer's own where that is larger.
            0 spends the multiply-adds that the offset convolutions no longer need on larger
            kernels, smallest maps first.
        hidden: channels computed beside the input of each fitted convolution, 0 for none
            (:mod:`surgery.rewrites.dcn.widened`); a distillation trains them.
        minutes: time that a distillation may take in all.
        steps: fixed number of training steps instead of a time.
        seed: of everything random.
        images: how many images the least-squares fit goes over at most.
        refit: whether the ordinary convolutions behind the deformable layers are fitted too.
        layers: kernels of the deformable layers to fit, by path; None for all with ``kernel``.
            Others stay as they are.
        outputs: what is known of the outputs, by name.
    """

    strategy: str = "distilled"
    kernel: int = 3
    hidden: int = 48
    minutes: float = 5.0
    steps: int | None = None
    seed: int = 0
    images: int = 256
    refit: bool = True
    layers: Mapping[str, int] | None = None
    outputs: Mapping[str, OutputSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InputError(
                f"unknown strategy {self.strategy!r}: choose one of {', '.join(STRATEGIES)}"
            )
        for kernel in (self.kernel, *(self.layers or {}).values()):
            if kernel < 0 or (kernel and kernel % 2 == 0):
                raise InputError(f"kernel expects an odd size (3, 5, 7) or 0, got {kernel}")
        if self.hidden < 0:
            raise InputError(f"hidden expects a number of channels, 0 for none, got {self.hidden}")
        if not self.minutes > 0 or (self.steps is not None and self.steps < 1):
            raise InputError(
                f"minutes and steps are positive, got minutes={self.minutes}, steps={self.steps}"
            )
        for name, spec in self.outputs.items():
            if spec.counts_at is not None and spec.counts_at not in self.outputs:
                raise InputError(
                    f"output {name!r} counts at the peaks of {spec.counts_at!r}, which has no "
                    "OutputSpec: add OutputSpec(kind='logits') for it"
                )

    def to_json(self) -> dict[str, Any]:
        """Plain values as JSON gives them back, the same for the same settings."""
        return asdict(self)
