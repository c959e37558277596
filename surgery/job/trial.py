"""One candidate: operate, run, export, time, and match against the untouched network.

The chosen strategy, the ones it is compared with and every point of a search go through here. No
labels are needed: the untouched network's own instances are the reference, on the user's images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import onnx

from postprocess.errors import InputError

from ..graph.run import opened
from ..measure.arrays import Difference, difference
from ..measure.instances import SURE, Matching, matching
from ..measure.latency import in_turn
from ..network.run import Run, run_torch
from ..rewrites.calibration import Calibration
from ..rewrites.operate import rewriting
from ..rewrites.registry import REWRITES
from ..support.ledger import Ledger
from ..support.progress import Progress
from .case import Case
from .graphs import export_graph
from .strategy import Strategy

SECONDS = 1.5  # spent on timing


@dataclass(frozen=True)
class Candidate:
    """A strategy with what its rewrites need to know of the layers.

    Attributes:
        measured: on images.
        fitted: weights by module path; only those are used that ``strategy.rewrites`` names.
    """

    strategy: Strategy
    measured: Calibration = field(default_factory=Calibration)
    fitted: Mapping[str, object] = field(default_factory=dict)

    @property
    def calibration(self) -> Calibration:
        """All that the rewrites may look up."""
        named = {p: value for p, value in self.fitted.items() if p in self.strategy.rewrites}
        return self.measured | Calibration.by_path(named)


@dataclass(frozen=True)
class Operated:
    """The operated network's runs, one a picture, and its graphs by name."""

    runs: Sequence[Run]
    graphs: Mapping[str, onnx.ModelProto]


@dataclass(frozen=True)
class Trial:
    """What became of the network under one strategy.

    Attributes:
        exact: whether every rewrite computes what it replaces.
        outputs: difference to the untouched network by head, over all pictures.
        instances: the matchings of all pictures as one.
        sure: what became of the instances whose score is at least ``SURE``, on either side: of the
            untouched network's, ``reference``, those ``kept``, found with any score; of the
            operated network's, ``other``, those ``confirmed`` likewise.
        graph: the exported backbone; None where it could not be exported.
    """

    name: str
    exact: bool
    outputs: Mapping[str, Difference]
    instances: Mapping[str, Any]
    sure: Mapping[str, int]
    graph: onnx.ModelProto | None

    @property
    def operators(self) -> dict[str, int]:
        """Nodes of the graph by operator, the most frequent first; none without a graph."""
        nodes = () if self.graph is None else self.graph.graph.node
        return dict(Counter(node.op_type for node in nodes).most_common())

    def to_json(self) -> dict[str, Any]:
        """A row of report.json, ``chosen``, ``operators`` and ``latency`` aside."""
        return {
            "name": self.name,
            "exact": self.exact,
            "outputs": {head: each.to_json() for head, each in self.outputs.items()},
            "instances": dict(self.instances),
            "sure": dict(self.sure),
        }


@contextmanager
def operating(case: Case, candidate: Candidate, ledger: Ledger) -> Iterator[None]:
    """Operate on the network, with ``surgery.rewrites`` first, until the context is left."""
    surgery, strategy = case.config.surgery, candidate.strategy
    operate = partial(
        rewriting,
        opset=strategy.opset,
        calibration=candidate.calibration,
        exporter=surgery.exporter,
        target=str(case.config.target["name"]),
        ledger=ledger,
    )
    with ExitStack() as stack:
        network = case.model.module
        if surgery.rewrites:
            network, _ = stack.enter_context(operate(network, surgery.rewrites))
        if strategy.rewrites:
            options = surgery.dcn.options()
            stack.enter_context(operate(network, strategy.rewrites, options=options))
        yield


def operate_and_export(
    case: Case, candidate: Candidate, ledger: Ledger, progress: Progress
) -> Operated:
    """Run and export the network under the strategy that was chosen.

    Raises:
        InputError: a rewrite lacks what it needs, or the exporter fails.
    """
    strategy, graphs = candidate.strategy, {}
    with operating(case, candidate, ledger):
        with progress.stage(f"run the operated network (dcn={strategy.name})"):
            runs = _runs(case)
        for graph in case.model.graphs:
            exporter = case.config.surgery.exporter
            title = f"export {graph.name} ({exporter}, opset {strategy.opset})"
            with progress.stage(title):
                graphs[graph.name] = export_graph(
                    graph, case.model, case.config, strategy, ledger, case.samples[0].tensor
                )
    return Operated(runs, graphs)


def attempt(case: Case, candidate: Candidate) -> Trial:
    """Operate for a moment, and export the backbone by the quicker exporter: it is not shipped."""
    surgery = case.config.surgery.model_copy(update={"exporter": "torchscript"})
    config, graph, ledger = case.config.model_copy(update={"surgery": surgery}), None, Ledger()
    with operating(case, candidate, ledger):
        runs = _runs(case)
        with suppress(InputError):  # then there is nothing to time
            graph = export_graph(
                case.model.backbone,
                case.model,
                config,
                candidate.strategy,
                ledger,
                case.samples[0].tensor,
            )
    return trial(case, candidate.strategy, runs, graph)


def trial(
    case: Case, strategy: Strategy, runs: Sequence[Run], graph: onnx.ModelProto | None
) -> Trial:
    """Hold runs of the operated network against those of the untouched one.

    Args:
        runs: one a picture, in torch.
        graph: the backbone exported from that network, where there is one.
    """
    found = [
        matching(before.instances, after.instances)
        for before, after in zip(case.untouched, runs, strict=True)
    ]
    outputs = {head: _difference(head, case.untouched, runs) for head in case.untouched[0].heads}
    exact = all(REWRITES.get(rewrite).exact for rewrite in strategy.rewrites.values())
    sure = _sure(case.untouched, runs, found)
    return Trial(strategy.name, exact, outputs, _together(found), sure, graph)


def backbone_call(case: Case, graph: onnx.ModelProto) -> Callable[[], object]:
    """A run of an exported backbone on the first picture.

    Raises:
        InputError: ONNX Runtime cannot open the graph.
    """
    session = opened(graph, case.config.threads)
    given, tensor = session.get_inputs()[0], case.samples[0].tensor
    batch = given.shape[0] if isinstance(given.shape[0], int) else 1
    return partial(session.run, None, {given.name: np.resize(tensor, (batch, *tensor.shape[1:]))})


def latency(case: Case, graph: onnx.ModelProto | None) -> float | None:
    """Median milliseconds of a backbone in ONNX Runtime, or None where it does not run."""
    if graph is None:
        return None
    try:
        return in_turn({"": backbone_call(case, graph)}, seconds=SECONDS)[""].median
    except InputError:
        return None


def agreement(row: Mapping[str, Any]) -> float:
    """Share of the sure instances of both networks that the other one finds too, 0 to 1.

    Where neither has a sure one, all instances count.

    Args:
        row: of :meth:`Trial.to_json`.
    """
    sure, found = row["sure"], row["instances"]
    if total := sure["reference"] + sure["other"]:
        return float((sure["kept"] + sure["confirmed"]) / total)
    return float(2 * found["matched"] / max(1, found["reference"] + found["other"]))


def _runs(case: Case) -> list[Run]:
    """Run the network as it stands now on every picture."""
    return [run_torch(case.model, sample.tensor) for sample in case.samples]


def _difference(head: str, reference: Sequence[Run], other: Sequence[Run]) -> Difference:
    before, after = (
        np.concatenate([run.heads[head].ravel() for run in runs]) for runs in (reference, other)
    )
    return difference(before, after)


def _together(found: Sequence[Matching]) -> dict[str, Any]:
    """Matchings of several pictures as one."""
    matched = sum(each.matched for each in found)
    return {
        "matched": matched,
        "reference": sum(each.reference for each in found),
        "other": sum(each.other for each in found),
        "mean": sum(each.mean * each.matched for each in found) / max(1, matched),
        "max": max(each.max for each in found),
        "score": max(each.score for each in found),
    }


def _sure(before: Sequence[Run], after: Sequence[Run], found: Sequence[Matching]) -> dict[str, int]:
    counts = Counter[str]()
    for one, two, matched in zip(before, after, found, strict=True):
        for side, run, positions in (
            (("reference", "kept"), one, {first for first, _ in matched.pairs}),
            (("other", "confirmed"), two, {second for _, second in matched.pairs}),
        ):
            sure = [i for i, score in enumerate(run.instances.scores) if score >= SURE]
            counts[side[0]] += len(sure)
            counts[side[1]] += sum(index in positions for index in sure)
    return {name: counts[name] for name in ("reference", "kept", "other", "confirmed")}
