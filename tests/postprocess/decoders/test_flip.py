"""Flip test: the mirrored image's maps land on the image's own."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from postprocess.decoders import merge_flipped, mirror_order
from postprocess.errors import InputError

NAMES = ("nose", "left_eye", "right_eye")


def test_left_and_right_change_places_by_name() -> None:
    assert mirror_order(NAMES).tolist() == [0, 2, 1]
    assert mirror_order(["wrist_left", "wrist_right"]).tolist() == [1, 0]
    with pytest.raises(InputError, match="'left_ear' has no counterpart 'right_ear'"):
        mirror_order([*NAMES, "left_ear"])


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_maps_are_mirrored_back_exchanged_moved_by_a_pixel_and_averaged(
    backend: Literal["cpp", "numpy"],
) -> None:
    rng = np.random.default_rng(0)
    maps, mirrored = rng.random((2, 2, 3, 4, 5)).astype(np.float32)
    kept = maps.copy(), mirrored.copy()
    merged = merge_flipped(maps, mirrored, mirror_order(NAMES), backend=backend)
    for joint, other in ((0, 0), (1, 2), (2, 1)):
        back = mirrored[:, other, :, ::-1]
        np.testing.assert_array_equal(
            merged[:, joint, :, 1:], (maps[:, joint, :, 1:] + back[..., :-1]) / 2
        )
        np.testing.assert_array_equal(
            merged[:, joint, :, 0], (maps[:, joint, :, 0] + back[..., 0]) / 2
        )
    np.testing.assert_array_equal((maps, mirrored), kept)
    still = merge_flipped(maps, mirrored, mirror_order(NAMES), shift=False, backend=backend)
    np.testing.assert_array_equal(still[:, 1], (maps[:, 1] + mirrored[:, 2, :, ::-1]) / 2)


@pytest.mark.parametrize("shift", [True, False])
def test_the_move_makes_up_for_the_stride(shift: bool) -> None:
    """A joint at input pixel x is at W - 1 - x in the mirror: maps of stride 4 differ by 3/4."""
    width, x = 96, 40.0

    def bump(at: float) -> np.ndarray:
        return np.exp(-((np.arange(width // 4) - at / 4) ** 2) / 4)[None, None, None]

    merged = merge_flipped(bump(x), bump(width - 1 - x), [0], shift)[0, 0, 0]
    centre = (merged * np.arange(width // 4)).sum() / merged.sum()
    # half of the difference stays in the average: 1/4 with the move, 3/4 without it
    assert centre * 4 - x == pytest.approx(0.5 if shift else -1.5, abs=1e-3)


def test_shapes_that_do_not_fit_are_one_line() -> None:
    maps = np.zeros((1, 3, 4, 5), np.float32)
    for other, order in ((maps[..., :4], [0, 2, 1]), (maps, [0, 1])):
        with pytest.raises(InputError, match=r"expect \(N,K,H,W\), the same") as caught:
            merge_flipped(maps, other, order)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"indices below 3, got \[0, 3, 1\]"):
        merge_flipped(maps, maps, [0, 3, 1])
