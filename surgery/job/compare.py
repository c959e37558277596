"""Strategies side by side: what each leaves of the untouched network, how fast, in which operators.

No labels are needed: the untouched network's own findings are the reference, on the user's images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import onnx

from postprocess.draw import DRAWN_SCORE
from postprocess.errors import InputError
from postprocess.instances import Array

from ..graph.run import opened
from ..measure.arrays import Difference, difference
from ..measure.instances import Matching, matching
from ..measure.latency import in_turn
from ..network.run import Run, heads_of, run_torch
from ..rewrites.registry import REWRITES
from ..support.ledger import Ledger
from .case import Patient
from .graphs import export_graph
from .search import Measured
from .strategy import Strategy, opset_for

CLOSE = 0.5  # pixels: contours that are closer than this look the same
KEEP = 0.9  # agreement below which a strategy is not worth shipping
SECONDS = 3.0  # spent on timing
UNTOUCHED = "untouched, in torch"


def operated_runs(patient: Patient) -> list[Run]:
    """Run the network as it stands now on every picture."""
    return [run_torch(patient.model, sample.tensor) for sample in patient.samples]


def compared(
    patient: Patient, strategy: Strategy, operated: Sequence[Run], backbone: onnx.ModelProto
) -> list[dict[str, Any]]:
    """A row for each strategy, the shipped one first.

    Args:
        patient: network, pictures and the untouched network's runs.
        strategy: the shipped one.
        operated: its runs on the pictures, in torch.
        backbone: its exported backbone.

    Returns:
        Rows as in report.json; ``latency`` is None where ONNX Runtime does not run the graph.
    """
    rows = [_row(patient, strategy.name, strategy.rewrites, operated, chosen=True)]
    graphs = {strategy.name: backbone}
    for name in patient.config.surgery.compare:
        rewrites = patient.alternatives.get(name)
        if rewrites is None or name in graphs:
            continue
        opset = opset_for(rewrites.values(), strategy.opset)
        other = replace(strategy, name=name, rewrites=rewrites, opset=opset)
        with patient.operated(rewrites, opset):
            rows.append(_row(patient, name, rewrites, operated_runs(patient)))
            with suppress(InputError):  # then there is nothing to time
                graphs[name] = _exported(patient, other)
    times = _latencies(patient, graphs)
    for row in rows:
        graph = graphs.get(row["name"])
        row["operators"] = {} if graph is None else _operators(graph)
        row["latency"] = times.get(row["name"])
    return [*rows, {"name": UNTOUCHED, "latency": times[UNTOUCHED]}]


def measured_network(patient: Patient, rewrites: Mapping[str, str], opset: int) -> Measured:
    """Operate on a patient for a moment, for what that leaves of it."""
    opset = opset_for(rewrites.values(), opset)
    latency: float | None = None
    operators: Mapping[str, int] = {}
    with patient.operated(rewrites, opset):
        row = _row(patient, "", rewrites, operated_runs(patient))
        with suppress(InputError):  # then there is nothing to time
            graph = _exported(patient, Strategy("searched", rewrites, opset, ""))
            operators = _operators(graph)
            call = _backbone(patient, graph)
            latency = in_turn({"": call}, seconds=SECONDS)[""].median
    return Measured(agreement(row), latency, operators)


def _operators(graph: onnx.ModelProto) -> dict[str, int]:
    """Nodes by operator, the most frequent first."""
    return dict(Counter(node.op_type for node in graph.graph.node).most_common())


def _exported(patient: Patient, strategy: Strategy) -> onnx.ModelProto:
    """The backbone by the quicker exporter: good for timing, and not shipped."""
    surgery = replace(patient.config.surgery, exporter="torchscript")
    config = replace(patient.config, surgery=surgery)
    image = patient.samples[0].tensor
    return export_graph(patient.model.backbone, config, strategy, Ledger(), image)


def _latencies(patient: Patient, graphs: Mapping[str, onnx.ModelProto]) -> dict[str, float]:
    """Median milliseconds of a backbone by strategy, and of the untouched network's in torch."""
    untouched = partial(heads_of, patient.model, patient.samples[0].tensor)
    calls: dict[str, Callable[[], object]] = {UNTOUCHED: untouched}
    for name, graph in graphs.items():
        with suppress(InputError):
            calls[name] = _backbone(patient, graph)
    return {name: found.median for name, found in in_turn(calls, seconds=SECONDS).items()}


def _backbone(patient: Patient, graph: onnx.ModelProto) -> Callable[[], object]:
    """A run of an exported backbone on the first picture.

    Raises:
        InputError: ONNX Runtime cannot open the graph.
    """
    session = opened(graph, patient.config.threads)
    given, tensor = session.get_inputs()[0], patient.samples[0].tensor
    batch = given.shape[0] if isinstance(given.shape[0], int) else 1
    return partial(session.run, None, {given.name: np.resize(tensor, (batch, *tensor.shape[1:]))})


def _row(
    patient: Patient,
    name: str,
    rewrites: Mapping[str, str],
    runs: Sequence[Run],
    *,
    chosen: bool = False,
) -> dict[str, Any]:
    exact = all(REWRITES.get(rewrite).exact for rewrite in rewrites.values())
    outputs = {
        head: _difference(
            [run.heads[head] for run in patient.untouched], [r.heads[head] for r in runs]
        )
        for head in patient.untouched[0].heads
    }
    found = [
        matching(before.instances, after.instances)
        for before, after in zip(patient.untouched, runs, strict=True)
    ]
    return {
        "name": name,
        "exact": exact,
        "chosen": chosen,
        "outputs": {head: each.to_json() for head, each in outputs.items()},
        "instances": _together(found),
        "sure": _sure(patient.untouched, runs, found),
    }


def _difference(reference: Sequence[Array], other: Sequence[Array]) -> Difference:
    before, after = (np.concatenate([a.ravel() for a in arrays]) for arrays in (reference, other))
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
    """What became of the instances that are sure enough to be drawn, on either side.

    Returns:
        Of the untouched network's sure ones, ``reference``, those ``kept``: found by the operated
        one with any score; of the operated network's, ``other``, those ``confirmed`` likewise.
    """
    counts = Counter[str]()
    for one, two, matched in zip(before, after, found, strict=True):
        for side, run, positions in (
            (("reference", "kept"), one, {first for first, _ in matched.pairs}),
            (("other", "confirmed"), two, {second for _, second in matched.pairs}),
        ):
            sure = [i for i, score in enumerate(run.instances.scores) if score >= DRAWN_SCORE]
            counts[side[0]] += len(sure)
            counts[side[1]] += sum(index in positions for index in sure)
    return {name: counts[name] for name in ("reference", "kept", "other", "confirmed")}


def agreement(row: Mapping[str, Any]) -> float:
    """Share of the sure instances of both networks that the other one finds too, 0 to 1.

    Where neither is sure of anything, all instances count.
    """
    sure, found = row["sure"], row["instances"]
    if total := sure["reference"] + sure["other"]:
        return float((sure["kept"] + sure["confirmed"]) / total)
    return float(2 * found["matched"] / max(1, found["reference"] + found["other"]))


def verdict(
    rows: Sequence[Mapping[str, Any]], strategy: Strategy, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Say in words what to ship, or that nothing is good enough.

    Args:
        rows: of :func:`compared`.
        strategy: the shipped one.
        also: other rewrites that changed the network.
    """
    row = rows[0]
    sure, found = row["sure"], row["instances"]
    done = [f"dcn={strategy.name} ({strategy.reason})"] if strategy.rewrites else []
    done += [f"rewrite {name}" for name in also]
    chosen = " and ".join(done) or "the network as it is"
    if not sure["reference"]:
        text = f"{chosen}: the untouched network is sure of nothing here, so this proves nothing"
        return {"good": False, "text": f"{text}: try image=FILE"}
    text = (
        f"{chosen} finds {sure['kept']} of the {sure['reference']} instances that the untouched "
        f"network is sure of (score {DRAWN_SCORE} and more)"
    )
    if found["matched"]:
        text += f", {found['mean']:.2g} px apart"
    if extra := sure["other"] - sure["confirmed"]:
        text += f", and {extra} that it does not find"
    kept = agreement(row)
    if kept == 1 and found["mean"] < CLOSE:
        return {"good": True, "text": f"{text}: ship it."}
    if kept >= KEEP:
        return {"good": True, "text": f"{text}: good, but look at your own pictures first."}
    better = [r for r in rows[1:] if "sure" in r and agreement(r) >= KEEP]
    text += ": do not ship it"
    if better:
        names = " or ".join(f"dcn={each['name']}" for each in better)
        return {"good": False, "text": f"{text}; {names} keeps more, where the target runs it."}
    return {"good": False, "text": f"{text}; none of the strategies compared is good enough."}
