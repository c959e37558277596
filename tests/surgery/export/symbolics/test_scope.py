"""Symbolics hold for one export, whatever happens in it."""

from __future__ import annotations

import threading

import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.onnx._internal.torchscript_exporter.registration import registry

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.export.symbolics.channel_shuffle import CHANNEL_SHUFFLE
from surgery.export.symbolics.deform_conv import DEFORM_CONV
from surgery.export.symbolics.mish import MISH
from surgery.export.symbolics.registry import SYMBOLICS
from surgery.export.symbolics.scope import chosen, registered


class Refused(nn.Module):
    """Samples bicubically, which the symbolic refuses in the middle of an export."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.grid_sample(x, x.permute(0, 2, 3, 1), "bicubic", align_corners=False)


def test_it_is_gone_after_an_export_that_raises() -> None:
    assert not registry.is_registered_op("aten::grid_sampler", 15)
    with pytest.raises(InputError, match="bicubic"):
        export_onnx(
            Refused().eval(),
            (torch.rand(1, 2, 4, 4),),
            input_names=["x"],
            output_names=["y"],
            opset=15,
            exporter="torchscript",
        )
    assert not registry.is_registered_op("aten::grid_sampler", 15)


def test_an_operator_that_torch_does_not_write_is_unknown_again_afterwards() -> None:
    with registered([CHANNEL_SHUFFLE], 15):
        assert registry.is_registered_op("aten::channel_shuffle", 15)
    assert registry.get_function_group("aten::channel_shuffle") is None


def test_what_others_had_registered_is_back_afterwards() -> None:
    def theirs(*arguments: object) -> None: ...

    torch.onnx.register_custom_op_symbolic("aten::mish", theirs, 15)
    try:
        group = registry.get_function_group("aten::mish")
        assert group is not None
        with registered([MISH], 15):
            assert group.get(15) is not theirs
        assert group.get(15) is theirs
    finally:
        torch.onnx.unregister_custom_op_symbolic("aten::mish", 15)


def test_a_second_thread_waits_until_the_table_is_free() -> None:
    seen: list[bool] = []

    def other() -> None:
        with registered([CHANNEL_SHUFFLE], 15):
            seen.append(torch_writes_mish_itself())

    def torch_writes_mish_itself() -> bool:
        group = registry.get_function_group("aten::mish")
        assert group is not None
        return not group._functions.overridden(15)

    thread = threading.Thread(target=other)
    with registered([MISH], 15):
        assert not torch_writes_mish_itself()
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert not registry.is_registered_op("aten::channel_shuffle", 15)
        with registered([CHANNEL_SHUFFLE], 15):  # the thread that has it may enter again
            assert registry.is_registered_op("aten::channel_shuffle", 15)
    thread.join(30)
    assert seen == [True]
    assert registry.get_function_group("aten::channel_shuffle") is None


@pytest.mark.parametrize(
    ("name", "operator", "since"),
    [
        ("grid_sample", "GridSample", 16),
        ("hardswish", "HardSwish", 14),
        ("mish", "Mish", 18),
        ("deform_conv.decomposed", "DeformConv", 19),
    ],
)
def test_it_is_used_up_to_the_opset_that_has_the_operator(
    name: str, operator: str, since: int
) -> None:
    with pytest.raises(onnx.defs.SchemaError):
        onnx.defs.get_schema(operator, since - 1)
    assert onnx.defs.get_schema(operator, since).since_version == since
    assert [each.name for each in chosen([name], since - 1)] == [name]
    assert chosen([name], since) == ()


def test_what_is_written_as_the_operator_itself_is_used_from_its_opset_on() -> None:
    assert chosen(["deform_conv"], 18) == ()
    assert chosen(["deform_conv"], 19) == (DEFORM_CONV,)


def test_two_that_were_asked_for_cannot_write_one_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surgery.export.symbolics.scope.DEFAULT", ())
    with pytest.raises(InputError, match=r"'mish' and 'mish.decomposed' both write aten::mish"):
        chosen(["mish", "mish.decomposed"], 15)


def test_our_own_are_in_order() -> None:
    assert not SYMBOLICS.problems()
