"""Fits through the main job's configuration: made once, kept, found again, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import torch

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.fitting import saved
from surgery.fitting.settings import STRATEGIES
from surgery.job.fits import Fit, fitted_rewrites, layers_to_fit, obtain
from surgery.network.load import Model, load_model
from surgery.scenes import FITTING_SEED, draw
from surgery.support.progress import Progress

Compose = Callable[..., Config]
EVERY = {"*": "dcn.calibrated"}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures: a fit to them takes seconds, and is not meant to be good."""
    folder = tmp_path_factory.mktemp("pool")
    for index in range(12):
        cv2.imwrite(str(folder / f"{index}.png"), draw(FITTING_SEED, index).image)
    return folder


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SURGERY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def narrow(compose: Compose) -> Model:
    """The demo network."""
    return load_model(compose())


def _obtain(config: Config, model: Model, rewrites: dict[str, str] | None = None) -> Fit:
    return obtain(config, model, rewrites or EVERY, Progress())


def test_a_fit_is_kept_and_found_again(
    compose: Compose, narrow: Model, pool: Path, cache: Path
) -> None:
    config = compose(f"surgery.calibration.images={pool}")
    made, found = (_obtain(config, narrow) for _ in range(2))
    assert "fitted in this run" in made.source
    assert found.source.startswith(f"found in {cache}")
    assert made.fitted.modules.keys() == found.fitted.modules.keys()
    for path, module in made.fitted.modules.items():
        for name, tensor in vars(module).items():
            if isinstance(tensor, torch.Tensor):
                assert torch.equal(tensor, getattr(found.fitted.modules[path], name))


def test_other_images_or_another_kernel_are_fitted_anew(
    compose: Compose, narrow: Model, pool: Path, cache: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for index in range(2):
        (few / f"{index}.png").write_bytes((pool / f"{index}.png").read_bytes())
    alone = "surgery.fit.hidden=0"  # no computed channels: quick
    _obtain(compose(f"surgery.calibration.images={few}", alone), narrow)
    assert "found in" in _obtain(compose(alone), narrow).source  # any images will do
    for override in ("surgery.fit.kernel=5", "surgery.fit.again=true"):
        config = compose(f"surgery.calibration.images={few}", alone, override)
        assert "fitted in this run" in _obtain(config, narrow).source


def test_a_fit_that_is_not_to_be_saved_leaves_no_file(
    compose: Compose, narrow: Model, pool: Path, cache: Path
) -> None:
    _obtain(compose(f"surgery.calibration.images={pool}", "surgery.fit.save=false"), narrow)
    assert not cache.exists()


def test_the_fit_of_a_checkpoint_lies_beside_it(
    compose: Compose, pool: Path, cache: Path, tmp_path: Path, repository: Path
) -> None:
    weights = tmp_path / "mine" / "net.safetensors"
    weights.parent.mkdir()
    weights.write_bytes((repository / "models/weights/e2ec_scenes.safetensors").read_bytes())
    config = compose(f"checkpoint={weights}", f"surgery.calibration.images={pool}")
    _obtain(config, load_model(config))
    kept = [path for path in weights.parent.iterdir() if path != weights]
    assert [path.name.endswith(saved.SUFFIX) for path in kept] == [True]
    assert not cache.exists()


def test_only_the_layers_that_ask_for_it_are_fitted(
    compose: Compose, narrow: Model, pool: Path, cache: Path
) -> None:
    rewrites = {"dla.ida_up.*": "dcn.native", "*": "dcn.calibrated"}
    wanted = layers_to_fit(narrow.module, rewrites)["calibrated"]
    assert wanted
    assert not any(path.startswith("dla.ida_up") for path in wanted)
    fit = _obtain(compose(f"surgery.calibration.images={pool}"), narrow, rewrites)
    placed = fitted_rewrites(fit, rewrites)
    assert [path for path, name in placed.items() if name == "dcn.calibrated"] == wanted
    assert placed["dla.ida_up.*"] == "dcn.native"
    assert "*" not in placed


def test_a_folder_without_images_is_one_clear_line(
    compose: Compose, narrow: Model, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty") as caught:
        _obtain(compose(f"surgery.calibration.images={tmp_path / 'empty'}"), narrow)
    assert "\n" not in str(caught.value)


def test_strategies_that_need_a_fit_are_rewrites(narrow: Model) -> None:
    for strategy in STRATEGIES:
        assert set(layers_to_fit(narrow.module, {"*": f"dcn.{strategy}"})) == {strategy}
