"""Deformable calls are seen by whatever function they are made, and given to a handler."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from benchmarks.family_networks import DCNv2, deform_conv2d
from surgery import rewriting
from surgery.rewrites.dcn.calls import DeformCall, intercepted, makes_calls


class ModulatedFunction(Function):
    """A compiled extension's function whose kernel is not there."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor,
        stride: int, padding: int, dilation: int, deformable_groups: int,
    ) -> Tensor:  # fmt: skip
        raise RuntimeError("the extension was built for CUDA alone")


dcn_v2_conv = ModulatedFunction.apply


class WithoutKernel(DCNv2):
    """A checkpoint's layer on a machine without its extension."""

    def forward(self, input: Tensor) -> Tensor:
        offset, mask = self.split(self.conv_offset_mask(input))
        return dcn_v2_conv(input, offset, mask.sigmoid(), self.weight, self.bias, 1, 1, 1, 1)


def drawn(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0, 0.3, generator=generator)
    return module.eval()


IMAGE = torch.randn(1, 8, 7, 9, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_a_function_without_its_kernel_gets_a_stand_in() -> None:
    layer, same = drawn(WithoutKernel()), drawn(DCNv2())
    with rewriting(layer, "dcn.decomposed") as (operated, _):
        torch.testing.assert_close(operated(IMAGE), same(IMAGE))
    with intercepted(lambda call: call.function()):
        torch.testing.assert_close(layer(IMAGE), same(IMAGE))


@torch.no_grad()
def test_the_function_is_itself_again_behind_the_context() -> None:
    with intercepted(lambda call: call.function()):
        assert dcn_v2_conv is not ModulatedFunction.__dict__.get("apply", dcn_v2_conv)
    assert ModulatedFunction.apply == dcn_v2_conv


@torch.no_grad()
def test_handlers_nest_and_what_one_calls_goes_to_the_outer() -> None:
    seen = []

    def handler(name: str) -> Any:
        def handle(call: DeformCall) -> Tensor:
            seen.append(name)
            return call.function()

        return handle

    layer = drawn(DCNv2())
    with intercepted(handler("outer")), intercepted(handler("inner")):
        layer(IMAGE)
    with intercepted(handler("outer")), intercepted(None):
        layer(IMAGE)
    assert seen == ["inner", "outer"]


def test_code_that_names_a_function_is_found_through_methods_and_parents() -> None:
    class Helper(DCNv2):
        def forward(self, input: Tensor) -> Tensor:
            return self.align(input)

        def align(self, input: Tensor) -> Tensor:
            offset, _ = self.split(self.conv_offset_mask(input))
            return deform_conv2d(input, offset, self.weight, self.bias)

    class Child(Helper):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input)

    assert makes_calls(Helper())
    assert makes_calls(Child())
    assert makes_calls(WithoutKernel())
    assert not makes_calls(nn.Sequential(Helper()))
    assert not makes_calls(nn.Conv2d(1, 1, 1))


@torch.no_grad()
def test_operators_of_torch_are_seen_too() -> None:
    importlib.import_module("surgery.rewrites.functions.modulated_deform_conv2d")
    layer = drawn(DCNv2())
    offset, mask = layer.split(layer.conv_offset_mask(IMAGE))
    given = (layer.weight, offset, mask.sigmoid(), layer.bias, 1, 1, 1, 1, 1, 1, 1, 1, True)
    with intercepted(lambda call: call.computed()):
        found = torch.ops.surgery.deform_conv2d(IMAGE, *given)
    torch.testing.assert_close(found, layer(IMAGE))
