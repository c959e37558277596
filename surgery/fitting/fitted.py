"""What a fit yields: new weights by module path, ready for :func:`surgery.rewriting`.

A deformable layer gets an ordinary convolution; other modules (BatchNorm, the heads' convolutions)
may get new values for their own parameters and buffers. `Fitted.names()` and `Fitted.modules` are
the arguments that ``rewriting`` takes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..rewrites import rewriting
from ..rewrites.fitted import FittedConvolution, FittedTensors, Hidden, Window
from ..support.ledger import Entry, Ledger
from .widening import Widening, kernel_of

Effect = dict[str, float]
Measure = Callable[[nn.Module], Effect]


@dataclass(frozen=True)
class Fitted:
    """The result of a fit.

    Attributes:
        strategy: "calibrated" or "distilled".
        modules: what was fitted, by module path.
        summary: figures of the whole fit: seconds, images, error on the held-back images.
        notes: what a user should know about this fit, a line each.
        measure: a network's error on the held-back images by ``strategy.output``; None for a fit
            that was read from a file.
    """

    strategy: str
    modules: Mapping[str, FittedConvolution | FittedTensors]
    summary: Effect = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    measure: Measure | None = field(default=None, compare=False, repr=False)

    def names(self) -> dict[str, str]:
        """Which rewrite goes to which path: the ``names`` of :func:`surgery.rewriting`."""
        deform = f"dcn.{self.strategy}"
        return {
            path: deform if isinstance(module, FittedConvolution) else "fitted"
            for path, module in self.modules.items()
        }

    def operated(self, model: nn.Module) -> tuple[nn.Module, Ledger]:
        """Return a copy of ``model`` with the fitted weights in place, and the ledger."""
        inner = {  # of modules that hold both parameters and modules
            path: fitted
            for path, fitted in self.modules.items()
            if isinstance(fitted, FittedTensors)
            and next(model.get_submodule(path).children(), None)
        }
        names = {path: name for path, name in self.names().items() if path not in inner}
        with rewriting(model, names, calibration=dict(self.modules)) as (live, ledger):
            made = copy.deepcopy(live)
        for path, fitted in inner.items():
            own = own_state(made.get_submodule(path))
            for name, tensor in fitted.tensors.items():
                own[name].data.copy_(tensor)
            ledger.add(
                Entry("rewrite", "fitted", path, True, False, "", dict(fitted.effect) or None)
            )
        return made, ledger


def differing(
    model: nn.Module, student: nn.Module, effects: Mapping[str, Effect]
) -> dict[str, FittedConvolution | FittedTensors]:
    """Collect what sets an operated copy apart from the network that it was copied from.

    Args:
        model: the untouched network.
        student: a copy of it with :class:`torch.nn.Conv2d` in the places of deformable layers, and
            any parameters and buffers changed.
        effects: figures for the ledger by path.
    """
    found: dict[str, FittedConvolution | FittedTensors] = {}
    hidden = {m.hidden for m in student.modules() if isinstance(m, Widening)}
    for path, module in student.named_modules():
        if module in hidden:
            continue
        own = _own_tensors(module)
        before = model.get_submodule(path)
        effect = dict(effects.get(path, {}))
        if isinstance(module, nn.Conv2d) and not isinstance(before, nn.Conv2d):
            found[path] = _convolution(module, own, effect)
            continue
        original = _own_tensors(before)
        changed = {
            name: tensor
            for name, tensor in own.items()
            if name not in original or not torch.equal(tensor, original[name].cpu())
        }
        if changed:
            found[path] = FittedTensors(changed, effect)
    return found


def _convolution(module: nn.Conv2d, own: Mapping[str, Tensor], effect: Effect) -> FittedConvolution:
    weight, hidden = own["weight"], None
    if isinstance(module, Widening):
        weight = kernel_of(module).cpu().contiguous()
        computed = _own_tensors(module.hidden)
        hidden = Hidden(computed["weight"], computed["bias"])
    bias = own.get("bias", weight.new_zeros(module.out_channels))
    return FittedConvolution(weight, bias, window_of(module), effect, hidden)


def window_of(convolution: nn.Conv2d) -> Window:
    """Geometry of an ordinary convolution with numeric padding."""
    kernel, stride, padding, dilation = (
        (int(pair[0]), int(pair[1]))
        for pair in (
            convolution.kernel_size,
            convolution.stride,
            convolution.padding,
            convolution.dilation,
        )
    )
    return Window(kernel, stride, padding, dilation, convolution.groups)


def _own_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers of the module itself, on the CPU."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in own_state(module).items()
    }


def own_state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers that ``module`` itself holds, by their names in it."""
    state: dict[str, Tensor] = {
        name: parameter for name, parameter in module._parameters.items() if parameter is not None
    }
    persistent = module._buffers.keys() - module._non_persistent_buffers_set
    state |= {name: b for name in persistent if (b := module._buffers[name]) is not None}
    return state
