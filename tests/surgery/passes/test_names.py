"""Names that exporters count up, and that change with every edit, become module paths."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import Tensor, nn

from surgery.passes.tidy import NAMES

from .. import nets
from .graphs import difference


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())

    def forward(self, image: Tensor) -> Tensor:
        return self.stem(image)  # type: ignore[no-any-return]


@pytest.fixture
def numbered() -> onnx.ModelProto:
    """A network as exported, its inner names replaced by numbers as exporters give them."""
    model = nets.export(Net().eval(), example=torch.randn(1, 3, 6, 6), outputs=("y",))
    ends = {value.name for value in (*model.graph.input, *model.graph.output)}
    numbers: dict[str, str] = {}
    for place, made in enumerate(model.graph.node):
        made.name = f"node_{place}"
        for names in (made.input, made.output):
            for i, name in enumerate(names):
                if name and name not in ends:
                    names[i] = numbers.setdefault(name, f"onnx::{made.op_type}_{len(numbers)}")
    for tensor in model.graph.initializer:
        tensor.name = numbers[tensor.name]
    del model.graph.value_info[:]
    return model


def test_a_number_becomes_the_path_of_the_module_that_made_the_node(
    numbered: onnx.ModelProto,
) -> None:
    assert [each.name for each in numbered.graph.node] == ["node_0", "node_1"]
    after = NAMES.apply(numbered)
    assert [each.name for each in after.graph.node] == ["stem.0/Conv", "stem.1/Relu"]
    assert all("onnx::" not in tensor.name for tensor in after.graph.initializer)
    assert difference(numbered, after) == 0


def test_the_graphs_own_inputs_and_outputs_keep_their_names(numbered: onnx.ModelProto) -> None:
    after = NAMES.apply(numbered)
    assert [value.name for value in after.graph.input] == ["image"]
    assert [value.name for value in after.graph.output] == ["y"]
