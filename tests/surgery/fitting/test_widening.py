"""Convolutions that see computed channels beside their input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from surgery.fitting import OutputSpec, Settings, fit_weights, saved
from surgery.fitting.network import Reading
from surgery.fitting.widening import Widening, kernel_of, set_kernel

SPECS = {"heat": OutputSpec("logits"), "side": OutputSpec(counts_at="heat")}
CHANNELS = 60  # more than an offset convolution of 27 and its negative


def _convolution(stride: int = 1) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(6, 5, 3, stride, padding=1)


def _widening(convolution: nn.Conv2d, offsets: nn.Conv2d | None = None) -> Widening:
    return Widening(convolution, CHANNELS, offsets, torch.Generator().manual_seed(0))


def test_it_starts_as_the_convolution_that_it_widens() -> None:
    convolution, x = _convolution(stride=2), torch.randn(2, 6, 9, 8)
    assert torch.allclose(_widening(convolution)(x), convolution(x), atol=1e-6)


def test_the_first_channels_are_the_offsets_and_their_negatives() -> None:
    offsets, x = nn.Conv2d(6, 27, 3, padding=1), torch.randn(1, 6, 8, 8)
    seen = _widening(_convolution(), offsets).seen(x)
    assert seen.shape[1] == kernel_of(_widening(_convolution())).shape[1] == 6 + CHANNELS
    assert torch.allclose(seen[:, 6:33] - seen[:, 33:60], offsets(x), atol=1e-5)


def test_offsets_of_another_kernel_are_left_out() -> None:
    offsets = nn.Conv2d(6, 27, 1)
    alone, given = _widening(_convolution()), _widening(_convolution(), offsets)
    assert torch.equal(alone.hidden.weight, given.hidden.weight)


@pytest.fixture(scope="module")
def fitted(zoo: Any) -> Any:
    settings = Settings("distilled", hidden=CHANNELS, steps=4, images=16, outputs=SPECS)
    reading = Reading(zoo.outputs)
    return fit_weights(
        zoo.foreign(), zoo.smooth_images(32), settings, reading, workers=0, progress=False
    )


def test_what_is_shipped_is_what_was_trained(zoo: Any, fitted: Any) -> None:
    images = zoo.smooth_images(32)[-4:]
    operated, ledger = fitted.operated(zoo.foreign())
    convolutions = [type(m).__name__ for m in operated.modules() if isinstance(m, nn.Conv2d)]
    assert convolutions.count("WidenedConvolution") == 2
    notes = [entry.reason for entry in ledger.entries if entry.name == "dcn.distilled"]
    assert notes == [f"3x3 kernel over the input and {CHANNELS} channels computed from it"] * 2
    for path, module in fitted.modules.items():
        if getattr(module, "hidden", None) is not None:
            trained = Widening(_like(module), CHANNELS, None, torch.Generator())
            set_kernel(trained, module.weight, module.bias)
            trained.hidden.weight.data, trained.hidden.bias.data = (
                module.hidden.weight,
                module.hidden.bias,
            )
            x = torch.randn(2, trained.in_channels, 8, 8)
            shipped = operated.get_submodule(path)
            assert torch.allclose(trained(x), shipped(x), atol=1e-6)
    assert all(value.isfinite().all() for value in zoo.outputs(operated(images)).values())


def _like(module: Any) -> nn.Conv2d:
    inputs = module.weight.shape[1] - CHANNELS
    return nn.Conv2d(inputs, len(module.weight), 3, padding=1)


def test_a_saved_fit_keeps_the_computed_channels(zoo: Any, fitted: Any, tmp_path: Path) -> None:
    key = saved.Key("0" * 64, Settings("distilled").to_json(), "images")
    loaded = saved.load(saved.save(fitted, key, tmp_path))
    images = zoo.smooth_images(4, seed=3)
    one, _ = fitted.operated(zoo.foreign())
    other, _ = loaded.operated(zoo.foreign())
    for name, value in zoo.outputs(one(images)).items():
        scale = float(value.detach().abs().max())  # saved fits are of half precision
        assert torch.allclose(value, zoo.outputs(other(images))[name], atol=5e-3 * scale)


def test_least_squares_find_more_with_them(zoo: Any) -> None:
    def error(hidden: int) -> float:
        settings = Settings("calibrated", hidden=hidden, images=48, outputs=SPECS)
        reading, images = Reading(zoo.outputs), zoo.smooth_images(64)
        summary = fit_weights(zoo.foreign(), images, settings, reading, progress=False).summary
        return sum(v for name, v in summary.items() if name.startswith("calibrated."))

    assert error(CHANNELS) < 0.9 * error(0)
