"""Reduce the precision of a bundle's graphs, and keep sensitive layers in float32.

The reference is the same graphs in float32, in ONNX Runtime, on pictures that are held back from
the calibration. A loss beyond the bound is not hidden: the graphs are made all the same, and the
verdict says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import onnx

from postprocess.instances import Array

from ..graph.storage import bytes_of
from ..measure.latency import in_turn
from ..network.run import Run
from ..support.ledger import Entry, Ledger
from ..support.progress import Progress
from .execution import Execution, Feeds
from .fp16 import LARGEST, overflowing, to_float16
from .int8 import to_int8
from .loss import BOUNDS, Bound, Loss, loss, noise
from .nodes import named, weighted
from .ranges import Ranges, tensor_ranges
from .sensitivity import fewest, ranking
from .trial import Trial

RANKING_PICTURES = 2  # held-back pictures on which the layers are ranked
RANKING_SECONDS = 90.0
TIMING_SECONDS = 2.0


@dataclass(frozen=True)
class Reduction:
    """Graphs of reduced precision and what that costs.

    Attributes:
        precision: "fp16" or "int8".
        graphs: by name; all of the bundle's, inputs and outputs in float32.
        loss: on the held-back pictures.
        bound: that it was to keep.
        latency: of the backbone in ONNX Runtime, median milliseconds, before and after.
        kept: layers with weights that stay in float32; ``layers`` of them there are.
        pictures: held-back pictures.
    """

    precision: str
    graphs: Mapping[str, onnx.ModelProto]
    loss: Loss
    bound: Bound
    latency: tuple[float, float]
    kept: int
    layers: int
    pictures: int

    @property
    def text(self) -> str:
        """The result, in one line."""
        beyond = self.bound.beyond(self.loss)
        cost = (
            f"surgery.precision={self.precision}: {self.kept} of {self.layers} layers stay in "
            f"float32; on {self.pictures} held-back pictures the noise is {self.loss.worst:.2g} of "
            f"the outputs, {self.loss.lost:.1%} of the instances differ, contours are "
            f"{self.loss.distance:.2g} px apart, and the backbone takes {self.latency[1]:.3g} ms "
            f"instead of {self.latency[0]:.3g} in ONNX Runtime"
        )
        return f"{cost}: not good enough: {'; '.join(beyond)}" if beyond else cost

    def judged(self, verdict: Mapping[str, Any], beyond: Sequence[str]) -> dict[str, Any]:
        """The run's verdict with the precision's.

        Args:
            verdict: on the strategy, in float32.
            beyond: outputs that differ by more than the bound on the run's own picture.
        """
        text, good = self.text, not self.bound.beyond(self.loss) and not beyond
        if beyond:
            text += f"; {', '.join(beyond)} beyond the bound on the run's picture"
        if not good:
            text += f": do not ship it, surgery.precision=fp32 is {_quality(verdict)}"
        judged = {
            "good": bool(verdict["good"]) and good,
            "text": f"{verdict['text']} {text}.",
        }
        if "grade" in verdict:  # a found graph has none
            judged["grade"] = verdict["grade"] if good else "no"
        return judged


def _quality(verdict: Mapping[str, Any]) -> str:
    return "good" if verdict["good"] else "to be looked at"


@dataclass(frozen=True)
class _Reducing:
    """State that the steps share.

    Attributes:
        graphs: in float32, every node with a name.
        ranges: of every tensor, by graph; of a graph that never ran there are none.
        reference: runs of the held-back pictures in float32.
    """

    trial: Trial
    graphs: Mapping[str, onnx.ModelProto]
    ranges: Mapping[str, Ranges]
    reference: Sequence[Run]

    @property
    def precision(self) -> str:
        """ "fp16" or "int8"."""
        return self.trial.precision

    @property
    def held(self) -> Sequence[Array]:
        """Pictures held back from the calibration."""
        return self.trial.held

    def converted(self, name: str, keep: Collection[str]) -> onnx.ModelProto:
        """One graph in the reduced precision, but for the nodes ``keep``."""
        graph = self.graphs[name]
        if self.precision == "fp16":
            return to_float16(graph, keep)
        return to_int8(graph, self.ranges[name], keep)

    def execution(self, graphs: Mapping[str, onnx.ModelProto]) -> Execution:
        """Graphs that were changed, and the others in float32."""
        changed = {**self.graphs, **graphs}
        return Execution(self.trial.decoder, changed, self.trial.threads)

    def measured(self, graphs: Mapping[str, onnx.ModelProto]) -> Loss:
        """What graphs lose on the held-back pictures."""
        execution = self.execution(graphs)
        return loss(self.reference, [execution(tensor) for tensor in self.held])


def reduce_precision(
    trial: Trial, graphs: Mapping[str, onnx.ModelProto], ledger: Ledger, progress: Progress
) -> Reduction:
    """Return the graphs in the trial's precision.

    Args:
        graphs: exported, in float32; left as they are.
        ledger: gets a line for each graph and each node that stays in float32.

    Raises:
        InputError: ONNX Runtime does not run a graph, or a graph holds operators of other domains.
    """
    precision = trial.precision
    with progress.stage(f"measure the activations for {precision}"):
        reducing = _reducing(trial, graphs)
    bound = BOUNDS[precision]
    keep = {name: _overflows(reducing, name, ledger) for name in reducing.ranges}
    with progress.stage(f"convert to {precision} and measure the loss"):
        made = {name: reducing.converted(name, kept) for name, kept in keep.items()}
        lost = reducing.measured(made)
    total = weighted(reducing.graphs["backbone"])
    layers = [name for name in total if name not in keep["backbone"]]
    if bound.beyond(lost):
        progress.say(f"{precision}: {'; '.join(bound.beyond(lost))}: look for sensitive layers")
        with progress.stage("rank the layers by what each costs alone"):
            ranks = ranking(layers, partial(_noise_alone, reducing), RANKING_SECONDS)
        progress.say(f"{precision}: {len(ranks)} of {len(layers)} layers ranked")
        with progress.stage("leave the most sensitive layers out"):
            left, backbone, lost = _left_out(reducing, keep, ranks, made, bound, progress)
        made["backbone"] = backbone
        _note_left_out(left, ranks, precision, ledger)
        keep["backbone"] |= set(left)
    latency = _latency(reducing, made)
    _note_graphs(reducing, made, lost, latency, ledger)
    kept = sum(name in keep["backbone"] for name in total)
    final = {**{name: graphs[name] for name in graphs if name not in made}, **made}
    return Reduction(precision, final, lost, bound, latency, kept, len(total), len(reducing.held))


def _reducing(trial: Trial, graphs: Mapping[str, onnx.ModelProto]) -> _Reducing:
    """Run the graphs in float32 on all pictures and take down what goes through them."""
    graphs = {name: named(graph) for name, graph in graphs.items()}
    execution = Execution(trial.decoder, graphs, trial.threads)
    fed: dict[str, list[Feeds]] = {}
    for tensor in trial.seen:
        execution(tensor)
        for name, feeds in execution.fed.items():
            if len(feeds) == len(graphs[name].graph.input):  # every branch was called
                fed.setdefault(name, []).append(feeds)
    reduced = ["backbone"] if trial.precision == "int8" else [*graphs]
    ranges = {name: tensor_ranges(graphs[name], fed[name]) for name in reduced if name in fed}
    return _Reducing(trial, graphs, ranges, [execution(tensor) for tensor in trial.held])


def _overflows(reducing: _Reducing, name: str, ledger: Ledger) -> set[str]:
    """Nodes of a graph that float16 does not hold; none for int8, whose scales fit any range."""
    if reducing.precision != "fp16":
        return set()
    found = overflowing(reducing.graphs[name], reducing.ranges[name])
    for node, peak in found.items():
        reason = f"stays in float32: comes near {LARGEST:g}, where float16 ends"
        ledger.add(Entry("precision", "fp16", node, False, True, reason, {"largest": peak}))
    return set(found)


def _noise_alone(reducing: _Reducing, layer: str) -> float:
    """Noise in the heads with one layer of the backbone reduced and nothing else."""
    others = {node.name for node in reducing.graphs["backbone"].graph.node} - {layer}
    execution = reducing.execution({"backbone": reducing.converted("backbone", others)})
    heads = [execution.heads(tensor) for tensor in reducing.held[:RANKING_PICTURES]]
    return noise([run.heads for run in reducing.reference[:RANKING_PICTURES]], heads).worst


def _left_out(
    reducing: _Reducing,
    keep: Mapping[str, set[str]],
    ranks: Mapping[str, float],
    made: Mapping[str, onnx.ModelProto],
    bound: Bound,
    progress: Progress,
) -> tuple[list[str], onnx.ModelProto, Loss]:
    """Leave out as few layers as the bound allows; all that were ranked where none will do."""
    order = list(ranks)
    tried: dict[int, tuple[onnx.ModelProto, Loss]] = {}

    def good(count: int) -> bool:
        graph = reducing.converted("backbone", keep["backbone"] | set(order[:count]))
        tried[count] = graph, reducing.measured({**made, "backbone": graph})
        beyond = bound.beyond(tried[count][1])
        progress.say(f"  {count} layers left out: {'; '.join(beyond) or 'within the bound'}")
        return not beyond

    count = fewest(len(order), good) or len(order)
    return order[:count], *tried[count]


def _latency(reducing: _Reducing, made: Mapping[str, onnx.ModelProto]) -> tuple[float, float]:
    """Median milliseconds of the backbone in float32 and in the reduced precision, in turn."""
    tensor = reducing.held[0]
    calls = {
        "before": partial(reducing.execution({}).heads, tensor),
        "after": partial(reducing.execution(made).heads, tensor),
    }
    times = in_turn(calls, seconds=TIMING_SECONDS)
    return times["before"].median, times["after"].median


def _note_left_out(
    left: Sequence[str], ranks: Mapping[str, float], precision: str, ledger: Ledger
) -> None:
    for layer in left:
        reason = "stays in float32: among the layers whose rounding the heads feel most"
        effect = {"noise alone": ranks[layer]}
        ledger.add(Entry("precision", precision, layer, False, True, reason, effect))


def _note_graphs(
    reducing: _Reducing,
    made: Mapping[str, onnx.ModelProto],
    lost: Loss,
    latency: tuple[float, float],
    ledger: Ledger,
) -> None:
    pictures = len(reducing.held)
    for name, graph in reducing.graphs.items():
        if name in made:
            sizes = {"bytes_before": bytes_of(graph), "bytes_after": bytes_of(made[name])}
            reason = f"loss of the whole on {pictures} held-back pictures"
            effect = {**lost.to_json(), **sizes}
            if name == "backbone":
                effect |= {"milliseconds_before": latency[0], "milliseconds_after": latency[1]}
            ledger.add(Entry("precision", reducing.precision, name, True, False, reason, effect))
        else:
            reason = "stays in float32: " + (
                "a small part of the work, on contours in pixels"
                if reducing.precision == "int8"
                else "no picture ran all of it, so nothing is known of its range"
            )
            ledger.add(Entry("precision", reducing.precision, name, False, True, reason))
