"""Which operation of this project removes a node that a target refuses.

The table is data (``remedies.yaml``), read from the top: of the entries that fit, the first is
offered, and an export tries those that are exact passes in turn (``job/for_target.py``). Each names
what it needs, and a test holds these against the registries, which would load torch here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from omegaconf import OmegaConf

from postprocess.fields import Field

from .target import Target

TABLE = Path(__file__).with_name("remedies.yaml")
PLACES = ("any", "head", "tail")

# How an operation is asked for: on a graph of this project's export, and on one that was found.
_EXPORT = "python -m surgery model=NAME checkpoint=FILE target={target}"
COMMANDS = {
    "pass": (
        _EXPORT,
        "python -m surgery task=graph model.path={path} 'graph.steps=[{{pass: NEEDED}}]' out={out}",
    ),
    "symbolic": (f"{_EXPORT} surgery.symbolics.also=[NEEDED]",) * 2,
    "rewrite": (f"{_EXPORT} surgery.rewrites=[NEEDED]",) * 2,
}


def written_to(path: Path) -> str:
    """Where a printed command writes the graph that it makes of ``path``, quoted for a shell."""
    return shlex.quote(f"{path.stem}_operated.onnx")


@dataclass(frozen=True)
class Remedy:
    """An entry of the table.

    Attributes:
        name: what to call it in a column.
        commands: what to type for a graph of our own export, and for one that was found;
            ``{path}`` and ``{target}`` stand for the file and the target.
        exact: whether the network's outputs stay what they were.
        operators: that it is for; none means every one.
        reason: a part of the target's reason, "" for any.
        runs: operators that the target itself has to run for it.
        place: ``head`` (nothing upstream multiplies), ``tail`` (nothing downstream does), ``any``.
        exported: whether the graph must come from this project's export; None where both will do.
        deformable: whether the node must be a part of what was a deformable layer.
        needs: ``KIND:NAME``, what must exist: pass, rewrite, symbolic or config.
    """

    name: str
    commands: tuple[str, str]
    exact: bool
    operators: frozenset[str]
    reason: str
    runs: tuple[str, ...]
    place: str
    exported: bool | None
    deformable: bool
    needs: str

    @property
    def pass_name(self) -> str:
        """Name of the ONNX pass that it is, "" where it is none."""
        return self.member("pass")

    def member(self, kind: str) -> str:
        """Name of the member of ``kind`` that it is, "" where it is of another kind."""
        needed, _, name = self.needs.partition(":")
        return name if needed == kind else ""

    def command(self, path: str, target: str, exported: bool) -> str:
        """What to type for the graph in the file ``path``, quoted for a shell."""
        out = written_to(Path(shlex.split(path)[0]))
        return self.commands[0 if exported else 1].format(path=path, target=target, out=out)


@dataclass(frozen=True)
class RefusedNode:
    """What decides which remedy fits a refused node.

    Attributes:
        head, tail: whether no node upstream, or downstream, multiplies.
        exported: whether its graph comes from this project's export.
        deformable: whether it is a part of what was a deformable layer, as that export noted.
    """

    operator: str
    reason: str
    head: bool
    tail: bool
    exported: bool
    deformable: bool


def remedies_for(refused: RefusedNode, target: Target) -> list[Remedy]:
    """Return the remedies that fit, in the order of the table; none where this project has none."""
    return [remedy for remedy in remedies() if _fits(remedy, refused, target)]


def _fits(remedy: Remedy, refused: RefusedNode, target: Target) -> bool:
    return (
        (not remedy.operators or refused.operator in remedy.operators)
        and remedy.reason in refused.reason
        and remedy.exported in (None, refused.exported)
        and (refused.deformable or not remedy.deformable)
        and (remedy.place == "any" or (refused.head if remedy.place == "head" else refused.tail))
        and all(target.rule(operator) is not None for operator in remedy.runs)
    )


@cache
def remedies() -> Sequence[Remedy]:
    """The table's entries in order.

    Raises:
        InputError: the table is ill-written.
    """
    entries = Field(OmegaConf.to_container(OmegaConf.load(TABLE)), TABLE.name).elements()
    return tuple(map(_remedy, entries))


def _remedy(entry: Field) -> Remedy:
    entry.only(
        *("name", "command", "exact", "needs", "operators", "reason", "runs", "at"),
        *("exported", "deformable"),
    )
    every = entry["operators"].value == "any"
    exported = entry.get("exported", None)
    needs = entry["needs"].text()
    kind, _, needed = needs.partition(":")
    if "command" in entry.mapping():
        commands = (entry["command"].text(),) * 2
    else:
        own, found = COMMANDS[kind]
        commands = (own.replace("NEEDED", needed), found.replace("NEEDED", needed))
    return Remedy(
        name=entry.get("name", f"{kind} {needed}").text(),
        commands=commands,
        exact=entry["exact"].flag(),
        operators=frozenset(
            () if every else (item.text() for item in entry["operators"].elements())
        ),
        reason=entry.get("reason", "").text(),
        runs=tuple(item.text() for item in entry.get("runs", []).elements()),
        place=entry.get("at", "any").text(PLACES),
        exported=None if exported.value is None else exported.flag(),
        deformable=entry.get("deformable", False).flag(),
        needs=needs,
    )
