"""Channel and pixel shuffles: values move, and nothing else happens to them."""

from __future__ import annotations

import pytest
from torch.nn import functional

from postprocess.errors import InputError

from .cases import EXPORTERS, OPEN, difference, export, image, operators, refused

CHANNELS = [lambda x: functional.channel_shuffle(x, 2), lambda x: functional.channel_shuffle(x, 4)]
SHUFFLED = [lambda x: functional.pixel_shuffle(x, 2)]
UNSHUFFLED = [
    lambda x: functional.pixel_unshuffle(x, 2),
    lambda x: functional.pixel_unshuffle(x, 4),
]
ALL = ["channel_shuffle", "pixel_shuffle.decomposed", "pixel_unshuffle"]


def test_without_it_torchscript_has_no_form_for_a_channel_shuffle() -> None:
    with pytest.raises(InputError, match="aten::channel_shuffle"):
        export(CHANNELS, [])


def test_without_it_nnapi_and_ncnn_refuse_a_pixel_shuffle() -> None:
    model = export(SHUFFLED, [])
    assert refused(model, "nnapi") == refused(model, "ncnn") == {"DepthToSpace"}
    assert not refused(export(SHUFFLED, ALL), "nnapi")


def test_without_it_a_pixel_unshuffle_has_six_axes() -> None:
    def longest(symbolics: list[str]) -> int:
        nodes = export(UNSHUFFLED, symbolics).graph.node
        orders = [a.ints for node in nodes for a in node.attribute if a.name == "perm"]
        return max((len(order) for order in orders), default=0)

    assert longest([]) == 6
    assert longest(ALL) == 0


@pytest.mark.parametrize(("exporter", "opset"), [*zip(EXPORTERS, (18, 11), strict=True)])
def test_they_compute_what_torch_does(exporter: str, opset: int) -> None:
    functions = [*CHANNELS, *SHUFFLED, *UNSHUFFLED]
    model = export(functions, ALL, exporter=exporter, opset=opset)
    assert operators(model) == {"Reshape", "Transpose", "Conv"}
    assert difference(model, functions) == 0
    assert all(
        len(a.ints) == 4 for node in model.graph.node for a in node.attribute if a.name == "perm"
    )


def test_open_sizes_stay_open() -> None:
    batch = export(SHUFFLED, ALL, dynamic={"x": {0: "batch"}})
    assert operators(batch) == {"Reshape", "Transpose"}
    assert difference(batch, SHUFFLED, image(3, 8, 8, 12)) == 0
    functions = [*CHANNELS, *SHUFFLED, *UNSHUFFLED]
    sizes = export(functions, ALL, dynamic=OPEN)
    assert difference(sizes, functions, image(1, 8, 4, 16)) == 0


@pytest.mark.parametrize("axes", [{2: "height"}, {3: "width"}, {2: "height", 3: "width"}])
def test_each_open_size_stays_open(axes: dict[int, str]) -> None:
    functions = [*CHANNELS, *SHUFFLED]
    model = export(functions, ALL, dynamic={"x": axes})
    sides = [16 if axis in axes else size for axis, size in ((2, 8), (3, 12))]
    assert difference(model, functions, image(2, 8, *sides)) == 0
