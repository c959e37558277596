"""float64 inside of a graph becomes float32; its interface stays."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.graph.shapes import element_types, infer
from surgery.passes import Check, run_passes
from surgery.passes.float32 import FLOAT32
from surgery.support.ledger import Ledger

from .graphs import difference, graph, node, passed, refusals

DOUBLE = TensorProto.DOUBLE


class Precise(nn.Module):
    """Convolutions and a softmax in float64 between a float32 picture and a float32 result."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(3 if i == 0 else 8, 8, 3, padding=1) for i in range(3)), nn.Softmax(1)
        ).double()

    def forward(self, x: Tensor) -> Tensor:
        ramp = torch.linspace(0, 1, 8, dtype=torch.float64)
        return (self.body(x.double()) * ramp).float()


def in_float64(model: onnx.ModelProto) -> list[str]:
    return [name for name, kind in element_types(infer(model)).items() if kind == DOUBLE]


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_network_that_runs_nowhere_in_float64_runs_and_gives_what_torch_does(
    exporter: str,
) -> None:
    torch.manual_seed(0)
    net, picture = Precise().eval(), torch.randn(1, 3, 8, 8)
    before = export_onnx(
        net,
        (picture,),
        input_names=["image"],
        output_names=["y"],
        exporter=exporter,
        verify=False,  # nothing runs it yet
    )
    feeds = {"image": picture.numpy()}
    with pytest.raises(InputError, match=r"Could not find an implementation for Conv\(11\)"):
        run(before, feeds)
    reason = "float64 tensors, takes "
    assert any(reason in line for line in refusals(before, "qnn"))
    ledger = Ledger()
    after = run_passes(before, ledger=ledger, check=Check(feeds), order=("float32",))
    assert ledger.entries[0].fired
    assert not in_float64(after)
    assert not any(reason in line for line in refusals(after, "qnn"))
    with torch.no_grad():
        expected = net(picture).numpy()
    # Measured: 1.4e-7 of the largest value, three convolutions and a softmax.
    assert np.abs(run(after, feeds)["y"] - expected).max() < 1e-6 * np.abs(expected).max()


def test_inputs_and_outputs_keep_their_type_behind_casts_at_the_border() -> None:
    before = graph(
        [node("Mul", "x w", "m"), node("Relu", "m")],
        {"x": [2, 3]},
        weights={"w": np.array([[1.5, -2, 3]])},
        kinds={"x": DOUBLE, "y": DOUBLE},
    )
    after, _ = passed(before, "float32")
    assert sorted(in_float64(after)) == ["x", "y"]
    assert difference(before, after) < 1e-6  # measured: 5e-8


def test_numbers_beyond_float32_become_its_largest_and_infinity_stays() -> None:
    weights = {"w": np.array([-1e300, np.inf, 1.0])}
    before = graph(
        [node("Cast", "x", "d", to=DOUBLE), node("Max", "d w", "m"), node("Cast", "m", to=1)],
        {"x": [3]},
        weights=weights,
    )
    after = FLOAT32.apply(before)
    (values,) = [onnx.numpy_helper.to_array(t) for t in after.graph.initializer]
    assert values.tolist() == [-float(np.finfo(np.float32).max), np.inf, 1.0]


def test_a_graph_without_float64_is_left_alone() -> None:
    assert FLOAT32.check(graph([node("Relu", "x")], {"x": [2]})) == (
        "nothing in the graph is float64"
    )
