"""Which nodes of a graph a target runs, which it refuses, why, and at what cost.

A refused node costs more than itself: the graph is cut there, and tensors travel between devices.
So the audit counts partitions as ONNX Runtime forms them and the share of multiply-adds outside,
and says which operation of this project removes which node.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from ..graph.files import load_onnx
from ..graph.modules import all_nodes, module_of, subgraphs
from ..graph.view import downstream, upstream
from ..graph.whole import check_domains
from . import Target
from .partitions import partitions
from .profile import Profile, name_of, operator_of, profile
from .remedies import RefusedNode, Remedy, remedies_for
from .verdict import Verdict, Verdicts


@dataclass(frozen=True)
class Refusal:
    """A node that the target does not run.

    Attributes:
        module: path of the module that made it, "" where the graph does not say.
        macs: its multiply-adds.
        splits: whether tensors leave the target for it and come back: the target runs nodes
            upstream and downstream of it.
        remedy: name of the operation that removes it, "" where this project has none.
        passes: the exact ONNX passes among the operations that may, the likeliest first.
    """

    name: str
    operator: str
    module: str
    reason: str
    macs: int
    splits: bool
    remedy: str
    passes: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """Something to do about refused nodes.

    Attributes:
        name: of the operation, as in :attr:`Refusal.remedy`.
        nodes: refused nodes that it removes.
        exact: whether the network's outputs stay what they were.
        command: what to type.
        tried: whether it was run on this file and seen to remove so many; else the table's word.
    """

    name: str
    nodes: int
    exact: bool
    command: str
    tried: bool = False


@dataclass(frozen=True)
class Audit:
    """The findings for one graph and one target.

    Attributes:
        nodes: number of nodes, those of subgraphs included, constants not.
        histogram: nodes by operator, most frequent first; ``domain:Operator`` outside ``ai.onnx``.
        refused: nodes that the target does not run, in graph order.
        notes: conditions of operators in use that were not checked, by operator.
        findings: what is wrong with the graph as a whole.
        hints: what could be better about it, and keeps no node from running.
        freed: nodes that run once weights that are listed as inputs are constants; None where none
            are listed, or the target takes them for constants as it is.
        partitions: number of nodes of each run of the graph on the target.
        partition_macs: multiply-adds of each.
        actions: what removes refused nodes, the one that removes most first.
        macs: multiply-adds of the whole graph; of nodes with unknown shapes, none.
        uncounted: nodes whose multiply-adds depend on shapes that are not known.
        parameters, parameter_bytes: of the weights.
        inputs, outputs: name -> type and shape, as ``float32[1, 3, height, width]``.
        assumed: sizes that symbols of dynamic axes were given to count multiply-adds.
    """

    target: str
    target_summary: str
    target_note: str
    source: str
    opset: int
    nodes: int
    histogram: Mapping[str, int]
    refused: tuple[Refusal, ...]
    notes: Mapping[str, str]
    findings: tuple[str, ...]
    hints: tuple[str, ...]
    freed: int | None
    partitions: tuple[int, ...]
    partition_macs: tuple[int, ...]
    actions: tuple[Action, ...]
    macs: int
    uncounted: int
    parameters: int
    parameter_bytes: int
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    assumed: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """Whether the target runs the whole graph as it is."""
        return not self.refused and not self.findings

    @property
    def whole(self) -> bool:
        """Whether the target runs every node, in one piece."""
        return not self.refused and len(self.partitions) <= 1

    @property
    def refused_share(self) -> float:
        """Share of the multiply-adds in refused nodes, 0 to 1."""
        return sum(node.macs for node in self.refused) / self.macs if self.macs else 0.0

    @property
    def summary(self) -> str:
        """The answer in one line."""
        count = len(self.partitions)
        parts = f"{count} partition{'' if count == 1 else 's'}"
        if not self.refused:
            return f"{self.target} runs all {self.nodes} nodes, in {parts}"
        runs = self.nodes - len(self.refused)
        return (
            f"{self.target} runs {runs} of {self.nodes} nodes, in {parts}; "
            f"{self.refused_share:.1%} of the multiply-adds are in refused nodes"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        values = asdict(self)
        values |= {"ok": self.ok, "summary": self.summary, "refused_share": self.refused_share}
        return values


def audit(
    model: onnx.ModelProto | str | Path, target: Target, sizes: Mapping[str, int] | None = None
) -> Audit:
    """Hold a graph against what a target takes.

    Args:
        model: a graph, or the file of one; its weights' values are not looked at.
        target: what to hold it against.
        sizes: sizes of dynamic axes by symbol, for counting; 1 for a first axis and 256 for others
            by default.

    Raises:
        InputError: the file is not a usable ONNX model, see :func:`~surgery.graph.files.load_onnx`.
    """
    (found,) = audits(model, [target], sizes)
    return found


def audits(
    model: onnx.ModelProto | str | Path,
    targets: Sequence[Target],
    sizes: Mapping[str, int] | None = None,
) -> list[Audit]:
    """Like :func:`audit`, for several targets; the graph is read and its shapes found once.

    Raises:
        InputError: the file is not a usable ONNX model.
    """
    path = "FILE" if isinstance(model, onnx.ModelProto) else str(model)
    if isinstance(model, onnx.ModelProto):
        check_domains(model, f"graph {model.graph.name!r}")
    else:
        model = load_onnx(model)
    facts = profile(model, sizes)
    listed = {t.name for t in model.graph.initializer} & {v.name for v in model.graph.input}
    return [_audit(facts, target, path, len(listed)) for target in targets]


def _audit(facts: Profile, target: Target, path: str, listed: int) -> Audit:
    verdicts = Verdicts(facts.view, target)
    rated = [(node, _verdict(node, verdicts)) for node in facts.every]
    runs = {id(node): not verdict.reason for node, verdict in rated}
    refused, actions = _refusals(facts, target, rated, runs, path)
    groups = partitions(facts.nodes, lambda node: runs[id(node)])
    findings, hints = _findings(facts, target), list[str]()
    freed = None
    if listed and not target.frees_weights:
        freed = _freed(facts, target)
        (hints if freed == sum(runs.values()) else findings).append(
            f"{listed} weights are listed as inputs, so that nothing can be folded: "
            "the pass 'initializers' frees them"
        )
    return Audit(
        target=target.name,
        target_summary=target.summary,
        target_note=target.note,
        source=target.source,
        opset=facts.opset,
        nodes=len(facts.every),
        histogram=facts.histogram,
        refused=refused,
        notes=dict(sorted({operator_of(n): v.note for n, v in rated if v.note}.items())),
        findings=tuple(findings),
        hints=tuple(hints),
        freed=freed,
        partitions=tuple(len(group) for group in groups),
        partition_macs=tuple(
            sum(facts.macs[id(facts.nodes[position])] or 0 for position in group)
            for group in groups
        ),
        actions=actions,
        macs=sum(count or 0 for count in facts.macs.values()),
        uncounted=sum(count is None for count in facts.macs.values()),
        parameters=facts.parameters,
        parameter_bytes=facts.parameter_bytes,
        inputs=facts.inputs,
        outputs=facts.outputs,
        assumed=facts.assumed,
    )


def _refusals(
    facts: Profile,
    target: Target,
    rated: Sequence[tuple[onnx.NodeProto, Verdict]],
    runs: Mapping[int, bool],
    path: str,
) -> tuple[tuple[Refusal, ...], tuple[Action, ...]]:
    """The nodes that ``target`` refuses, and what removes them."""
    before = upstream(facts.nodes, lambda node: runs[id(node)])
    behind = downstream(facts.nodes, lambda node: runs[id(node)])
    inside = {
        id(node) for node, up, down in zip(facts.nodes, before, behind, strict=True) if up and down
    }
    refused: list[Refusal] = []
    remedies: dict[str, Remedy] = {}
    for node, verdict in rated:
        if not verdict.reason:
            continue
        key, operator = id(node), operator_of(node)
        described = RefusedNode(
            operator=operator,
            reason=verdict.reason,
            head=key in facts.head,
            tail=key in facts.tail,
            exported=facts.exported,
            deformable=_within(module_of(node), facts.deformable),
        )
        fitting = remedies_for(described, target)
        remedy = fitting[0] if fitting else None
        if remedy is not None:
            remedies.setdefault(remedy.name, remedy)
        refused.append(
            Refusal(
                name=name_of(node),
                operator=operator,
                module=module_of(node),
                reason=verdict.reason,
                macs=facts.macs[key] or 0,
                splits=key in inside,
                remedy=remedy.name if remedy else "",
                passes=tuple(r.pass_name for r in fitting if r.exact and r.pass_name),
            )
        )
    counts = Counter(node.remedy for node in refused if node.remedy)
    actions = [
        Action(
            name,
            count,
            remedies[name].exact,
            remedies[name].command(shlex.quote(path), target.name, facts.exported),
        )
        for name, count in counts.most_common()
    ]
    return tuple(refused), tuple(actions)


def _within(module: str, places: Collection[str]) -> bool:
    """Whether the module path ``module`` is one of ``places`` or below one."""
    parts = module.split(".")
    return any(".".join(parts[:length]) in places for length in range(1, len(parts) + 1))


def _verdict(node: onnx.NodeProto, verdicts: Verdicts) -> Verdict:
    """A node with subgraphs runs where all that is inside runs."""
    verdict = verdicts.of(node)
    if verdict.reason:
        return verdict
    for inner in (inner for subgraph in subgraphs(node) for inner in all_nodes(subgraph)):
        reason = verdicts.of(inner).reason
        if reason:
            return Verdict(f"{operator_of(inner)} inside: {reason}")
    return verdict


def _way(facts: Profile, override: str, step: str) -> str:
    """How an export, or where the graph was found task=graph, does something about it."""
    return f"export with {override}" if facts.exported else f"task=graph 'graph.steps=[{{{step}}}]'"


def _freed(facts: Profile, target: Target) -> int:
    """How many nodes ``target`` runs once the weights that are listed as inputs are constants."""
    verdicts = Verdicts(facts.view, replace(target, frees_weights=True))
    return sum(not _verdict(node, verdicts).reason for node in facts.every)


def _findings(facts: Profile, target: Target) -> list[str]:
    found = []
    low, high = target.opset
    if not low <= facts.opset <= high:
        nearest = min(max(facts.opset, low), high)
        way = _way(facts, f"surgery.opset={nearest}", f"opset: {nearest}")
        found.append(f"opset {facts.opset} is outside {low} to {high}: {way}")
    if facts.dynamic and not target.dynamic_shapes:
        sizes = ", ".join(f"{symbol}: {size}" for symbol, size in facts.assumed.items())
        way = _way(facts, "input.size=[H,W] input.batch=1", f"fix: {{{sizes}}}")
        axes = ", ".join(facts.dynamic)
        found.append(f"dynamic axes ({axes}): {target.name} needs fixed sizes: {way}")
    return found
