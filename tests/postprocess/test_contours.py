"""Contour arithmetic: equal to the authors' own stages, safe on empty input."""

from __future__ import annotations

import numpy as np
import pytest

from postprocess import decoders
from postprocess.errors import InputError


def test_initial_contours_are_those_of_the_authors(reference):
    outputs = np.load(reference / "e2ec" / "outputs.npz")
    height, width = outputs["feature"].shape[2:]
    x, y = outputs["detection"][:, :2].astype(int).T
    offsets = outputs["head.wh"][0][:, y, x].T
    contours = decoders.initial_contours(outputs["detection"][:, :2], offsets, 10.0)
    clipped = decoders.clip_contours(contours, height, width)
    np.testing.assert_array_equal(clipped * 4, outputs["poly_init"])


def test_jagged_contours_go_back_where_the_authors_send_them(reference):
    outputs = np.load(reference / "e2ec" / "outputs.npz")
    kept = decoders.undo_jagged(outputs["py.1"], outputs["py.2"])
    assert (kept != outputs["py.2"]).any(axis=(1, 2)).sum() == 6
    np.testing.assert_array_equal(kept, outputs["dml.py"])


def test_canonical_contours_begin_at_zero_and_leave_their_input_alone():
    contours = np.random.default_rng(0).normal(size=(3, 8, 2)).astype(np.float32)
    before = contours.copy()
    moved = decoders.canonical_contours(contours)
    assert (moved.min(axis=1) == 0).all()
    np.testing.assert_allclose(np.diff(moved, axis=1), np.diff(contours, axis=1), atol=1e-6)
    np.testing.assert_array_equal(contours, before)


def test_no_contour_is_no_error():
    none = np.zeros((0, 128, 2), np.float32)
    assert decoders.initial_contours(np.zeros((0, 2), np.float32), none, 4.0).shape == none.shape
    assert decoders.clip_contours(none, 4, 4).shape == none.shape
    assert decoders.canonical_contours(none).shape == none.shape
    assert decoders.undo_jagged(none, none).shape == none.shape
    assert decoders.contour_boxes(none).shape == (0, 4)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(InputError, match=r"offsets expects \(2,P,2\)"):
        decoders.initial_contours(np.zeros((2, 2), np.float32), np.zeros((3, 8), np.float32), 1.0)
    with pytest.raises(InputError, match="one shape"):
        decoders.undo_jagged(np.zeros((2, 8, 2), np.float32), np.zeros((3, 8, 2), np.float32))
    with pytest.raises(InputError, match="P of at least 1"):
        decoders.contour_boxes(np.zeros((2, 0, 2), np.float32))
