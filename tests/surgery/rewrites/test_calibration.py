"""Values of several kinds for one module stand side by side and are found by their own type."""

from __future__ import annotations

import torch
from torch import nn

from surgery.rewrites import measured, rewriting
from surgery.rewrites.calibration import Calibration

FORMS = ("activation.relu6", "activation.hardswish")


def test_values_of_two_types_for_one_module_do_not_hide_each_other() -> None:
    found = Calibration.by_path({"a": 1}) | Calibration.by_path({"a": "one", "b": 2})
    assert (found.get(int, "a"), found.get(str, "a"), found.get(str, "b")) == (1, "one", None)
    assert found.of(int) == {"a": 1, "b": 2}
    assert (found.types_at("a"), found.types_at("c")) == ("int, str", "none")


def test_two_forms_of_an_activation_measured_together_keep_their_own_fits() -> None:
    net, images = nn.Sequential(nn.SiLU()).eval(), [torch.randn(1, 4, 16, 16)]
    both = Calibration.by_path(*(measured(net, [name], images) for name in FORMS))
    for name in FORMS:
        alone = measured(net, [name], images)
        with rewriting(net, name, calibration=alone) as (operated, _):
            expected = operated(images[0])
        with rewriting(net, name, calibration=both) as (operated, _):
            assert torch.equal(operated(images[0]), expected)
