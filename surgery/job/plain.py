"""Layers that were to become ordinary convolutions hold nothing else in the exported graph.

Only the nodes that stand in those layers' places are judged: what the network itself does beside
them (SiLU, Resize, attention) is the target's to judge.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from torch import nn

from postprocess.errors import InputError

from ..graph.modules import all_nodes, module_of
from ..network.contract import Graph
from ..network.load import Model
from ..rewrites.registry import REWRITES
from ..rewrites.traits import STRATEGY, traits_of
from ..support.ledger import Ledger
from .strategy import Strategy

FREE = frozenset({"Constant", "Identity"})  # compute nothing; the exporters share weights by them


def require_plain(
    exported: onnx.ModelProto, graph: Graph, model: Model, ledger: Ledger, strategy: Strategy
) -> None:
    """Refuse a graph in which a layer is not what its rewrite promises (``Traits.leaves``).

    Args:
        exported: as it came from the exporter, before any pass.
        graph: what was exported, of ``model``, as the network stands now.
        ledger: says which layers were rewritten.

    Raises:
        InputError: naming a layer and the operators in its place.
    """
    places = _places(graph.module, model.module, ledger)
    found: dict[str, set[str]] = {}
    for node in all_nodes(exported.graph):
        path = _place(module_of(node), places)
        if path and node.op_type not in places[path] | FREE:
            found.setdefault(path, set()).add(node.op_type)
    for path, operators in found.items():
        raise InputError(
            f"surgery.dcn={strategy.name} leaves {', '.join(sorted(operators))} in the place of "
            f"layer {path!r}, expected only {', '.join(sorted(places[path]))}: its replacement "
            "was not exported as it is"
        )


def _places(
    exported: nn.Module, network: nn.Module, ledger: Ledger
) -> Mapping[str, frozenset[str]]:
    """Operators that may stand at the paths of ``exported`` where layers of ``network`` were."""
    paths: dict[nn.Module, list[str]] = {}
    for path, module in exported.named_modules(remove_duplicate=False):
        paths.setdefault(module, []).append(path)
    modules = dict(network.named_modules(remove_duplicate=False))
    places: dict[str, frozenset[str]] = {}
    for entry in ledger.fired():
        if entry.kind != "rewrite" or not entry.name.startswith(STRATEGY):
            continue
        leaves = traits_of(REWRITES.get(entry.name)).leaves
        if leaves is not None and entry.where in modules:
            places |= dict.fromkeys(paths.get(modules[entry.where], []), leaves)
    return places


def _place(module: str, places: Mapping[str, frozenset[str]]) -> str:
    """The one of ``places`` that ``module`` is or lies below, or ""."""
    parts = module.split(".")
    above = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((path for path in above if path in places), "")
