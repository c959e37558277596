"""No decoder: nothing is found, and the heads are the caller's."""

from __future__ import annotations

import numpy as np
import pytest

from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError


def test_each_image_of_a_batch_gets_no_instance() -> None:
    found = DECODERS.get("none")()({"head": np.zeros((3, 2, 4, 4), np.float32)})
    assert [len(each) for each in found] == [0, 0, 0]


def test_parameters_are_refused() -> None:
    with pytest.raises(InputError, match="no parameter 'threshold'"):
        DECODERS.get("none")(threshold=0.5)
