"""Calls of a deformable convolution made into child modules, which strategies replace.

Many layers do more than deform: a norm and an activation inside, offsets from other features,
bounded or summed with a flow, several calls in one ``forward``. Such a module is left whole. A copy
that shares everything with it takes its place, and sends each call in its ``forward`` to a child
``deform`` (``deform_1``, ``deform_2`` for further ones), a layer that takes image, offset and mask.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from ..closeness import SAME, relative
from .calls import DeformCall, Handler, intercepted
from .deform_layer import DeformLayer
from .recognise import HANDLER, contradict, describe
from .sampling import deform_conv2d, sample_grid, tap_positions
from .whole import Block, chosen, noting, whole

CHILD = "deform"
ARGUMENTS = ("input", "offset", "mask")


class CallLayer(nn.Module):
    """A call as a layer: (input, offset, mask or None) -> (N, O, rows, columns).

    It gives what the library's function gives.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, call: DeformCall, fixed: bool) -> None:
        super().__init__()
        for name, tensor in (("weight", call.weight), ("bias", call.bias)):
            if isinstance(tensor, nn.Parameter) or tensor is None:
                setattr(self, name, tensor)
            else:
                self.register_buffer(name, tensor.detach().clone(), persistent=False)
        self.fixed = fixed
        self.current: Callable[[], Tensor] | None = None
        self.geometry = call.geometry
        self.modulated = call.mask is not None

    @property
    def deform_layer(self) -> DeformLayer | None:
        """The description that strategies work from; None where the weights change."""
        if not self.fixed:
            return None
        given = (self.weight, self.bias, self.geometry, self.modulated)
        return DeformLayer(*given, None, None, ARGUMENTS, trusted=True)

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        """Arguments and result of the call."""
        if self.current is not None:
            return self.current()
        taps = tap_positions(self.geometry, offset.detach())
        given = (input, offset, mask, self.weight, self.bias, self.geometry, taps)
        return deform_conv2d(*given, sample_grid)


@dataclass(frozen=True)
class _ToChildren:
    """Handler factory: the calls of one forward pass go to the children in this order."""

    names: Sequence[str]

    def __call__(self, module: nn.Module) -> Handler:
        remaining = iter(self.names)

        def handle(call: DeformCall) -> Tensor:
            child = module._modules.get(next(remaining, ""))
            if child is None:  # more calls than were seen before
                return call.function()
            if isinstance(child, CallLayer):
                child.current = call.function
            try:
                result: Tensor = child(call.image, call.offset, call.mask)
            finally:
                if isinstance(child, CallLayer):
                    child.current = None
            return result

        return handle


def copied(module: nn.Module, handler: Callable[[nn.Module], Handler | None]) -> nn.Module:
    """Return a copy that shares parameters, buffers, hooks and children with ``module``.

    Its own dictionary of children is its own, so that one can be added or exchanged.

    Args:
        module: any module.
        handler: gives, for the copy, what takes the deformable calls of one forward pass; None:
            they are nobody's.
    """
    made = nn.Module.__new__(_intercepting(type(module)))
    made.__dict__.update(module.__dict__)
    made.__dict__["_modules"] = dict(module._modules)
    forward = made.__dict__.get("forward")
    if forward is not None and getattr(forward, "__self__", None) is module:
        forward = functools.partial(forward.__func__, made)
    made.__dict__.pop("forward", None)
    made.__dict__[HANDLER] = handler
    made.__dict__["_surgery_forward"] = forward
    return made


def is_exposed(module: nn.Module) -> bool:
    """Whether ``module`` is what :func:`copied` made."""
    return HANDLER in module.__dict__


_KINDS: dict[type[nn.Module], type[nn.Module]] = {}


def _intercepting(kind: type[nn.Module]) -> type[nn.Module]:
    """A subclass whose ``forward`` has its deformable calls intercepted."""
    if kind not in _KINDS:
        _KINDS[kind] = _subclass(kind)
    return _KINDS[kind]


def _subclass(kind: type[nn.Module]) -> type[nn.Module]:

    @functools.wraps(kind.forward)
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        handler = self.__dict__[HANDLER]
        own = self._surgery_forward or functools.partial(kind.forward, self)
        with intercepted(None if handler is None else handler(self)):
            return own(*args, **kwargs)

    members = {"forward": forward, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), members)


@contextmanager
def exposing(
    model: nn.Module, run: Callable[[], object], replace: Sequence[str] = ()
) -> Iterator[nn.Module]:
    """Give the deformable calls that a run of ``model`` makes children of their own for a while.

    Layers that are deformable convolutions as a whole stay as they are. Where there is no other
    call, nothing is exchanged.

    Args:
        model: any network.
        run: runs it once, on the inputs that it is meant for.
        replace: patterns of paths of modules that become layers as they are (:mod:`.whole`).

    Yields:
        ``model``, or where its own ``forward`` makes a call, what stands for it.
    """
    made = _copies(model, run, replace)
    slots = _slots(model, made)
    try:
        for parent, name, child in slots:
            parent._modules[name] = made[child]
        yield made.get(model, model)
    finally:
        for parent, name, child in slots:
            parent._modules[name] = child


def expose(
    model: nn.Module,
    run: Callable[[], object],
    views: Sequence[nn.Module] = (),
    replace: Sequence[str] = (),
) -> nn.Module:
    """Do for good what :func:`exposing` does for a while; returns what it yields.

    ``views``: modules that hold ``model`` or parts of it. Where one of them is ``model`` itself,
    its own calls are left as they are.
    """
    made = _copies(model, run, replace)
    if any(view is model for view in views):
        made.pop(model, None)
    for root in (model, *views):
        for parent, name, child in _slots(root, made):
            parent._modules[name] = made[child]
    return made.get(model, model)


def _slots(
    model: nn.Module, made: Mapping[nn.Module, nn.Module]
) -> list[tuple[nn.Module, str, nn.Module]]:
    """(parent, name, module) for every attribute that holds a module of ``made``."""
    return [
        (parent, name, child)
        for parent in [*model.modules(), *made.values()]
        if not isinstance(parent, Block)  # which holds what it replaced
        for name, child in parent._modules.items()
        if child is not None and child in made
    ]


def _copies(
    model: nn.Module, run: Callable[[], object], replace: Sequence[str]
) -> dict[nn.Module, nn.Module]:
    """What takes the places of modules that make deformable calls: copies with the children."""
    replaced = chosen(model, replace)
    with noting(replaced.values()) as seen:  # in one run of the network
        calling = calls_of(model, run)
    made: dict[nn.Module, nn.Module] = {
        module: whole(path, module, seen.get(module)) for path, module in replaced.items()
    }
    inside = {part for module in made for part in module.modules()}
    found = {owner: calls for owner, calls in calling.items() if owner not in inside}
    for owner, calls in found.items():
        layers, names = _layers(owner, calls)
        made[owner] = copied(owner, _ToChildren(names))
        made[owner]._modules.update(layers)
    for owner in found:  # layers inside are layers of their own
        for child in owner.modules():
            if child not in made and isinstance(describe(child), DeformLayer):
                made[child] = copied(child, lambda module: None)
    return made


def _layers(
    owner: nn.Module, calls: Sequence[DeformCall]
) -> tuple[dict[str, CallLayer], list[str]]:
    """A layer for each weight and geometry among the calls, and the layer's name for each call."""
    layers: dict[str, CallLayer] = {}
    names = []
    held = {id(parameter) for parameter in owner.parameters()}
    for call in calls:
        same = (
            name
            for name, layer in layers.items()
            if layer.geometry == call.geometry and layer.weight is call.weight
        )
        name = next(same, "")
        if not name:
            name = _free(owner, layers)
            fixed = id(call.weight) in held or _uniform(call.weight)
            layers[name] = CallLayer(call, fixed).train(owner.training)
        names.append(name)
    return layers, names


def _uniform(weight: Tensor) -> bool:
    """Whether the weight is one number everywhere: a constant of the code, as in TOOD."""
    return bool((weight == weight.flatten()[0]).all())


def _free(owner: nn.Module, taken: Any) -> str:
    number, name = 0, CHILD
    while name in taken or hasattr(owner, name):
        number, name = number + 1, f"{CHILD}_{number + 1}"
    return name


def _objection(module: nn.Module, given: tuple[Any, ...], call: DeformCall) -> str:
    """Why the description of ``module`` does not fit a call on its own inputs, or ""."""
    layer = describe(module)
    if not isinstance(layer, DeformLayer):
        return ""
    try:
        with intercepted(None):
            found = layer.sampling(*given)
    except Exception as error:  # whatever arguments of another form lead to
        return f"it takes its arguments in another form ({type(error).__name__}: {error})"
    pairs = zip(found, (call.image, call.offset, call.mask), strict=True)
    for tensor, wanted in pairs:
        if tensor is not None and wanted is not None:
            apart = tensor.shape != wanted.shape or relative(tensor, wanted) > SAME
        else:
            apart = tensor is not wanted
        if apart:
            return "its image, offsets or mask are others than its structure promises"
    return ""


def calls_of(model: nn.Module, run: Callable[[], object]) -> dict[nn.Module, list[DeformCall]]:
    """The deformable calls of one run, by the module whose own ``forward`` makes them.

    Calls of layers that :func:`~.recognise.describe` knows as a whole are left out.
    """
    own = set(model.modules())
    entered: list[tuple[nn.Module, tuple[Any, ...]]] = []
    found: dict[nn.Module, list[DeformCall]] = {}

    def enter(module: nn.Module, given: tuple[Any, ...]) -> None:
        if module in own:
            entered.append((module, given))

    def leave(module: nn.Module, *_: Any) -> None:
        if entered and entered[-1][0] is module:
            entered.pop()

    def note(call: DeformCall) -> Tensor:
        if entered:
            owner, given = entered[-1]
            found.setdefault(owner, []).append(call)
            if given and (objection := _objection(owner, given, call)):
                contradict(owner, objection)
        return call.function()

    handles = [
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True),
    ]
    try:
        with intercepted(note), torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return {
        owner: calls
        for owner, calls in found.items()
        if not isinstance(describe(owner), DeformLayer) and not isinstance(owner, CallLayer)
    }
