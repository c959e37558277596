"""Centres and first contours from the graph are the decoders' own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .heads import decode, logits, maps, same

FEATURE = maps(4, -1, 1)


def test_first_contours_of_e2ec_equal_the_decoders() -> None:
    heads = {"ct_hm": logits(), "wh": maps(32, -1, 1), "feature": FEATURE}
    found = same({"name": "e2ec", "points": 16}, heads)
    assert found.outputs["contours"].max == 0.0
    assert found.outputs["boxes"].max == 0.0


def test_first_contours_of_snake_equal_the_decoders() -> None:
    heads = {"ct_hm": logits(), "wh": maps(2, 0, 30), "feature": FEATURE}
    found = same({"name": "snake"}, heads)
    assert found.outputs["boxes"].max == 0.0
    assert found.outputs["contours"].max <= 1e-5  # pixels; float32 at 96 has steps of 7.6e-6


def test_the_authors_own_detections_come_out_of_the_graph(reference: Path) -> None:
    arrays = np.load(reference / "e2ec" / "outputs.npz")
    heads = {"ct_hm": arrays["head.ct_hm"], "wh": arrays["head.wh"], "feature": arrays["feature"]}
    found = decode({"name": "e2ec"}, heads)
    count = int(found["count"][0])
    centres, poly = arrays["detection"][:, :2], arrays["poly_init"]
    assert count == len(centres)
    np.testing.assert_array_equal(found["centres"][0, :count], centres)
    np.testing.assert_allclose(found["contours"][0, :count], poly, atol=1e-4)
