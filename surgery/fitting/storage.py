"""A fit as flat tensors and plain values, for files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..rewrites.fitted import FittedConvolution, FittedTensors, Hidden, Window
from .fitted import Fitted


def to_tensors(fitted: Fitted, *, half: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors by ``path/name``, and a JSON value that says what they are.

    Args:
        fitted: what a fit gave.
        half: convert float32 to float16 where the values allow it.
    """
    tensors: dict[str, Tensor] = {}
    modules: dict[str, Any] = {}
    for path, module in fitted.modules.items():
        if isinstance(module, FittedConvolution):
            named: Mapping[str, Tensor] = {"weight": module.weight, "bias": module.bias}
            hidden = module.hidden
            if hidden is not None:
                named = {**named, "hidden.weight": hidden.weight, "hidden.bias": hidden.bias}
            window = module.window
            modules[path] = {
                "stride": window.stride,
                "padding": window.padding,
                "dilation": window.dilation,
                "groups": window.groups,
            }
        else:
            named = module.tensors
            modules[path] = {"tensors": sorted(named)}
        modules[path]["effect"] = dict(module.effect)
        for name, tensor in named.items():
            tensors[f"{path}/{name}"] = _halved(tensor) if half else tensor.contiguous()
    return tensors, {
        "strategy": fitted.strategy,
        "modules": modules,
        "summary": dict(fitted.summary),
        "notes": list(fitted.notes),
    }


def _halved(tensor: Tensor) -> Tensor:
    converted = tensor.half()
    fits = tensor.dtype == torch.float32 and bool(converted.isfinite().all())
    return (converted if fits else tensor).contiguous()


def from_tensors(tensors: Mapping[str, Tensor], described: Mapping[str, Any]) -> Fitted:
    """Undo :func:`to_tensors`; half floats become float32.

    Raises:
        KeyError, TypeError, ValueError: the two do not belong together.
    """
    full = {name: t.float() if t.dtype == torch.float16 else t for name, t in tensors.items()}
    modules: dict[str, FittedConvolution | FittedTensors] = {}
    for path, said in described["modules"].items():
        if "tensors" in said:
            named = {name: full[f"{path}/{name}"] for name in said["tensors"]}
            modules[path] = FittedTensors(named, said["effect"])
            continue
        weight = full[f"{path}/weight"]
        stride, padding, dilation = (
            (int(said[name][0]), int(said[name][1])) for name in ("stride", "padding", "dilation")
        )
        kernel = (int(weight.shape[2]), int(weight.shape[3]))
        window = Window(kernel, stride, padding, dilation, int(said["groups"]))
        hidden = None
        if (wide := full.get(f"{path}/hidden.weight")) is not None:
            hidden = Hidden(wide, full[f"{path}/hidden.bias"])
        bias = full[f"{path}/bias"]
        modules[path] = FittedConvolution(weight, bias, window, said["effect"], hidden)
    return Fitted(
        described["strategy"], modules, dict(described["summary"]), tuple(described["notes"])
    )
