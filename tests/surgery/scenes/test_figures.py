"""Drawn figures: joints lie where the drawing has them, and left is left also in a mirror."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from surgery import scenes
from surgery.scenes import draw
from surgery.scenes.figures import HIDDEN, SEEN
from surgery.scenes.portrait import portrait
from surgery.scenes.pose import FACE, JOINTS, PAIRS, random_pose


def figures(count: int = 30) -> list[scenes.Instance]:
    return [each for i in range(count) for each in draw(3, i, 128, "figures").instances]


def test_a_joint_is_seen_exactly_where_the_figure_s_mask_is() -> None:
    checked = 0
    for figure in figures():
        assert figure.keypoints is not None
        for x, y, visibility in figure.keypoints[5:]:  # those of the face may be turned away
            if visibility:
                assert figure.mask[round(y), round(x)] == (visibility == SEEN)
                checked += visibility == HIDDEN
    assert checked > 10  # some are hidden


def test_limbs_join_the_joints() -> None:
    """What is drawn between two seen joints of a limb is mostly the figure."""
    shares = []
    for figure in figures():
        joints = figure.keypoints
        assert joints is not None
        for first, second in ((5, 7), (7, 9), (11, 13), (13, 15), (5, 11)):
            if joints[[first, second], 2].min() == SEEN:
                ends = joints[[first, second], :2]
                along = np.rint(np.linspace(*ends, 9)).astype(int)
                shares.append(figure.mask[along[:, 1], along[:, 0]].mean())
    assert np.mean(shares) > 0.85


def test_every_scene_holds_a_figure_of_which_much_is_seen() -> None:
    for index in range(60):
        found = draw(4, index, 128, "figures").instances
        assert found
        assert max((f.keypoints[:, 2] == SEEN).sum() for f in found) >= 4  # type: ignore[index]


def test_a_figure_from_behind_shows_no_face_and_has_its_left_on_the_left() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        pose = random_pose(rng)
        up = pose.joints[5:7].mean(0) - pose.joints[11:13].mean(0)
        to_left = pose.joints[5] - pose.joints[6]
        # the body's own left, turned upright: to the right of an image for who faces the camera
        across = -up[1] * to_left[0] + up[0] * to_left[1]
        assert (across > 0) != pose.behind
    turned = [f for f in figures() if not f.keypoints[list(FACE), 2].any()]  # type: ignore[index]
    assert len(turned) > 3


def test_left_and_right_joints_are_pairs() -> None:
    for left, right in PAIRS:
        assert JOINTS[left].replace("left", "right") == JOINTS[right]


def test_written_figures_are_coco_keypoints(tmp_path: Path) -> None:
    content = json.loads(scenes.write(tmp_path / "out", 3, 5, domain="figures").read_text())
    (category,) = content["categories"]
    assert category["name"] == "person"
    assert category["keypoints"] == list(JOINTS)
    assert {end for pair in category["skeleton"] for end in pair} == set(range(1, 18))
    drawn = [each for i in range(3) for each in draw(5, i, 128, "figures").instances]
    for entry, instance in zip(content["annotations"], drawn, strict=True):
        keypoints = np.reshape(entry["keypoints"], (17, 3))
        assert instance.keypoints is not None
        np.testing.assert_allclose(keypoints, instance.keypoints, atol=0.006)
        assert entry["num_keypoints"] == (keypoints[:, 2] > 0).sum()
        assert not keypoints[keypoints[:, 2] == 0].any()


def test_a_portrait_shows_one_whole_figure() -> None:
    for index in range(3):
        picture = portrait(7, index)
        assert min(picture.shape[:2]) > 30
        np.testing.assert_array_equal(picture, portrait(7, index))
        origins = []
        for number in range(1000 * index, 1000 * index + 100):
            scene = draw(7, number, 128, "figures")
            cut = cv2.matchTemplate(scene.image, picture, cv2.TM_SQDIFF_NORMED)
            low, _, (left, top), _ = cv2.minMaxLoc(cut)
            if low < 1e-6:
                origins += [
                    figure
                    for figure in scene.instances
                    if (figure.keypoints[:, 2] == SEEN).all()  # type: ignore[index]
                    and inside(figure, left, top, picture.shape)
                ]
                break
        assert origins
    assert not np.array_equal(portrait(7, 0), portrait(7, 1))


def inside(figure: scenes.Instance, left: int, top: int, size: tuple[int, ...]) -> bool:
    assert figure.keypoints is not None
    points = figure.keypoints[:, :2] - [left, top]
    return bool(((points >= 0) & (points < [size[1], size[0]])).all())
