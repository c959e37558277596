"""Both exporters give the graph that was asked for, or one line that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.export.exporters.torchscript import module_path
from surgery.graph.modules import module_of
from surgery.graph.run import run
from surgery.graph.shapes import shape_of
from surgery.graph.weights import has_outside
from surgery.measure.arrays import compare, within
from surgery.support import scratch

from ..nets import DYNAMIC, Baked, Scattered, Unsupported, Warped, backbone, export, image

EXPORTERS = ("dynamo", "torchscript")


def opset(model: onnx.ModelProto) -> int:
    return next(entry.version for entry in model.opset_import if entry.domain == "")


def outputs_of(net: nn.Module, x: Tensor) -> dict[str, Any]:
    with torch.no_grad():
        return {n: y.numpy() for n, y in zip(("head", "coarse"), net(x), strict=True)}


@pytest.mark.parametrize(
    ("exporter", "version"),
    [("torchscript", version) for version in (11, 13, 15, 17, 18, 19, 21)]
    + [("dynamo", version) for version in (11, 13, 15, 17, 18, 19, 21)],
)
def test_graph_is_in_the_opset_asked_for_and_computes_what_torch_does(
    exporter: str, version: int
) -> None:
    net = backbone()
    model = export(net, opset=version, exporter=exporter)
    assert opset(model) == version
    for found in compare(outputs_of(net, image()), run(model, {"image": image().numpy()})).values():
        assert within(found)


class Masked(nn.Module):
    """Keeps the upper triangle of a picture, by an operator of opset 14."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.triu(x)


def test_operator_without_an_older_form_is_named_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"18 to 13 \(Trilu.*: try surgery.opset=18, which") as e:
        export(Masked().eval(), outputs=("head",), opset=13, exporter="dynamo")
    assert "\n" not in str(e.value)
    assert e.value.__cause__ is not None


@pytest.mark.parametrize("version", [8, 99])
def test_opset_out_of_range_is_refused(version: int) -> None:
    with pytest.raises(InputError, match=f"got {version}"):
        export(backbone(), opset=version)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_dynamic_axes_carry_the_symbols_asked_for_and_take_other_sizes(exporter: str) -> None:
    net = backbone()
    model = export(net, example=image(1, 3, 16, 16), exporter=exporter, dynamic=DYNAMIC)
    assert shape_of(model.graph.input[0]) == ("batch", 3, "height", "width")
    assert shape_of(model.graph.output[0]) == ("batch", 4, "height", "width")
    # Axes that nobody named are dynamic all the same, each under a name of its own.
    assert shape_of(model.graph.output[1]) == ("batch", 8, "coarse_dim_2", "coarse_dim_3")
    other = image(3, 3, 32, 40)
    for found in compare(outputs_of(net, other), run(model, {"image": other.numpy()})).values():
        assert within(found)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_graph_that_depends_on_the_size_still_takes_other_sizes(exporter: str) -> None:
    net = Warped().eval()
    model = export(
        net, outputs=("head",), opset=18, exporter=exporter, dynamic={"image": DYNAMIC["image"]}
    )
    other = image(3, 3, 10, 12)
    with torch.no_grad():
        expected = {"head": net(other).numpy()}
    assert within(compare(expected, run(model, {"image": other.numpy()}))["head"])


def test_size_of_the_example_frozen_into_the_graph_is_found() -> None:
    dynamic = {"image": {0: "batch", 3: "width"}, "head": {0: "batch", 3: "width"}}
    with pytest.raises(InputError, match=r"'head' axis 3 .*\(width\).*fixes it at 8"):
        export(
            Baked().eval(),
            example=image(2, 3, 4, 8),
            outputs=("head",),
            dynamic=dynamic,
            exporter="torchscript",
        )


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_same_module_gives_the_same_bytes(exporter: str) -> None:
    first = export(backbone(), exporter=exporter, dynamic=DYNAMIC)
    export(Warped().eval(), outputs=("head",), exporter=exporter)  # moves the exporters' counters
    again = export(backbone(), exporter=exporter, dynamic=DYNAMIC)
    assert first.SerializeToString() == again.SerializeToString()


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_weights_are_initializers_and_never_inputs(exporter: str) -> None:
    model = export(backbone(), exporter=exporter)
    assert [value.name for value in model.graph.input] == ["image"]
    assert model.graph.initializer


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_nodes_name_the_module_that_made_them(exporter: str) -> None:
    model = export(backbone(), exporter=exporter)
    made = {module_of(node): node.op_type for node in model.graph.node}
    assert {"stem.0", "down.0", "up", "head", "pool"} <= made.keys()
    assert made["up"] == "ConvTranspose"
    assert "stem.0/Conv" in {node.name for node in model.graph.node}


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_inputs_and_outputs_keep_their_order_also_when_unused(exporter: str) -> None:
    class Two(nn.Module):
        def forward(self, used: Tensor, unused: Tensor) -> tuple[Tensor, Tensor]:
            return used + 1, used * 2

    model = export_onnx(
        Two().eval(),
        (image(2, 3), image(4)),
        input_names=["b", "a"],
        output_names=["z", "y"],
        exporter=exporter,
    )
    assert [value.name for value in model.graph.input] == ["b", "a"]
    assert [value.name for value in model.graph.output] == ["z", "y"]
    assert shape_of(model.graph.input[1]) == (4,)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_module_that_takes_any_number_of_inputs_is_exported(exporter: str) -> None:
    class Sum(nn.Module):
        def forward(self, *parts: Tensor) -> tuple[Tensor, ...]:
            return tuple(part * 2 for part in parts)

    model = export_onnx(
        Sum().eval(),
        (image(2, 3), image(4, 5)),
        input_names=["a", "b"],
        output_names=["c", "d"],
        dynamic={"a": {0: "n"}, "b": {0: "m"}},
        exporter=exporter,
    )
    assert [shape_of(value) for value in model.graph.output] == [("n", 3), ("m", 5)]


@pytest.mark.parametrize(("version", "oldest"), [(17, 8), (19, 9), (21, 10)])
def test_file_format_is_the_oldest_that_holds_the_opset(version: int, oldest: int) -> None:
    # ONNX Runtime 1.17 reads format 9 and opset 20; a newer format would lock it out for nothing.
    model = export(backbone(), opset=version, exporter="torchscript")
    assert model.ir_version == oldest
    onnxruntime.InferenceSession(model.SerializeToString())


def test_metadata_is_written(tmp_path: Path) -> None:
    model = export(backbone(), exporter="torchscript", metadata={"surgery.ledger": "[]"}, name="b")
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "surgery.exporter": "torchscript",
        "surgery.ledger": "[]",
    }
    assert model.producer_name == "model-surgery"
    assert model.graph.name == "b"


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_operator_that_cannot_be_written_is_named_with_its_module(exporter: str) -> None:
    with pytest.raises(InputError) as e:
        export(Unsupported().eval(), outputs=("head",), exporter=exporter, opset=18)
    message = str(e.value)
    assert message.startswith(f"the {exporter} exporter failed at opset 18 on ")
    assert "i1" in message
    assert "in module 'body.1'" in message
    assert "surgery.exporter=" not in message  # the other one was tried and cannot either
    assert "\n" not in message
    assert e.value.__cause__ is not None


def test_operator_of_a_newer_opset_is_answered_with_the_exporter_that_writes_it() -> None:
    net = Warped()
    net.neck[1] = Scattered()
    with pytest.raises(
        InputError, match=r"in module 'neck.1'.*exporter=dynamo surgery.opset=18, w"
    ):
        export(net.eval(), outputs=("head",), exporter="torchscript", opset=14)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_exporting_prints_nothing(exporter: str, capfd: pytest.CaptureFixture[str]) -> None:
    export(backbone(), exporter=exporter, opset=17)
    with pytest.raises(InputError):
        export(Unsupported().eval(), outputs=("head",), exporter=exporter)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("exporter", EXPORTERS)
def test_exporting_warns_of_nothing(exporter: str) -> None:
    export(backbone(), exporter=exporter)


def test_module_in_training_mode_is_refused_by_name() -> None:
    net = backbone()
    net.down[1].train()
    with pytest.raises(InputError, match=r"training mode .*'down.1'"):
        export(net)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exporter": "onnx"}, "dynamo or torchscript, got 'onnx'"),
        ({"dynamic": {"picture": {0: "n"}}}, "picture, which is neither input nor output"),
        ({"dynamic": {"image": {4: "n"}}}, "axes 0 to 3, axis 4"),
        ({"outputs": ("head", "image")}, "got twice: image"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        export(backbone(), **options)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_fewer_outputs_than_names_are_refused(exporter: str) -> None:
    with pytest.raises(InputError):
        export(Warped().eval(), outputs=("head", "coarse"), exporter=exporter)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/seq/seq.1/seq.1.0/Relu", "seq.1.0"),
        ("/ml.0_1/Conv", "ml.0"),
        ("/seq/conv/Conv", "seq"),  # two of that name further down: neither is taken
        ("/deep/deep.0/Clip", "inner.deep.0"),
        ("/Add", ""),
        ("Add_3", ""),
    ],
)
def test_torchscript_node_names_are_read_as_module_paths(name: str, path: str) -> None:
    paths = {
        "seq",
        "seq.2.conv",
        "seq.3.conv",
        "seq.1",
        "seq.1.0",
        "ml",
        "ml.0",
        "inner",
        "inner.deep",
        "inner.deep.0",
    }
    assert module_path(name, paths) == path


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_weights_that_no_graph_holds_lie_in_files_and_compute_the_same(
    exporter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = backbone()
    monkeypatch.setattr(scratch, "_limit", 2000)
    model = export(net, exporter=exporter, opset=18, dynamic=DYNAMIC)
    assert has_outside(model)
    for found in compare(outputs_of(net, image()), run(model, {"image": image().numpy()})).values():
        assert within(found)
