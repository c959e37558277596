"""Normal equations against convolutions whose weights are known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from surgery.fitting.least_squares import NormalEquations, choose, patches
from surgery.rewrites.fitted import Window

WINDOWS = [
    Window((3, 3), (1, 1), (1, 1), (1, 1)),
    Window((5, 3), (2, 1), (2, 0), (1, 2)),
    Window((3, 3), (1, 2), (2, 2), (2, 2), groups=2),
]


def _problem(window: Window, noise: float = 0.0, images: int = 4, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, 4, 13, 11, generator=generator)
    known = torch.Generator().manual_seed(99)
    weight = torch.randn(6, 4 // window.groups, *window.kernel, generator=known)
    bias = torch.randn(6, generator=known)
    y = F.conv2d(x, weight, bias, window.stride, window.padding, window.dilation, window.groups)
    return x, y + noise * torch.randn(y.shape, generator=generator), weight, bias


def _equations(x, y, window):
    records = []
    for group_x, group_y in zip(x.chunk(window.groups, 1), y.chunk(window.groups, 1), strict=True):
        record = NormalEquations(group_x.shape[1] * window.taps, group_y.shape[1])
        rows = group_y.movedim(1, -1).flatten(0, 2)
        record.add(patches(group_x, window, torch.arange(len(rows))), rows)
        records.append(record)
    return records


@pytest.mark.parametrize("window", WINDOWS)
def test_patches_are_what_a_convolution_sees(window: Window) -> None:
    x, y, weight, bias = _problem(window)
    group_x, group_y = x.chunk(window.groups, 1)[-1], y.chunk(window.groups, 1)[-1]
    rows = group_y.movedim(1, -1).flatten(0, 2)
    positions = torch.randperm(len(rows))[:50]
    own = weight.chunk(window.groups)[-1].flatten(1)
    seen = patches(group_x, window, positions) @ own.T + bias.chunk(window.groups)[-1]
    # sums of up to 60 products of order 1 in float32
    torch.testing.assert_close(seen, rows[positions], atol=1e-4, rtol=0)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_known_convolution_is_recovered_exactly(window: Window) -> None:
    x, y, weight, bias = _problem(window)
    held_x, held_y, *_ = _problem(window, seed=1)
    zeros = torch.zeros_like(weight), torch.zeros_like(bias)
    fit = choose(_equations(x, y, window), _equations(held_x, held_y, window), *zeros)
    # float32 targets carry an error of 1e-6 of their size; the smallest ridge adds 1e-8
    torch.testing.assert_close(fit.weight, weight, atol=2e-5, rtol=0)
    torch.testing.assert_close(fit.bias, bias, atol=2e-5, rtol=0)
    assert fit.error < 1e-9
    assert fit.prior_error > 0.9


def test_the_error_of_a_solution_needs_no_data_a_second_time() -> None:
    window = WINDOWS[0]
    x, y, weight, bias = _problem(window, noise=0.5)
    (record,) = _equations(x, y, window)
    solution = torch.cat((weight.flatten(1), bias[:, None]), 1).T.double() * 0.9
    given = F.conv2d(x, weight * 0.9, bias * 0.9, padding=1)
    direct = (given - y).double().square().sum((0, 2, 3))
    torch.testing.assert_close(record.error(solution), direct, rtol=1e-5, atol=0)
    spread = (y - y.mean((0, 2, 3), keepdim=True)).double().square().sum((0, 2, 3))
    torch.testing.assert_close(record.spread(), spread, rtol=1e-5, atol=0)


def test_few_noisy_images_get_a_larger_ridge_and_a_better_fit_than_none() -> None:
    window = WINDOWS[0]
    held = _equations(*_problem(window, noise=3.0, images=8, seed=5)[:2], window)
    truth = _problem(window)[2]
    guess = 0.8 * truth
    few = _problem(window, noise=3.0, images=1, seed=6)
    clone = _equations(*_problem(window, noise=3.0, images=8, seed=5)[:2], window)
    free = choose(_equations(*few[:2], window), clone, guess, few[3], ridges=(1e-8,))
    drawn = choose(_equations(*few[:2], window), held, guess, few[3])
    assert drawn.ridge > 1e-3
    assert drawn.error < free.error
    exact = _problem(window, seed=6)
    clear = _equations(*_problem(window, seed=5)[:2], window)
    assert choose(_equations(*exact[:2], window), clear, guess, exact[3]).ridge < 1e-6


def test_what_the_images_do_not_show_stays_at_the_first_guess() -> None:
    window = WINDOWS[0]
    x, _, weight, bias = _problem(window)
    x[:, 2] = 0
    y = F.conv2d(x, weight, bias, padding=1)
    guess = torch.full_like(weight, 0.25)
    fit = choose(_equations(x, y, window), _equations(x, y, window), guess, bias)
    torch.testing.assert_close(fit.weight[:, 2], guess[:, 2])
    torch.testing.assert_close(fit.weight[:, 0], weight[:, 0], atol=1e-4, rtol=0)


def test_a_record_holds_the_same_memory_after_any_number_of_rows() -> None:
    record = NormalEquations(36, 6)

    def held() -> int:
        return sum(t.numel() for t in vars(record).values())

    before = held()
    for _ in range(3):
        record.add(torch.randn(20_000, 36), torch.randn(20_000, 6))
    assert held() == before == 37 * 37 + 37 * 6 + 6
    assert record.count == 60_000


def test_records_add_up_and_weights_count_rows() -> None:
    x, y = torch.randn(30, 5), torch.randn(30, 2)
    whole, parts, weighted = (NormalEquations(5, 2) for _ in range(3))
    whole.add(torch.cat((x, x[:10])), torch.cat((y, y[:10])))
    parts.add(x, y)
    rest = NormalEquations(5, 2)
    rest.add(x[:10], y[:10])
    parts += rest
    weighted.add(x, y, torch.tensor([2.0] * 10 + [1.0] * 20))
    for other in (parts, weighted):
        torch.testing.assert_close(other.gram, whole.gram)
        torch.testing.assert_close(other.cross, whole.cross)
        torch.testing.assert_close(other.square, whole.square)
