"""What two networks share is computed once, and the operated one cannot tell."""

from __future__ import annotations

from typing import Any

import torch

from surgery.fitting.images import gather
from surgery.fitting.network import Reading
from surgery.fitting.settings import Settings
from surgery.fitting.teacher_student import Operation, prepare


def _operation(zoo: Any) -> Operation:
    images = gather(zoo.smooth_images(8), seed=0, count=8)
    return prepare(zoo.foreign(), Reading(zoo.outputs), images, Settings("calibrated"))


def test_the_trunk_is_what_ran_before_the_first_deformable_layer(zoo: Any) -> None:
    operation = _operation(zoo)
    assert set(operation.trunk.paths) == {"predict", "stem"}
    # the offsets feed nothing once the layer is an ordinary convolution
    needed = dict(zip(operation.trunk.paths, operation.trunk.needed or (), strict=True))
    assert needed == {"predict": False, "stem": True}


def test_the_operated_network_gives_the_same_with_a_shared_trunk_and_on_its_own(zoo: Any) -> None:
    operation, images = _operation(zoo), zoo.smooth_images(4, seed=9)
    operation.untouched(images)
    shared = operation.trunk.take()
    with torch.no_grad():
        given = operation.operated(images, shared)
        for path in operation.trunk.paths:
            operation.student._modules[path] = operation.model.get_submodule(path)
        alone = zoo.outputs(operation.student(images))
    for name in given:
        assert torch.equal(given[name], alone[name])


def test_the_trunk_alone_gives_what_a_whole_pass_gives(zoo: Any) -> None:
    operation, images = _operation(zoo), zoo.smooth_images(4, seed=9)
    operation.untouched(images)
    whole = operation.trunk.take()
    for one, other in zip(whole, operation.shared(images), strict=True):
        assert torch.equal(one, other)
