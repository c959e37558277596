"""Saved fits are found again, and only by the network that they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from postprocess.errors import InputError
from surgery.fitting import Fitted, Reading, Settings, fit_weights, saved, state_hash

SETTINGS = Settings("calibrated")


@pytest.fixture(scope="module")
def fitted(zoo: Any) -> Fitted:
    return fit_weights(
        zoo.foreign(), zoo.smooth_images(8), SETTINGS, Reading(zoo.outputs), progress=False
    )


def _key(zoo: Any, network: str | None = None, images: str = "abc") -> saved.Key:
    return saved.Key(network or state_hash(zoo.foreign()), SETTINGS.to_json(), images)


def _find(key: saved.Key, *folders: Path) -> Path | None:
    settings, images = key.settings, key.images
    return saved.find(key.network, key.strategy, folders, settings=settings, images=images)


def test_a_saved_fit_gives_the_same_network_again(zoo: Any, fitted: Fitted, tmp_path: Path) -> None:
    path = saved.save(fitted, _key(zoo), tmp_path)
    assert _find(_key(zoo), tmp_path / "none", tmp_path) == path
    read = saved.load(path)
    images = zoo.smooth_images(2, seed=4)
    one, other = (f.operated(zoo.foreign())[0] for f in (fitted, read))
    with torch.no_grad():
        for name, tensor in zoo.outputs(one(images)).items():
            assert torch.equal(tensor, zoo.outputs(other(images))[name])
    assert read.summary == fitted.summary
    assert [entry.effect for entry in read.operated(zoo.foreign())[1].fired()] == [
        entry.effect for entry in fitted.operated(zoo.foreign())[1].fired()
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_half_floats_halve_the_file_and_cost_a_thousandth(
    zoo: Any, fitted: Fitted, tmp_path: Path
) -> None:
    whole = saved.save(fitted, _key(zoo), tmp_path / "whole")
    half = saved.save(fitted, _key(zoo), tmp_path / "half", half=True)
    assert half.stat().st_size < whole.stat().st_size
    for path, module in saved.load(half).modules.items():
        exact = fitted.modules[path]
        for name, tensor in vars(module).items():
            if isinstance(tensor, torch.Tensor):
                # float16 keeps 11 bits
                torch.testing.assert_close(tensor, getattr(exact, name), rtol=1e-3, atol=1e-6)


def test_a_changed_checkpoint_other_settings_or_images_do_not_find_it(
    zoo: Any, fitted: Fitted, tmp_path: Path
) -> None:
    path = saved.save(fitted, _key(zoo), tmp_path)
    changed = zoo.foreign()
    changed.head.weight.data[0, 0] += 1
    network = _key(zoo).network
    assert _find(_key(zoo, state_hash(changed)), tmp_path) is None
    assert saved.find(network, "distilled", [tmp_path]) is None
    assert saved.find(network, "calibrated", [tmp_path], settings={"kernel": 5}) is None
    assert saved.find(network, "calibrated", [tmp_path], images="xyz") is None
    assert saved.find(network, "calibrated", [tmp_path], settings={"kernel": 3}) == path


def test_of_several_saved_fits_the_one_that_was_fitted_longest_is_taken(
    zoo: Any, fitted: Fitted, tmp_path: Path
) -> None:
    network = _key(zoo).network
    for minutes in (1.0, 5.0, 2.0):
        settings = Settings("calibrated", minutes=minutes).to_json()
        saved.save(fitted, saved.Key(network, settings, "abc"), tmp_path)
    found = saved.find(network, "calibrated", [tmp_path])
    assert found is not None
    assert saved.metadata_of(found)["settings"]["minutes"] == 5.0


def test_a_damaged_saved_fit_is_one_clear_line(zoo: Any, fitted: Fitted, tmp_path: Path) -> None:
    path = saved.save(fitted, _key(zoo), tmp_path)
    whole = path.read_bytes()
    for damaged in (b"", b"12345678", whole[: len(whole) // 2], b"\xff" * 100, whole[:-5]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="delete it") as caught:
            _found_and_loaded(_key(zoo), tmp_path)
        assert "\n" not in str(caught.value)


def _found_and_loaded(key: saved.Key, folder: Path) -> Fitted:
    found = _find(key, folder)
    assert found is not None
    return saved.load(found)


def test_the_cache_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SURGERY_CACHE", raising=False)
    assert saved.cache_folder() == tmp_path / "surgery"
    monkeypatch.setenv("SURGERY_CACHE", str(tmp_path / "own"))
    assert saved.cache_folder() == tmp_path / "own"
    assert saved.places(Path("/a/net.pth"), [Path("/shipped")]) == [
        Path("/a"),
        Path("/shipped"),
        tmp_path / "own",
    ]


def test_a_fit_for_another_network_is_refused_by_name(zoo: Any, fitted: Fitted) -> None:
    other = zoo.foreign()
    other.head = torch.nn.Conv2d(12, 3, 1)
    with pytest.raises(InputError, match="fitted for another network"):
        fitted.operated(other)
