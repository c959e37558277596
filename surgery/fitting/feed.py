"""Batches for training by number, with what the untouched network says of them, and their memory.

The untouched network's pass costs about what a training step of the operated one does. On the CPU
the processes that make the batches run it too, beside the training. Each batch is trained on
several times: once when it is new, and then, drawn at random, while it stays among the last ones
kept in memory.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .augment import augment
from .images import Images
from .network import check_finite
from .teacher_student import TeacherStudent, laid_out

BITS = 2**31


@dataclass(frozen=True)
class LabelledBatch:
    """A batch, the trunk's results for it, and what the untouched network gives."""

    images: Tensor
    shared: list[Tensor]
    wanted: dict[str, Tensor]


class _Numbered(Dataset[Any]):
    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Any:
        return self.make(number)


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


class _Endless:
    """The numbers from ``first`` on."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[int]:
        number = self.first
        while True:
            yield number
            number += 1


def can_fork() -> bool:
    """Whether processes can be started that hold the networks as they are here."""
    return sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()


def labelled(pair: TeacherStudent, batch: Tensor) -> LabelledBatch:
    """Run the untouched network on a batch; whether its outputs are finite is not checked."""
    images = laid_out(batch, pair.device)
    wanted = pair.untouched(images)
    return LabelledBatch(images, pair.trunk.take(), wanted)


def _own(given: LabelledBatch) -> LabelledBatch:
    """A copy outside of the memory, scarce, that the batch shares with its process."""
    return LabelledBatch(
        given.images.clone(),
        [
            tensor.new_zeros(()).expand_as(tensor) if 0 in tensor.stride() else tensor.clone()
            for tensor in given.shared
        ],
        {name: tensor.clone() for name, tensor in given.wanted.items()},
    )


def batches_from(
    pair: TeacherStudent, images: Images, first: int, *, seed: int, size: int, workers: int
) -> Iterator[LabelledBatch]:
    """Yield batches from number ``first`` on; a number always gives the same one.

    Args:
        pair: whose untouched network says what is wanted.
        images: a pool, whose images are changed in ever new ways, or fresh ones.
        first: number of the first batch.
        seed: of what is drawn from a pool.
        size: images a batch drawn from a pool.
        workers: processes that make them ahead of time; 0 for none.

    """
    make = images.fresh or _from_pool(images, seed, size)
    if workers == 0:
        return (labelled(pair, make(number)) for number in _Endless(first))
    # a process that was forked cannot use a GPU that its parent uses
    ahead = pair.device.type == "cpu"
    given = DataLoader(
        _Numbered((lambda number: labelled(pair, make(number))) if ahead else make),
        batch_size=None,
        sampler=_Endless(first),
        num_workers=workers,
        prefetch_factor=4,
        worker_init_fn=_one_thread,
        multiprocessing_context="fork",
        generator=torch.Generator(),  # leaves the global one alone
        collate_fn=_as_it_is,
    )
    return map(_own, given) if ahead else (labelled(pair, batch) for batch in given)


def _as_it_is(item: Any) -> Any:
    return item


def _from_pool(images: Images, seed: int, size: int) -> Callable[[int], Tensor]:
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images.pool):
        by_shape.setdefault(tuple(image.shape), []).append(index)
    groups = list(by_shape.values())
    chances = torch.tensor([float(len(group)) for group in groups])

    def make(number: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed * BITS + number)
        group = groups[int(torch.multinomial(chances, 1, generator=generator))]
        count = min(size, len(group))
        chosen = torch.randperm(len(group), generator=generator)[:count].tolist()
        return augment(torch.stack([images.pool[group[i]] for i in chosen]), generator)

    return make


class LabelledBatches:
    """What to train on at each step; the same for the same seed and step.

    Args:
        source: batches in order.
        reuse: how often the average one is trained on.
        kept: how many of the last ones are remembered.
        seed: of what is drawn from memory.
    """

    def __init__(
        self, source: Iterator[LabelledBatch], *, reuse: int, kept: int, seed: int
    ) -> None:
        self.source, self.reuse, self.seed = source, reuse, seed
        self.memory: deque[LabelledBatch] = deque(maxlen=kept)

    @staticmethod
    def first_batch(step: int, reuse: int, kept: int) -> int:
        """Number of the oldest batch in memory when ``step`` is about to begin."""
        return max(0, -(-step // reuse) - kept)

    def remember(self, count: int) -> None:
        """Take ``count`` batches into memory, as the steps before a resumed one did.

        Raises:
            InputError: outputs of the untouched network are not finite.
        """
        for _ in range(count):
            self._new()

    def __call__(self, step: int) -> LabelledBatch:
        """Return the batch of a step: a new one at every ``reuse``-th, an old one between."""
        if step % self.reuse == 0:
            return self._new()
        generator = torch.Generator().manual_seed((self.seed + 1) * BITS + step)
        return self.memory[int(torch.randint(len(self.memory), (), generator=generator))]

    def _new(self) -> LabelledBatch:
        new = next(self.source)
        check_finite(new.wanted, "untouched")
        self.memory.append(new)
        return new
