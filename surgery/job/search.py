"""``dcn=searched``: layer by layer the cheapest replacement that keeps a given agreement.

Every layer may become an ordinary convolution, small or large, or stay deformable in the most
exact form that the target runs (native, decomposed or shifted). The layers are ordered by how much
the outputs suffer when one alone is replaced, per number that its sampling reads; then
networks that keep more and more of the layers at the front of that order exact are fitted jointly
by least squares, and measured: agreement with the untouched network, latency, operators. What is
chosen is the fastest that keeps the agreement asked for; it gets its last fit by distillation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn

from ..config.run import Config
from ..fitting import Fitted, Settings, fit_weights
from ..network.load import Model
from ..rewrites.dcn import DeformLayer, OffsetStatistics, describe
from ..support.progress import Progress
from ..targets import Target
from .case import Case
from .fits import image_source, output_specs, reading_of
from .strategy import Strategy, exact_form, opset_for
from .trial import Candidate, agreement, attempt, latency

SMALL, LARGE = 3, 7  # kernels of ordinary convolutions
ALONE = 16  # images at most, to see what one layer alone costs
STEPS = 5  # networks between no layer exact and all of them


@dataclass(frozen=True)
class Measured:
    """What a network with some layers replaced is worth.

    Attributes:
        agreement: share of both networks' sure instances that the other finds too, 0 to 1.
        latency: median milliseconds of the backbone in ONNX Runtime; None where it does not run.
        operators: nodes by operator.
    """

    agreement: float
    latency: float | None
    operators: Mapping[str, int]


@dataclass(frozen=True)
class Point:
    """One network of the search.

    Attributes:
        exact: paths of the layers that stay deformable.
        kernels: of the others, by path.
        measured: what it is worth, after a least-squares fit.
        front: no other point is both faster and closer to the untouched network.
    """

    exact: tuple[str, ...]
    kernels: Mapping[str, int]
    measured: Measured
    front: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """The outcome: all points, which of them was chosen, and why."""

    points: Sequence[Point]
    chosen: int
    form: str | None
    reason: str

    @property
    def rewrites(self) -> dict[str, str]:
        """Rewrite by layer path, of the chosen point."""
        point = self.points[self.chosen]
        return {
            **dict.fromkeys(point.exact, f"dcn.{self.form}"),
            **dict.fromkeys(point.kernels, "dcn.distilled"),
        }


def search(
    case: Case,
    candidate: Candidate,
    paths: Sequence[str],
    target: Target,
    progress: Progress,
) -> Found:
    """Search over the deformable layers at ``paths``.

    Args:
        case: of the run.
        candidate: its opset, and the offset statistics of the layers.
        paths: layers to decide on.
        target: whose operators may be used.
        progress: receives status messages.

    Raises:
        InputError: the network cannot be fitted.
    """
    config, model = case.config, case.model
    form = exact_form(target)
    with progress.stage(f"search: what each of {len(paths)} layers costs the outputs"):
        errors = {}
        for path in paths:
            errors[path] = _error(config, model, {path: SMALL})
            progress.say(f"  {path}: {errors[path]:.3g} with a {SMALL}x{SMALL} convolution")
    seen = candidate.measured.of(OffsetStatistics)
    costs = {path: seen[path].samples * _samples(model.module, path) for path in paths}
    order = sorted(paths, key=lambda path: -errors[path] / costs[path])
    points: list[Point] = []
    for count in _counts(len(order)):
        ahead, behind = order[:count], order[count:]
        kernels = dict.fromkeys(behind, SMALL)
        if form is None:
            kernels |= dict.fromkeys(ahead, LARGE)
        what = f"{count} of {len(order)} layers {form or f'{LARGE}x{LARGE}'}"
        with progress.stage(f"search: fit and measure a network with {what}"):
            exact = tuple(ahead) if form else ()
            images = config.surgery.search.images
            fitted = _fit(config, model, kernels, images).modules if kernels else {}
            rewrites = dict.fromkeys(exact, f"dcn.{form}") | {
                path: "dcn.calibrated" if path in kernels else "fitted" for path in fitted
            }
            opset = opset_for(rewrites.values(), candidate.strategy.opset)
            strategy = Strategy("searched", rewrites, opset, "")
            tried = replace(candidate, strategy=strategy, fitted=fitted)
            points.append(Point(exact, kernels, _measured(case, tried)))
    points = front(points)
    wanted = config.surgery.search.agreement
    chosen, reason = choose(points, wanted)
    return Found(points, chosen, form, reason)


def _measured(case: Case, candidate: Candidate) -> Measured:
    tried = attempt(case, candidate)
    time = latency(case, tried.graph)
    return Measured(agreement(tried.to_json()), time, tried.operators)


def _counts(layers: int) -> list[int]:
    """How many layers are kept ahead, from none to all."""
    return sorted({round(layers * step / STEPS) for step in range(STEPS + 1)})


def _error(config: Config, model: Model, kernels: Mapping[str, int]) -> float:
    """Error of all outputs on held-back images with some layers replaced, 0 for none."""
    images = min(ALONE, config.surgery.search.images)
    summary = _fit(config, model, kernels, images, refit=False).summary
    return sum(value for name, value in summary.items() if name.startswith("calibrated."))


def _fit(
    config: Config, model: Model, kernels: Mapping[str, int], images: int, *, refit: bool = True
) -> Fitted:
    """Fit convolutions to layers by least squares."""
    settings = Settings(
        "calibrated",
        seed=config.seed,
        images=images,
        refit=refit,
        layers=dict(kernels),
        outputs=output_specs(model),
    )
    source = image_source(config)
    reading = reading_of(model, config)
    return fit_weights(model.module, source, settings, reading, workers=0, progress=_silent)


def _silent(_: object) -> None:
    pass


def _samples(model: nn.Module, path: str) -> int:
    """Numbers that a layer samples for each pixel: what its being deformable costs."""
    layer = describe(model.get_submodule(path))
    assert isinstance(layer, DeformLayer)
    return layer.geometry.in_channels * layer.geometry.taps


def front(points: Sequence[Point]) -> list[Point]:
    """Mark the points that no other one beats in both latency and agreement."""

    def beaten(point: Point) -> bool:
        mine = point.measured
        return mine.latency is None or any(
            other.measured.latency is not None
            and other.measured.latency <= mine.latency
            and other.measured.agreement >= mine.agreement
            and (other.measured.latency, -other.measured.agreement)
            != (mine.latency, -mine.agreement)
            for other in points
        )

    return [replace(point, front=not beaten(point)) for point in points]


def choose(points: Sequence[Point], wanted: float) -> tuple[int, str]:
    """Index of the fastest point that agrees well enough, else of the one that agrees best."""

    def speed(index: int) -> float:
        latency = points[index].measured.latency
        return float("inf") if latency is None else latency

    indices = range(len(points))
    good = [i for i in indices if points[i].measured.agreement >= wanted]
    if good:
        best = min(good, key=speed)
        return best, f"the fastest of {len(points)} that keeps {wanted:.0%} of the instances"
    best = max(indices, key=lambda i: (points[i].measured.agreement, -speed(i)))
    reached = points[best].measured.agreement
    return best, (
        f"none of {len(points)} keeps {wanted:.0%} of the instances before distillation; this one "
        f"keeps the most, {reached:.0%}"
    )
