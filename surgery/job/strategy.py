"""Which rewrite each deformable layer gets: what was asked for, or the best that a target runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from postprocess.errors import InputError

from ..config.surgery import DcnConfig
from ..rewrites.registry import REWRITES
from ..targets import Target

DEFAULT_OPSET = {"dynamo": 18, "torchscript": 17}

# What a target must know for a strategy.
OPERATORS = {
    "native": ("DeformConv",),
    "decomposed": ("GridSample",),
    "shifted": ("Pad", "Slice", "Mul", "Add", "Relu", "Conv"),
    "distilled": ("Conv",),
}
# From the most to the least accurate. What is exact but needs thousands of nodes (shifted) or a
# plugin (custom) is only there when asked for.
PREFERENCE = ("native", "decomposed", "distilled")
EXACT = ("native", "decomposed", "shifted")  # the fastest first

SEARCHED = "dcn.searched"  # decided layer by layer before the cut (surgery.search)


@dataclass(frozen=True)
class Strategy:
    """A decision for every deformable layer.

    Attributes:
        name: the strategy of the layers that no pattern names.
        rewrites: rewrite by module path pattern, first match wins.
        opset: ONNX opset of the export.
        reason: why this one, in words.
        fit: where fitted weights came from, "" without any.
    """

    name: str
    rewrites: Mapping[str, str]
    opset: int
    reason: str
    fit: str = ""


def first_of(names: Sequence[str], target: Target) -> str | None:
    """The first of these strategies whose operators ``target`` knows."""
    for name in names:
        if all(target.rule(operator) is not None for operator in OPERATORS[name]):
            return name
    return None


def opset_for(rewrites: Iterable[str], least: int) -> int:
    """The lowest opset from ``least`` on that all of these rewrites can be exported in."""
    return max([least, *(REWRITES.get(rewrite).min_opset for rewrite in rewrites)])


def auto(target: Target) -> tuple[str, str]:
    """The most accurate strategy whose operators the target runs, and why.

    Raises:
        InputError: the target does not even run ordinary convolutions.
    """
    name = first_of(PREFERENCE, target)
    if name is not None:
        known = " and ".join(OPERATORS[name])
        return name, f"the most accurate that {target.name} runs (it has {known})"
    raise InputError(f"target {target.name} has no Conv: choose another, or surgery.dcn=NAME")


def nothing_to_choose(opset: int) -> Strategy:
    """The strategy for a network without deformable layers."""
    return Strategy("keep", {}, opset, "the network has no deformable layer")


def choose(
    config: DcnConfig,
    target: Target,
    exporter: str,
    opset: int | None,
    also: Sequence[str] = (),
) -> Strategy:
    """Resolve names and the opset.

    Args:
        also: further rewrites, whose opset counts as well.

    Raises:
        InputError: an unknown strategy, or an opset too low for a chosen one.
    """
    name, reason = config.name, "asked for"
    if name == "auto":
        name, reason = auto(target)
    rewrites = {pattern: f"dcn.{choice}" for pattern, choice in config.layers.items()}
    rewrites["*"] = f"dcn.{name}"
    names = (*rewrites.values(), *also)
    needed = {name: REWRITES.get(name).min_opset for name in names if name != SEARCHED}
    lowest = max(needed.values(), default=1)
    if opset is not None and opset < lowest:
        needing = next(rewrite for rewrite, least in needed.items() if least == lowest)
        raise InputError(
            f"surgery.opset={opset} is too low for {needing}, which needs {lowest}: "
            "raise it, leave it out, or choose surgery.dcn=decomposed"
        )
    return Strategy(name, rewrites, opset or max(DEFAULT_OPSET[exporter], lowest), reason)
