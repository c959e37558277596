"""Run somebody's network and look inside: call, outputs, deformable layers in execution order.

Nothing is assumed about names, heads or what ``forward`` returns beyond the caller's two functions:
``forward(model, images)`` and ``outputs(result) -> {name: tensor}``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..rewrites.dcn import DeformLayer, describe, is_exposed
from ..rewrites.modes import evaluating
from ..rewrites.uses import Rectifier, Uses

Outputs = Callable[[Any], Mapping[str, Tensor]]
Forward = Callable[[nn.Module, Tensor], Any]


def call(model: nn.Module, images: Tensor) -> Any:
    """The usual ``forward``: the batch is the only argument."""
    return model(images)


@dataclass(frozen=True)
class Reading:
    """How to run a network and which of its results count.

    Attributes:
        outputs: what ``forward`` returned -> tensors by name, batch first.
        forward: runs the network on a batch.
    """

    outputs: Outputs
    forward: Forward = field(default=call)

    def __call__(self, model: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """Run ``model`` on ``images``.

        Raises:
            InputError: ``outputs`` does not give a dict of floating-point tensors.
        """
        named = self.outputs(self.forward(model, images))
        if not isinstance(named, Mapping) or not named:
            raise InputError(
                f"outputs expects a function that returns a dict of tensors by name, got "
                f"{type(named).__name__}: outputs=lambda y: {{'heatmap': y[0]}} for example"
            )
        for name, tensor in named.items():
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
                raise InputError(f"output {name!r} is a {kind}, expected a floating-point tensor")
            if tensor.dim() == 0 or tensor.shape[0] != images.shape[0]:
                raise InputError(
                    f"output {name!r} has shape {tuple(tensor.shape)} for {images.shape[0]} "
                    "images: expected the batch as its first axis"
                )
        return dict(named)


def check_finite(outputs: Mapping[str, Tensor], whose: str) -> None:
    """Refuse outputs that are not numbers.

    Raises:
        InputError: one of them holds NaN or infinity.
    """
    for name, tensor in outputs.items():
        if not bool(tensor.isfinite().all()):
            raise InputError(
                f"output {name!r} of the {whose} network holds NaN or infinite values: check the "
                "checkpoint and that the images are normalised as the network expects"
            )


@dataclass(frozen=True)
class Trace:
    """What one forward pass showed.

    Attributes:
        layers: deformable layers by path.
        order: paths of the deformable layers and of the ordinary convolutions behind the first of
            them, by their first call.
        calls: how often each of those is called in a forward pass.
        size: height and width of what each of those gives, at its first call.
        rectifiers: the BatchNorm and ReLU that alone take a layer's result, where it is so.
        finals: paths of convolutions whose result is an output of the network -> its name.
        unused: paths of deformable layers that were not called.
        refused: why a layer that looks like a deformable one is not handled, by path.
        trunk: paths of the largest modules that had returned before the first deformable layer was
            called and were not called again: none of them can depend on a deformable layer.
    """

    layers: Mapping[str, DeformLayer]
    order: Sequence[str]
    calls: Mapping[str, int]
    size: Mapping[str, tuple[int, int]]
    rectifiers: Mapping[str, Rectifier]
    finals: Mapping[str, str]
    unused: Sequence[str]
    refused: Mapping[str, str]
    trunk: Sequence[str]


@dataclass(frozen=True)
class _Event:
    """A module was entered, or left with a result."""

    path: str
    result: Tensor | None
    entered: bool


def trace(
    model: nn.Module, reading: Reading, images: Tensor, only: Collection[str] | None = None
) -> Trace:
    """Run ``model`` once and write down who was called when.

    ``only``: paths of the deformable layers that count as such; None for all of them.

    Raises:
        InputError: there is no deformable layer, none that is handled, or none that was called.
    """
    described = {path: describe(module) for path, module in model.named_modules()}
    layers = {
        path: d
        for path, d in described.items()
        if isinstance(d, DeformLayer) and (only is None or path in only)
    }
    wholes = tuple(f"{path}." for path, layer in layers.items() if layer.whole)
    layers = {path: layer for path, layer in layers.items() if not path.startswith(wholes)}
    refused = {
        path: d
        for path, d in described.items()
        if isinstance(d, str) and not is_exposed(model.get_submodule(path))
    }
    if not layers:
        why = "; ".join(f"{path}: {reason}" for path, reason in refused.items())
        raise InputError(
            f"{type(model).__name__} has no deformable layer to replace"
            + (f" ({why})" if why else ": is this the network that was meant?")
        )
    if "" in layers:
        raise InputError(
            f"the network is nothing but one {type(model).__name__}: wrap it in nn.Sequential"
        )
    events, outputs, uses = _events(model, reading, images)
    start = next((i for i, e in enumerate(events) if e.entered and e.path in layers), None)
    if start is None:
        raise InputError(
            f"none of the {len(layers)} deformable layers of {type(model).__name__} is called in a "
            "forward pass: pass forward=lambda model, images: ... that reaches them"
        )
    inside = tuple(f"{path}." for path in layers)
    returned = [
        event
        for event in events[start:]
        if event.result is not None
        and (event.path in layers or isinstance(model.get_submodule(event.path), nn.Conv2d))
        and not event.path.startswith(inside)
    ]
    order = list(dict.fromkeys(event.path for event in returned))
    first = {e.path: e.result for e in reversed(returned) if e.result is not None}
    calls = Counter(event.path for event in returned)
    touched = {event.path for event in events[start:]}
    done = {event.path for event in events[:start] if not event.entered} - touched - {""}
    return Trace(
        {path: layers[path] for path in order if path in layers},
        order,
        calls,
        {path: (int(result.shape[2]), int(result.shape[3])) for path, result in first.items()},
        {
            path: found
            for path, result in first.items()
            if calls[path] == 1
            and not any(output is result for output in outputs.values())
            and (found := uses.rectifier(result)) is not None
        },
        {
            path: name
            for path, result in first.items()
            for name, output in outputs.items()
            if output is result and calls[path] == 1 and path not in layers
        },
        [path for path in layers if path not in order],
        refused,
        sorted(p for p in done if not any(p.startswith(f"{other}.") for other in done)),
    )


def _events(
    model: nn.Module, reading: Reading, images: Tensor
) -> tuple[list[_Event], dict[str, Tensor], Uses]:
    """Every call and return of a module in one forward pass, the outputs, and what was called."""
    events: list[_Event] = []

    def entering(path: str) -> Callable[..., None]:
        return lambda *_: events.append(_Event(path, None, True))

    def leaving(path: str) -> Callable[..., None]:
        def note(_: nn.Module, __: Any, result: Any) -> None:
            events.append(_Event(path, result if isinstance(result, Tensor) else None, False))

        return note

    handles: list[Any] = []
    for path, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(entering(path)))
        handles.append(module.register_forward_hook(leaving(path)))
    try:
        with evaluating(model), torch.no_grad(), Uses() as uses:
            outputs = reading(model, images)
    finally:
        for handle in handles:
            handle.remove()
    check_finite(outputs, "untouched")
    return events, outputs, uses


class Reached(Exception):
    """Ends a forward pass once the last wanted call was seen."""


@contextmanager
def inputs_of(model: nn.Module, path: str, argument: str, calls: int) -> Iterator[list[Tensor]]:
    """Note what the module at ``path`` is given, and end the pass at its last call.

    The yielded list holds copies of its first argument (named ``argument``), call by call; empty it
    before every pass, and catch :class:`Reached`.
    """
    seen: list[Tensor] = []

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen.append((args[0] if args else kwargs[argument]).detach().clone())
        if len(seen) == calls:
            raise Reached

    handle = model.get_submodule(path).register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()
