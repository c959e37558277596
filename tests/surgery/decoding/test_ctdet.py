"""CenterNet's boxes from the graph are the decoder's boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from postprocess.decoders import peaks
from postprocess.errors import InputError
from surgery.decoding import decoding
from surgery.graph.run import run

from .heads import CLASSES, decode, logits, maps, ports, same

ROUNDING = 2.0**-22  # of a score: two places of float32, the sigmoid's

HEADS = {"hm": logits(), "wh": maps(2, 0, 9), "ltrb": maps(4, 0, 9), "reg": maps(2, 0, 1)}
PROBABLE = {**HEADS, "hm": (1 / (1 + np.exp(-HEADS["hm"]))).astype(np.float32)}


@pytest.mark.parametrize("opset", [11, 13, 18, 21])
def test_boxes_equal_the_decoders_in_every_operator_set(opset: int) -> None:
    found = same({"name": "ctdet"}, HEADS, opset)
    assert found.outputs["boxes"].max == 0.0
    assert found.outputs["scores"].max <= ROUNDING
    assert len(found.inside) == 100


@pytest.mark.parametrize(
    ("parameters", "heads"),
    [
        ({"offset": "reg", "k": 20}, HEADS),
        ({"offset": "reg", "center_shift": 0.25, "stride": 8.0, "kernel": 5}, HEADS),
        ({"size": "ltrb", "box": "ltrb", "size_unit": "input", "size_scale": 1.5}, HEADS),
        ({"activation": "none", "threshold": 0.3}, PROBABLE),
        ({"k": 5000, "threshold": 0.0}, HEADS),
        ({"iou": 0.3}, HEADS),
        ({"iou": 0.5, "size": "ltrb", "box": "ltrb", "activation": "none", "k": 300}, PROBABLE),
    ],
)
def test_every_parameter_is_followed(parameters: dict[str, Any], heads: dict[str, Any]) -> None:
    found = same({"name": "ctdet", **parameters}, heads)
    assert found.outputs["boxes"].max <= 1e-5 * found.outputs["boxes"].scale
    assert len(found.inside) > 0


def test_nms_takes_boxes_away() -> None:
    every, kept = (decode({"name": "ctdet", **each}, HEADS) for each in ({}, {"iou": 0.3}))
    assert (kept["count"] < every["count"]).all()


def test_heads_may_be_channels_last_and_half_precision() -> None:
    heads = {name: HEADS[name].astype(np.float16) for name in ("hm", "wh")}
    turned = {name: array.transpose(0, 2, 3, 1) for name, array in heads.items()}
    found = []
    for given, layout in ((heads, "nchw"), (turned, "nhwc")):
        decoder = {"name": "ctdet", "layout": layout}
        values = ports({n: a.astype(np.float32) for n, a in given.items()}, TensorProto.FLOAT16)
        for value in values:
            for axis in (1, 3):
                value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}{axis}"
            at = 3 if layout == "nhwc" else 1
            value.type.tensor_type.shape.dim[at].dim_value = given[value.name].shape[at]
        found.append(run(decoding(decoder, values, 17), given))
    np.testing.assert_array_equal(found[0]["boxes"], found[1]["boxes"])


def test_equal_scores_come_by_class_row_and_column() -> None:
    heatmap = np.full((1, CLASSES, 9, 9), -5, np.float32)
    for place in ((2, 1, 1), (0, 7, 3), (0, 3, 7), (1, 5, 5), (0, 3, 1)):
        heatmap[(0, *place)] = 20.0 + place[1]  # the sigmoid of all is 1
    found = decode({"name": "ctdet", "k": 9}, {"hm": heatmap, "wh": np.zeros((1, 2, 9, 9), "f4")})
    count = int(found["count"][0])
    centres = found["boxes"][0, :count, :2] / 4 - 0.5
    expected = peaks(heatmap[0], k=9)
    np.testing.assert_array_equal(found["classes"][0, :count], expected.classes)
    np.testing.assert_array_equal(centres, np.stack([expected.xs, expected.ys], axis=1))


def test_a_map_without_peaks_gives_none() -> None:
    heads = {"hm": np.full((1, 2, 4, 4), -9, np.float32), "wh": np.zeros((1, 2, 4, 4), np.float32)}
    found = decode({"name": "ctdet"}, heads)
    assert found["count"].tolist() == [0]
    assert found["boxes"].shape == (1, 100, 4)


@pytest.mark.parametrize(
    ("decoder", "told"),
    [
        ({"name": "ctdet", "heatmap": "heat"}, "needs head 'heat', the graph gives hm, wh"),
        ({"name": "ctdet", "size": "hm"}, "head 'hm' expects 4 axes and 2 channels"),
        ({"name": "ctdet", "kk": 3}, "decoder CTDet has no parameter 'kk'"),
        ({"name": "movenet"}, "decoder 'movenet' is not written as a graph"),
        ({"name": "ctdt"}, "unknown decoder 'ctdt'; did you mean 'ctdet'?"),
    ],
)
def test_heads_that_do_not_fit_are_told_why(decoder: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as raised:
        decoding(decoder, ports(HEADS), 17)
    assert told in str(raised.value)


def test_an_opset_that_is_too_old_is_refused() -> None:
    with pytest.raises(InputError, match="needs opset 11, it is of 10"):
        decoding({"name": "ctdet"}, ports(HEADS), 10)
