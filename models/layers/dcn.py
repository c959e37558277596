"""Which deformable layer a network is built on, and how its checkpoint keys differ.

CharlesShang's DCNv2 calls the convolution that predicts offsets and mask `conv_offset_mask`, mmcv's
ModulatedDeformConv2dPack calls it `conv_offset`; shapes, channel order and results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from torch import nn

from ..errors import ModelError
from .deform import DCN
from .mmcv_ops import find_mmcv_ops

ConvFactory = Callable[[int, int], nn.Module]  # (in_channels, out_channels) -> 3x3, stride 1


def mmcv_dcn(in_channels: int, out_channels: int) -> nn.Module:
    """mmcv's ModulatedDeformConv2dPack, 3x3, stride 1, one deformable group.

    Raises ModelError where mmcv's compiled operators are not installed.
    """
    ops = find_mmcv_ops()
    if ops is None:
        raise ModelError(
            "model.dcn=mmcv needs mmcv with its compiled operators (mmcv.ops), which cannot be "
            "imported here: install the extra 'mmcv', or use model.dcn=charlesshang, which gives "
            "the same results"
        )
    layer: nn.Module = ops.ModulatedDeformConv2dPack(
        in_channels, out_channels, kernel_size=3, padding=1, deform_groups=1
    )
    return layer


DCN_LAYERS: dict[str, ConvFactory] = {"charlesshang": DCN, "mmcv": mmcv_dcn}


def dcn_layer(name: str) -> ConvFactory:
    """The layer for `model.dcn`; raises ModelError for an unknown name."""
    if name not in DCN_LAYERS:
        raise ModelError(f"model.dcn={name} is not known: give one of {', '.join(DCN_LAYERS)}")
    return DCN_LAYERS[name]


def offset_renaming(wanted: Collection[str]) -> Callable[[str], str]:
    """A renaming of checkpoint keys to those of a network whose keys are `wanted`."""

    def rename(key: str) -> str:
        for old, new in (
            (".conv_offset.", ".conv_offset_mask."),
            (".conv_offset_mask.", ".conv_offset."),
        ):
            renamed = key.replace(old, new)
            if renamed in wanted:
                return renamed
        return key

    return rename
