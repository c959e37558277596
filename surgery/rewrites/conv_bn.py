"""BatchNorm folded into the convolution in front of it, in the live network.

Without it: the dynamo exporter writes BatchNormalization as a node of its own, which Core ML and
XNNPACK do not run ("not among its operators"); and a network that keeps BatchNorm cannot be handed
to tools that fold nothing themselves, quantisation in torch for one. In the main job the pass
``fold`` does the same to the graph; here it is done to the network, for whoever runs or exports it.

Which BatchNorm follows which convolution is not in a network's modules but in its ``forward``, so
that the network is run once: a BatchNorm is folded where a convolution that runs once feeds it and
nothing else. With s = weight / sqrt(var + eps) per channel the convolution gets the weight s W and
the bias s (b - mean) + bias (Jacob et al., "Quantization and training of neural networks for
efficient integer-arithmetic-only inference", 2018, section 3.2), and the BatchNorm becomes an
Identity. ConvTranspose is covered, groups included. Exact up to float32 rounding.

Declined: BatchNorm that normalises by the batch (no running statistics), or that no convolution
alone feeds; the pass ``batchnorm`` takes the latter. A pair of which one has fitted weights stays.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from .base import Context, Match, Replacement
from .calibration import Calibration
from .fitted import FittedConvolution, FittedTensors
from .measuring import run_through
from .nested import tensors_in
from .uses import Uses

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Partner:
    """What a module is paired with.

    Attributes:
        path: of the other module.
        scale, shift: (O,) float64, of the BatchNorm of the two.
    """

    path: str
    scale: Tensor
    shift: Tensor


@dataclass(frozen=True)
class ConvBn:
    """Conv with a BatchNorm's scale and shift, and Identity."""

    name: str = "conv_bn"
    exact: bool = True
    summary: str = "BatchNorm folded into the convolution that feeds it"
    min_opset: int = 1

    def measure(self, model: nn.Module, images: Sequence[Tensor]) -> Mapping[str, object]:
        """Run the first batch and return a :class:`Partner` for both modules of each pair.

        Raises:
            InputError: there is no batch.
        """
        if not images:
            raise InputError("conv_bn needs one batch to run the network on, got none")
        kinds = (*CONVOLUTIONS, *TRANSPOSED, *NORMALIZATIONS)
        modules = {path: m for path, m in model.named_modules() if isinstance(m, kinds)}
        calls: dict[str, list[tuple[Tensor, Tensor]]] = {path: [] for path in modules}
        handles = [m.register_forward_hook(_noted(calls[path])) for path, m in modules.items()]
        returned: set[int] = set()
        handles.append(model.register_forward_hook(_returned(returned)))
        uses = Uses()
        try:
            with uses:
                run_through(model, images[:1])
        finally:
            for handle in handles:
                handle.remove()
        once = {path: made[0] for path, made in calls.items() if len(made) == 1}
        fed = {
            id(once[path][0]): path
            for path, module in modules.items()
            if isinstance(module, NORMALIZATIONS) and path in once and _fixed(module)
        }
        found: dict[str, object] = {}
        for path, (_, output) in once.items():
            behind = fed.get(id(output), "")
            if isinstance(modules[path], NORMALIZATIONS) or not behind:
                continue
            if uses.normalized_alone(output) and id(output) not in returned:
                scale, shift = _affine(modules[behind])
                found[path] = Partner(behind, scale, shift)
                found[behind] = Partner(path, scale, shift)
        return found

    def match(self, module: nn.Module) -> Match:
        """Accept convolutions and BatchNorms; which of them are pairs is known by path."""
        if isinstance(module, NORMALIZATIONS):
            return Match.accept() if _fixed(module) else Match.decline("it normalises by the batch")
        accepted = isinstance(module, (*CONVOLUTIONS, *TRANSPOSED))
        return Match.accept() if accepted else Match.unrelated()

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement | Match:
        """Return the convolution with the BatchNorm in it, or Identity for the BatchNorm.

        A module that is no part of a pair stays.
        """
        calibration = context.calibration
        partner = calibration.get(Partner, path)
        normalization = isinstance(module, NORMALIZATIONS)
        if _fitted(calibration, path):
            return Match.decline("it has weights that were fitted to images")
        if partner is None:
            reason = "no convolution that runs once feeds it and nothing else"
            return Match.decline(reason) if normalization else Match.unrelated()
        if _fitted(calibration, partner.path):
            return Match.decline(f"{partner.path} has weights that were fitted to images")
        if normalization:
            return Replacement(nn.Identity(), note=f"in {partner.path}")
        return Replacement(_folded(module, partner), note=f"with {partner.path}")


def _fitted(calibration: Calibration, path: str) -> bool:
    kinds: tuple[type, ...] = (FittedConvolution, FittedTensors)
    return any(calibration.get(kind, path) is not None for kind in kinds)


def _noted(calls: list[tuple[Tensor, Tensor]]) -> Any:
    def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        calls.append((args[0], output))

    return hook


def _returned(outputs: set[int]) -> Any:
    def hook(module: nn.Module, args: object, output: object) -> None:
        outputs.update(id(tensor) for tensor in tensors_in(output))

    return hook


def _fixed(module: nn.Module) -> bool:
    """Whether a BatchNorm has statistics to fold."""
    return isinstance(module.running_mean, Tensor) and isinstance(module.running_var, Tensor)


def _affine(module: nn.Module) -> tuple[Tensor, Tensor]:
    """Scale and shift (O,) of a BatchNorm in float64."""
    assert isinstance(module, NORMALIZATIONS)
    assert module.running_mean is not None
    assert module.running_var is not None
    scale = (module.running_var.double() + module.eps).rsqrt()
    if module.weight is not None:
        scale = scale * module.weight.detach().double()
    shift = -module.running_mean.double() * scale
    if module.bias is not None:
        shift = shift + module.bias.detach().double()
    return scale, shift


def _folded(module: nn.Module, partner: Partner) -> nn.Module:
    assert isinstance(module, (*CONVOLUTIONS, *TRANSPOSED))
    made = copy.deepcopy(module)
    weight = module.weight.detach()
    rest = [1] * (weight.ndim - 2)
    if isinstance(module, TRANSPOSED):  # (C, O / groups, taps), its outputs ordered by group
        by_group = weight.double().reshape(module.groups, -1, *weight.shape[1:])
        scale = partner.scale.reshape(module.groups, 1, -1, *rest)
        scaled = (by_group * scale).reshape(weight.shape)
    else:
        scaled = weight.double() * partner.scale.reshape(-1, 1, *rest)
    bias = 0.0 if module.bias is None else module.bias.detach().double()
    with torch.no_grad():
        made.weight = nn.Parameter(scaled.to(weight))
        made.bias = nn.Parameter((bias * partner.scale + partner.shift).to(weight))
    return made


CONV_BN = ConvBn()
