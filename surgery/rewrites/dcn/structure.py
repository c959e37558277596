"""What a deformable layer is by its attributes: a proposal that :mod:`.recognise` tries.

========================================  ==========================  =====================
layer                                     offset convolution          ``forward`` takes
========================================  ==========================  =====================
CharlesShang/DCNv2 ``DCN``                ``conv_offset_mask``, 3gk   input
mmcv ``ModulatedDeformConv2dPack``        ``conv_offset``, 3gk        input
mmcv ``DeformConv2dPack`` (v1)            ``conv_offset``, 2gk        input
mmcv ``ModulatedDeformConv2d``, DCNv2     none                        input, offset, mask
mmcv ``DeformConv2d`` (v1)                none                        input, offset
torchvision ``DeformConv2d``              none                        input, offset[, mask]
========================================  ==========================  =====================

(g deformable groups, k = kernel height * width taps.) In all of them the offsets are (dy, dx) in
input pixels, tap by tap, deformable group by group; the mask of a layer with its own offset
convolution is the sigmoid of that convolution's last third.
"""

from __future__ import annotations

import inspect

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .deform_layer import DeformLayer
from .geometry import Geometry, Pair

OFFSET_CONVOLUTIONS = ("conv_offset_mask", "conv_offset")


def proposed(module: nn.Module) -> DeformLayer | str | None:
    """Describe ``module`` by what it holds and what its ``forward`` takes.

    Returns:
        The layer that its attributes promise; or why a module that looks like one is not handled,
        in one line; or None for a module of another kind.
    """
    offset_name = next((n for n in OFFSET_CONVOLUTIONS if _has(module, n)), None)
    required, optional = parameters(module)
    takes_offset = "offset" in required and hasattr(module, "stride")
    if not hasattr(module, "weight") or (offset_name is None and not takes_offset):
        return None
    try:
        return _describe(module, offset_name, required, optional)
    except _Decline as decline:
        return str(decline)


class _Decline(Exception):
    """The reason why a module that looks like a deformable convolution is not handled."""


def _describe(
    module: nn.Module, offset_name: str | None, required: list[str], optional: list[str]
) -> DeformLayer:
    weight = _weight(module)
    bias = getattr(module, "bias", None)
    if bias is not None and not isinstance(bias, Tensor):
        raise _Decline(f"its bias is a {type(bias).__name__}, not a tensor: quantised?")
    stride, padding, dilation = (_pair(module, n) for n in ("stride", "padding", "dilation"))
    if getattr(module, "padding_mode", "zeros") != "zeros":
        raise _Decline(f"its padding_mode is {module.padding_mode!r}, only 'zeros' is handled")
    groups = _integer(module, ("groups",), default=1)
    deform_groups = _deform_groups(module, takes_offset=offset_name is None)
    geometry = Geometry.of(weight, stride, padding, dilation, groups, deform_groups)
    if geometry.in_channels % (deform_groups or 1) or geometry.out_channels % groups:
        raise _Decline(
            f"{geometry.in_channels} input and {geometry.out_channels} output channels cannot be "
            f"shared by {deform_groups} deformable groups and {groups} groups"
        )
    if offset_name is None:
        modulated = "mask" in required or "mask" in optional
        arguments = required if "mask" in required or not modulated else [*required, "mask"]
        if len(required) - ("mask" in required) != 2 or required[1] != "offset":
            raise _Decline(f"its forward takes ({', '.join(required)}), not (input, offset, mask)")
        return DeformLayer(weight, bias, geometry, modulated, None, None, tuple(arguments))
    if len(required) != 1:
        raise _Decline(
            f"its forward takes ({', '.join(required)}) although it holds {offset_name}: offsets "
            "that come from another input are not handled"
        )
    convolution = _offset_convolution(module, offset_name, geometry)
    modulated = convolution.out_channels == 3 * (deform_groups or 1) * geometry.taps
    return DeformLayer(weight, bias, geometry, modulated, offset_name, convolution, tuple(required))


def _has(module: nn.Module, name: str) -> bool:
    return isinstance(getattr(module, name, None), nn.Module)


def parameters(module: nn.Module) -> tuple[list[str], list[str]]:
    """Names of the required and of the optional parameters of ``forward``."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return [], []
    named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return (
        [p.name for p in named if p.default is p.empty],
        [p.name for p in named if p.default is not p.empty],
    )


def _weight(module: nn.Module) -> Tensor:
    weight = module.weight
    if not isinstance(weight, Tensor):
        raise _Decline(f"its weight is a {type(weight).__name__}, not a tensor: quantised?")
    if is_lazy(weight):
        raise _Decline("its weight is not initialised yet (lazy module): run one forward first")
    if weight.is_quantized or not weight.dtype.is_floating_point:
        raise _Decline(f"its weight is quantised ({weight.dtype}): operate on the float network")
    if weight.dim() != 4:
        raise _Decline(f"its weight has {weight.dim()} dimensions: only 2-D convolutions (4) work")
    return weight


def _pair(module: nn.Module, name: str) -> Pair:
    value = getattr(module, name, None)
    if isinstance(value, int):
        return value, value
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(type(v) is int for v in value):
        return value[0], value[1]
    raise _Decline(f"its {name} is {value!r}, expected an integer or a pair of them")


def _integer(module: nn.Module, names: tuple[str, ...], default: int | None = None) -> int:
    for name in names:
        value = getattr(module, name, default)
        if isinstance(value, int) and value > 0:
            return value
    raise _Decline(f"it has no positive integer attribute {' or '.join(names)}")


def _deform_groups(module: nn.Module, *, takes_offset: bool) -> int | None:
    names = ("deformable_groups", "deform_groups", "offset_groups")
    if takes_offset and not any(hasattr(module, name) for name in names):
        return None
    return _integer(module, names)


def _offset_convolution(module: nn.Module, name: str, geometry: Geometry) -> nn.Conv2d:
    """Check that the offset convolution predicts what the layer needs, where it needs it."""
    convolution = getattr(module, name)
    if not isinstance(convolution, nn.Conv2d):
        raise _Decline(f"its {name} is a {type(convolution).__name__}, expected a Conv2d")
    if is_lazy(convolution.weight):
        raise _Decline(f"its {name} is not initialised yet (lazy module): run one forward first")
    assert geometry.deform_groups is not None
    maps = geometry.deform_groups * geometry.taps
    if convolution.out_channels not in (2 * maps, 3 * maps):
        raise _Decline(
            f"its {name} has {convolution.out_channels} channels, expected {3 * maps} (offsets and "
            f"mask) or {2 * maps} (offsets) for {geometry.deform_groups} deformable groups of "
            f"{geometry.taps} taps"
        )
    if convolution.stride != geometry.stride or _shrinkage(convolution) != tuple(
        e - 2 * p for e, p in zip(geometry.extent, geometry.padding, strict=True)
    ):
        raise _Decline(
            f"its {name} gives maps of another size than the layer's output (kernel "
            f"{convolution.kernel_size}, stride {convolution.stride}, padding {convolution.padding}"
            f", dilation {convolution.dilation})"
        )
    return convolution


def _shrinkage(convolution: nn.Conv2d) -> tuple[int, ...]:
    """Rows and columns that the convolution costs at a stride of one."""
    extent = [
        d * (k - 1) for d, k in zip(convolution.dilation, convolution.kernel_size, strict=True)
    ]
    if convolution.padding == "same":
        return (0, 0)
    padding = (0, 0) if isinstance(convolution.padding, str) else convolution.padding
    return tuple(e - 2 * p for e, p in zip(extent, padding, strict=True))
