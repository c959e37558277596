"""What two networks share is computed once, and the operated one cannot tell."""

from __future__ import annotations

from typing import Any

import torch

from surgery.fitting.images import gather
from surgery.fitting.network import Reading
from surgery.fitting.settings import Settings
from surgery.fitting.teacher_student import TeacherStudent, prepare


def _pair(zoo: Any) -> TeacherStudent:
    images = gather(zoo.smooth_images(8), seed=0, count=8)
    return prepare(zoo.foreign(), Reading(zoo.outputs), images, Settings("calibrated"))


def test_the_trunk_is_what_ran_before_the_first_deformable_layer(zoo: Any) -> None:
    pair = _pair(zoo)
    assert set(pair.trunk.paths) == {"predict", "stem"}
    # the offsets feed nothing once the layer is an ordinary convolution
    needed = dict(zip(pair.trunk.paths, pair.trunk.needed or (), strict=True))
    assert needed == {"predict": False, "stem": True}


def test_the_operated_network_gives_the_same_with_a_shared_trunk_and_on_its_own(zoo: Any) -> None:
    pair, images = _pair(zoo), zoo.smooth_images(4, seed=9)
    pair.untouched(images)
    shared = pair.trunk.take()
    with torch.no_grad():
        given = pair.operated(images, shared)
        for path in pair.trunk.paths:
            pair.student._modules[path] = pair.model.get_submodule(path)
        alone = zoo.outputs(pair.student(images))
    for name in given:
        assert torch.equal(given[name], alone[name])


def test_the_trunk_alone_gives_what_a_whole_pass_gives(zoo: Any) -> None:
    pair, images = _pair(zoo), zoo.smooth_images(4, seed=9)
    pair.untouched(images)
    whole = pair.trunk.take()
    for one, other in zip(whole, pair.shared(images), strict=True):
        assert torch.equal(one, other)
