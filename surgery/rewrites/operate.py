"""Operate on a live network: put replacements in its modules' places, and take them out again.

The network itself is operated on, not a copy: whoever holds it sees the replacements until the
context is left. Only the ``_modules`` entries of parents are exchanged; no replaced module is
touched, so leaving the context, also by an exception, gives back the very same objects.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..config.surgery import NEWEST_OPSET
from ..support.ledger import Entry, Ledger
from .base import Context, Replacement, Rewrite
from .calibration import Calibration
from .closeness import require_close
from .dcn.exposed import exposing
from .functions.base import FunctionPatch
from .functions.dispatch import uncounted
from .functions.patching import patched
from .guard import Guard
from .modes import evaluating, training_kept
from .nested import map_tensors, tensors_in
from .registry import REWRITES, is_patch

Names = str | Sequence[str]
EVERYWHERE = "*"
ROOT = "(model)"


@dataclass(frozen=True)
class _Group:
    """Modules at a path like ``pattern`` are offered to ``rewrites`` in turn."""

    pattern: str
    rewrites: tuple[Rewrite, ...]


@dataclass(frozen=True)
class _Plan:
    """What takes the place of which module, the modules left as they are, and the record."""

    replaced: dict[nn.Module, nn.Module] = field(default_factory=dict)
    kept: dict[nn.Module, None] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def slots(self) -> list[tuple[nn.Module, str, nn.Module]]:
        """(parent, name, module) for every attribute that holds a module to replace."""
        return [
            (parent, name, module)
            for parent in self.kept
            for name, module in parent._modules.items()
            if module is not None and module in self.replaced
        ]


@contextmanager
def rewriting(
    model: nn.Module,
    names: Names | Mapping[str, Names],
    *,
    opset: int = NEWEST_OPSET,
    calibration: Calibration | Mapping[str, object] | None = None,
    options: Mapping[str, Any] | None = None,
    exporter: str = "",
    target: str = "",
    ledger: Ledger | None = None,
    example: Sequence[Any] | None = None,
    verify: bool = True,
) -> Iterator[tuple[nn.Module, Ledger]]:
    """Replace modules of ``model`` until the context is left.

    ``names`` are rewrites, each module going to the first that accepts it; or a mapping from
    patterns of module paths (:mod:`fnmatch`; "" is the path of ``model`` itself) to such names, the
    first pattern that fits a module deciding. A module that stands at several paths gets one
    replacement for all of them. Modules inside a replaced one are left alone. Contexts nest: the
    inner one works on what the outer one made. Function patches among ``names`` are in force for
    this thread, in any network, and stand under no pattern but "*".

    On leaving, every module is back in its place and in the training mode that it had on entry.
    Moving or casting the operated network, or training it, is not undone: replacements may share
    their parameters with the originals.

    One thread at a time: while it is operated on, other threads may neither operate on the model
    (an error) nor should they run it.

    Args:
        model: any network; references held outside ``Module`` attributes (in a plain list, for
            example) are not seen.
        names: what to do, and where.
        opset: ONNX opset of the export to come; the newest where none is to come.
        calibration: what was measured or fitted for each module, by path, where a rewrite needs it;
            a :class:`Calibration` where a module has several values.
        options: settings of the rewrites by name.
        exporter: of the export to come, for guards.
        target: of the export to come, for guards.
        ledger: takes the entries, those of function patches on leaving; a new one otherwise.
        example: positional arguments of ``model``. With them, deformable calls inside of modules
            that do more are layers of their own (``PATH.deform``), for every rewrite.
        verify: with an ``example``, run the network before and after where all rewrites are exact.

    Yields:
        The operated network (``model``, or its replacement if it was replaced as a whole) and
        the ledger.

    Raises:
        InputError: unknown rewrite, or one that lacks its calibration; a scripted model; a class
            or function to replace that does not exist; exact rewrites that changed the result.
        RuntimeError: another thread is operating on the model or a part of it.
    """
    ledger = Ledger() if ledger is None else ledger
    if not isinstance(calibration, Calibration):
        calibration = Calibration.by_path(calibration or {})
    context = Context(opset, calibration, dict(options or {}), exporter, target)
    groups, patches = _groups(names, context, ledger)
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError("a scripted module cannot be operated on: pass the nn.Module it came from")
    with ExitStack() as stack:
        before = stack.enter_context(_shown(model, example))
        stack.enter_context(patched(patches, context, ledger))
        stack.enter_context(_claimed(before.model))
        stack.enter_context(training_kept(before.model))
        plan = _plan(before.model, groups, context)
        ledger.extend(plan.entries)
        stack.enter_context(_in_place(plan))
        operated = plan.replaced.get(before.model, before.model)
        if verify and all(entry.exact for entry in plan.entries if entry.fired):
            before.require_same(operated, names)
        yield operated, ledger


@contextmanager
def _in_place(plan: _Plan) -> Iterator[None]:
    slots = plan.slots()
    try:
        for parent, name, module in slots:
            parent._modules[name] = plan.replaced[module]
        yield
    finally:
        for parent, name, module in slots:
            parent._modules[name] = module


@dataclass(frozen=True)
class _Shown:
    """A network whose deformable calls are layers, and what it gives for the example, if any."""

    model: nn.Module
    example: Sequence[Any]
    results: Sequence[Tensor] | None

    def require_same(self, operated: nn.Module, names: object) -> None:
        """Refuse an operated network that gives something else.

        Raises:
            InputError: which result differs, and by how much.
        """
        if self.results is None:
            return
        after = _results(operated, self.example)
        if len(after) != len(self.results):
            raise InputError(f"{names}: {len(after)} results, before {len(self.results)}")
        for number, (new, old) in enumerate(zip(after, self.results, strict=True)):
            require_close(new, old, f"{names}, result {number}")


@contextmanager
def _shown(model: nn.Module, example: Sequence[Any] | None) -> Iterator[_Shown]:
    if example is None:
        yield _Shown(model, (), None)
        return
    found: list[Sequence[Tensor]] = []
    with exposing(model, lambda: found.append(_results(model, example))) as exposed:
        yield _Shown(exposed, example, found[0])


def _results(model: nn.Module, example: Sequence[Any]) -> Sequence[Tensor]:
    """Tensors that ``model`` gives for copies of ``example``, in evaluation mode."""
    arguments = map_tensors(Tensor.clone, list(example))
    with evaluating(model), torch.no_grad(), uncounted():
        return [tensor.clone() for tensor in tensors_in(model(*arguments))]


def _groups(
    names: Names | Mapping[str, Names], context: Context, ledger: Ledger
) -> tuple[list[_Group], list[FunctionPatch]]:
    """Sort the rewrites that ``names`` asks for; those whose guard does not hold are left out."""
    patterns: Mapping[str, Names] = names if isinstance(names, Mapping) else {EVERYWHERE: names}
    groups: list[_Group] = []
    patches: list[FunctionPatch] = []
    for pattern, value in patterns.items():
        members = [REWRITES.get(name) for name in ([value] if isinstance(value, str) else value)]
        functions = [member for member in members if is_patch(member)]
        modules = [member for member in members if not is_patch(member)]
        for function in functions:
            _require_everywhere(function, pattern)
        patches.extend(functions)
        refused = {member.name: _guarded(member, context) for member in modules}
        ledger.extend(_refusal(m, "", refused[m.name]) for m in modules if refused[m.name])
        if modules or not functions:  # no rewrites at all: these modules are to be left alone
            wanted = tuple(member for member in modules if not refused[member.name])
            groups.append(_Group(pattern, wanted))
    return groups, patches


def _require_everywhere(patch: FunctionPatch, pattern: str) -> None:
    if pattern != EVERYWHERE:
        raise InputError(
            f"rewrite {patch.name!r} replaces {patch.function} wherever it is called, and cannot "
            f"be limited to modules at a path like {pattern!r}: name it for '*'"
        )


def _guarded(rewrite: Rewrite, context: Context) -> str:
    """Why the rewrite's guard, if it has one, keeps it out."""
    guard: Guard | None = getattr(rewrite, "guard", None)
    return guard.refusal(context) if guard is not None else ""


def _plan(model: nn.Module, groups: Sequence[_Group], context: Context) -> _Plan:
    """Offer every module to the rewrites of its group; changes nothing."""
    paths: dict[nn.Module, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(module, []).append(path)
    plan = _Plan()
    met: set[str] = set()
    pending = [model]
    while pending:
        module = pending.pop()
        if module in plan.replaced or module in plan.kept:
            continue
        places = paths[module]
        group = next((g for g in groups if any(fnmatchcase(p, g.pattern) for p in places)), None)
        before = len(plan.entries)
        made = _offer(module, places, group.rewrites, context, plan.entries) if group else None
        if group and len(plan.entries) > before:
            met.add(group.pattern)
        if made is not None:
            plan.replaced[module] = made.module
        if made is None or not made.whole:
            kept = module if made is None else made.module
            plan.kept[kept] = None
            pending.extend(reversed(list(module.children())))
    for group in groups:
        if group.pattern not in met:
            reason = f"{type(model).__name__} has no module for it at a path like {group.pattern!r}"
            plan.entries.extend(_refusal(rewrite, "", reason) for rewrite in group.rewrites)
    return plan


def _offer(
    module: nn.Module,
    places: Sequence[str],
    rewrites: Sequence[Rewrite],
    context: Context,
    entries: list[Entry],
) -> Replacement | None:
    """Return the replacement by the first rewrite that accepts, or None; write down why."""
    first, *others = (path or ROOT for path in places)
    for rewrite in rewrites:
        match = rewrite.match(module)
        made = rewrite.replacement(module, places[0], context) if match.accepted else match
        if isinstance(made, Replacement):
            made.module.train(module.training)
            _keep_attributes(module, made.module)
            entries.extend(_done(rewrite, made, first, others))
            return made
        if made.reason:
            entries.append(_refusal(rewrite, first, made.reason))
    return None


def _keep_attributes(module: nn.Module, made: nn.Module) -> None:
    """Give ``made`` the plain attributes that a network's code may read from ``module``."""
    for name, value in vars(module).items():
        if not name.startswith("_") and name != "forward" and not hasattr(made, name):
            made.__dict__[name] = value


def _done(
    rewrite: Rewrite, made: Replacement, first: str, others: Sequence[str]
) -> Iterator[Entry]:
    exact = rewrite.exact if made.exact is None else made.exact
    yield Entry("rewrite", rewrite.name, first, True, exact, made.note, made.effect)
    for path in others:
        yield Entry("rewrite", rewrite.name, path, True, exact, f"the same module as {first}")


def _refusal(rewrite: Rewrite, where: str, reason: str) -> Entry:
    return Entry("rewrite", rewrite.name, where, False, rewrite.exact, reason)


_LOCK = threading.Lock()
_OWNERS: WeakKeyDictionary[nn.Module, tuple[int, int]] = WeakKeyDictionary()


@contextmanager
def _claimed(model: nn.Module) -> Iterator[None]:
    """Hold every module of ``model`` for this thread; nested claims of one thread are counted."""
    thread = threading.get_ident()
    modules = list(model.modules())
    with _LOCK:
        if any(_OWNERS.get(module, (thread, 0))[0] != thread for module in modules):
            raise RuntimeError(
                f"another thread is operating on this {type(model).__name__}: "
                "operate on one copy per thread"
            )
        for module in modules:
            _OWNERS[module] = (thread, _OWNERS.get(module, (thread, 0))[1] + 1)
    try:
        yield
    finally:
        with _LOCK:
            for module in modules:
                depth = _OWNERS[module][1]
                if depth == 1:
                    del _OWNERS[module]
                else:
                    _OWNERS[module] = (thread, depth - 1)
