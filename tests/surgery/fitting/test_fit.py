"""`surgery.fit` on networks that nobody here wrote."""

from __future__ import annotations

import copy
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.fitting import Fitted, OutputSpec, Reading, Settings, fit, fit_weights
from surgery.fitting.distilled import Recipe, Status
from surgery.fitting.network import trace
from surgery.fitting.windows import windows
from surgery.support.ledger import Ledger

SPECS = {"heat": OutputSpec("logits"), "side": OutputSpec(counts_at="heat")}


def _distil(
    zoo: Any, images: Tensor, steps: int = 30, seed: int = 0, hidden: int = 4, **more: object
):
    settings = Settings("distilled", hidden=hidden, steps=steps, seed=seed, outputs=SPECS)
    silent = {"workers": 0, "progress": False, **more}
    return fit_weights(zoo.foreign(), images, settings, Reading(zoo.outputs), **silent)  # type: ignore[arg-type]


def test_a_foreign_network_is_operated_on_and_the_callers_is_left_alone(zoo: Any) -> None:
    model = zoo.foreign().train()
    before = copy.deepcopy(model.state_dict())
    images = zoo.smooth_images(24)
    operated, ledger = fit(model, images, "calibrated", outputs=zoo.outputs, progress=False)
    assert model.training
    assert isinstance(model.bend, zoo.CalledLayer)
    assert isinstance(model.packed, zoo.DCN)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert isinstance(operated.get_submodule("bend"), nn.Conv2d)
    assert isinstance(operated.get_submodule("packed"), nn.Conv2d)
    places = {entry.where: entry for entry in ledger.fired()}
    assert {"bend", "packed"} <= set(places)
    effect = places["packed"].effect
    assert effect is not None
    assert effect["relative_error"] < effect["first_guess_error"]


def test_least_squares_then_training_bring_the_outputs_closer(zoo: Any) -> None:
    summary = _distil(zoo, zoo.smooth_images(64), steps=150, hidden=0).summary
    stages = ("first_guess", "calibrated", "distilled")
    first, fitted, trained = (summary[f"{s}.heat"] + summary[f"{s}.side"] for s in stages)
    assert fitted < 0.7 * first
    assert trained < fitted


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_convolution_has_the_wanted_size(zoo: Any, kernel: int) -> None:
    operated, _ = fit(
        zoo.foreign(),
        zoo.smooth_images(8),
        "calibrated",
        outputs=zoo.outputs,
        kernel=kernel,
        progress=False,
    )
    layer = operated.get_submodule("packed")
    assert isinstance(layer, nn.Conv2d)
    assert layer.kernel_size == (kernel, kernel)


def test_constant_offsets_are_fitted_exactly(zoo: Any) -> None:
    model = zoo.foreign()
    for convolution in (model.predict, model.packed.conv_offset_mask):
        nn.init.zeros_(convolution.weight)
        convolution.bias.data.copy_(torch.rand(27, generator=torch.Generator().manual_seed(3)))
    images = zoo.smooth_images(24)
    operated, _ = fit(model, images, "calibrated", outputs=zoo.outputs, kernel=5, progress=False)
    with torch.no_grad():
        wanted, given = zoo.outputs(model(images)), zoo.outputs(operated(images))
    for name in wanted:
        # outputs of order 1 through two fits that hold float32 rows
        torch.testing.assert_close(given[name], wanted[name], atol=1e-4, rtol=0)


def test_a_fit_of_so_many_steps_depends_on_the_seed_alone(zoo: Any) -> None:
    images = zoo.smooth_images(24)
    first, again, other = (_distil(zoo, images, steps=5, seed=seed) for seed in (1, 1, 2))
    weights = [fitted.modules["packed"].weight for fitted in (first, again, other)]  # type: ignore[union-attr]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_workers_change_nothing(zoo: Any) -> None:
    images = zoo.smooth_images(24)
    alone, helped = (_distil(zoo, images, steps=4, workers=workers) for workers in (0, 1))
    assert torch.equal(alone.modules["packed"].weight, helped.modules["packed"].weight)  # type: ignore[union-attr]


class _Killed(Exception):
    pass


def test_a_killed_distillation_goes_on_as_if_nothing_had_happened(zoo: Any, tmp_path: Path) -> None:
    images, state = zoo.smooth_images(40), tmp_path / "fit.state"
    recipe = Recipe(batch=4, kept=3, reuse=2, save_every=-1.0)

    def kill(status: Status) -> None:
        if status.step == 8:
            raise _Killed

    with pytest.raises(_Killed):
        _distil(zoo, images, steps=13, recipe=recipe, state=state, progress=kill)
    assert state.exists()
    seen: list[int] = []
    resumed = _distil(
        zoo, images, steps=13, recipe=recipe, state=state, progress=lambda s: seen.append(s.step)
    )
    whole = _distil(zoo, images, steps=13, recipe=recipe)
    assert next(step for step in seen if step) == 8  # the state of step 7 was the last one written
    assert not state.exists()
    for path, module in whole.modules.items():
        for name, tensor in vars(module).items():
            if isinstance(tensor, Tensor):
                assert torch.equal(tensor, getattr(resumed.modules[path], name)), (path, name)


def test_the_state_of_another_fit_is_refused(zoo: Any, tmp_path: Path) -> None:
    images, state = zoo.smooth_images(16), tmp_path / "fit.state"

    def kill(_: Status) -> None:
        raise _Killed

    recipe = Recipe(save_every=-1.0)
    for _ in range(1):
        with pytest.raises(_Killed):
            _distil(zoo, images, steps=4, recipe=recipe, state=state, progress=_second(kill))
    with pytest.raises(InputError, match="belongs to a fit of another network"):
        _distil(zoo, images + 1, steps=4, state=state)
    state.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="no readable state"):
        _distil(zoo, images, steps=4, state=state)


def _second(function):
    calls = []

    def called(status: Status) -> None:
        if status.stage == "training":
            calls.append(status)
        if len(calls) == 2:
            function(status)

    return called


def test_training_ends_when_the_time_is_up(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))  # a second passes at each look
    monkeypatch.setattr("surgery.fitting.distilled.time", clock)
    settings = Settings("distilled", minutes=5, outputs=SPECS)
    seen: list[Status] = []
    reading, images = Reading(zoo.outputs), zoo.smooth_images(24)
    fitted = fit_weights(
        zoo.foreign(),
        images,
        settings,
        reading,
        workers=0,
        progress=seen.append,
        recipe=Recipe(patience=99),
    )
    assert seen[-1].progress == 1
    training = [status for status in seen if status.stage == "training"]
    assert all(status.progress < 1 for status in training[:-1])
    assert fitted.summary["steps"] == len(training) > 50
    assert seen[-1].seconds <= 300


def test_fresh_images_come_by_number(zoo: Any) -> None:
    asked: list[int] = []

    def fresh(number: int) -> Tensor:
        asked.append(number)
        return zoo.smooth_images(4, seed=number)

    settings = Settings("distilled", steps=6, images=8, outputs=SPECS)
    fitted = fit_weights(
        zoo.foreign(),
        fresh,
        settings,
        Reading(zoo.outputs),
        images_held_back=8,
        workers=0,
        progress=False,
    )
    assert fitted.summary["images"] == 8
    assert sorted(set(asked)) == [0, 1, 2, 3, 4]  # two held back; six steps need three new ones


def test_unused_multiply_adds_buy_larger_kernels_but_no_more_than_there_were(zoo: Any) -> None:
    model = zoo.foreign()
    seen = trace(model, Reading(zoo.outputs), zoo.smooth_images(1))
    chosen = windows(seen, 0)
    spent = saved = 0
    for path, window in chosen.items():
        geometry, pixels = seen.layers[path].geometry, seen.size[path][0] * seen.size[path][1]
        channels = geometry.in_channels * geometry.out_channels
        spent += channels * (window.taps - geometry.taps) * pixels
        convolution = seen.layers[path].offset_convolution
        saved += 0 if convolution is None else convolution.weight.numel() * pixels
    assert 0 < spent <= saved


def _plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": _plain()}, "Sequential has no deformable layer"),
        ({"images": []}, "expects at least one tensor"),
        ({"images": ["a.png"]}, "images: item 0 is a str"),
        ({"images": [torch.zeros(3, 8, 8, dtype=torch.uint8)]}, "expected float32"),
        ({"outputs": lambda y: y[0]}, "returns a dict of tensors by name, got Tensor"),
        ({"outputs": lambda y: {"a": y}}, "output 'a' is a tuple"),
        ({"outputs": lambda y: {"a": y[0].sum()}}, "the batch as its first axis"),
        ({"outputs": lambda y: {"a": y[0] / 0}}, "holds NaN or infinite"),
        ({"strategy": "magic"}, "unknown strategy 'magic'"),
        ({"kernel": 4}, "kernel expects an odd size"),
        ({"minutes": 0}, "minutes and steps are positive"),
        ({"weights": {"side": OutputSpec(counts_at="heat")}}, "has no OutputSpec"),
    ],
)
def test_bad_input_is_one_clear_line(zoo: Any, arguments: dict[str, object], message: str) -> None:
    usual = {"model": zoo.foreign(), "images": zoo.smooth_images(4), "outputs": zoo.outputs}
    with pytest.raises(InputError, match=message) as caught:
        fit(**{**usual, **arguments, "progress": False})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_a_layer_that_is_not_called_is_left_and_said_so(zoo: Any) -> None:
    model = zoo.foreign()
    model.spare = zoo.DCN(4, 4)
    settings = Settings("calibrated", outputs=SPECS)
    fitted = fit_weights(
        model, zoo.smooth_images(8), settings, Reading(zoo.outputs), progress=False
    )
    assert "spare" not in fitted.modules
    assert any("spare: not called" in note for note in fitted.notes)


def test_the_figures_are_those_of_the_network_that_is_returned(zoo: Any) -> None:
    images = zoo.smooth_images(12)
    _, ledger = fit(zoo.foreign(), images, "calibrated", outputs=zoo.outputs, progress=False)
    assert {"calibrated.heat", "calibrated.side", "seconds"} <= set(ledger.figures)


def test_a_network_that_some_weights_do_not_reach_is_not_returned(
    zoo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Fitted.operated

    def losing(self: Fitted, model: nn.Module) -> tuple[nn.Module, Ledger]:
        made, ledger = whole(self, model)
        made.get_submodule("packed").weight.data.mul_(1.5)
        return made, ledger

    monkeypatch.setattr(Fitted, "operated", losing)
    with pytest.raises(InputError, match="did not reach the copy"):
        fit(
            zoo.foreign(),
            zoo.smooth_images(12),
            "calibrated",
            outputs=zoo.outputs,
            progress=False,
        )
