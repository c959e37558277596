"""Batches for training by number, and the memory of what the untouched network said of them.

The untouched network's pass costs more than a training step of the operated one. Each of its
batches is therefore trained on several times: once when it is new, and then, drawn at random, while
it stays among the last ones kept in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .augment import augment
from .images import Images
from .operation import Operation, laid_out

BITS = 2**31


@dataclass(frozen=True)
class Lesson:
    """A batch, the trunk's results for it, and what the untouched network gives."""

    images: Tensor
    shared: list[Tensor]
    wanted: dict[str, Tensor]


class _Numbered(Dataset[Tensor]):
    def __init__(self, make: Callable[[int], Tensor]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Tensor:
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


def batches_from(
    images: Images, first: int, *, seed: int, size: int, workers: int
) -> Iterator[Tensor]:
    """Yield training batches from number ``first`` on; a number always gives the same batch.

    Args:
        images: a pool, whose images are changed in ever new ways, or fresh ones.
        first: number of the first batch.
        seed: of what is drawn from a pool.
        size: images a batch drawn from a pool.
        workers: processes that make the batches ahead of time; 0 for none.
    """
    make = images.fresh or _from_pool(images, seed, size)
    if workers == 0:
        return (make(number) for number in _Endless(first))
    return iter(
        DataLoader(
            _Numbered(make),
            batch_size=None,
            sampler=_Endless(first),
            num_workers=workers,
            prefetch_factor=4,
            worker_init_fn=_one_thread,
            generator=torch.Generator(),  # leaves the global one alone
        )
    )


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


class Lessons:
    """What to train on at each step; the same for the same seed and step.

    Args:
        operation: the two networks.
        source: batches in order.
        reuse: how often the average batch is trained on.
        kept: how many of the last batches are remembered.
        seed: of what is drawn from memory.
    """

    def __init__(
        self, operation: Operation, source: Iterator[Tensor], *, reuse: int, kept: int, seed: int
    ) -> None:
        self.operation, self.source, self.reuse, self.seed = operation, source, reuse, seed
        self.memory: deque[Lesson] = deque(maxlen=kept)

    @staticmethod
    def first_batch(step: int, reuse: int, kept: int) -> int:
        """Number of the oldest batch in memory when ``step`` is about to begin."""
        return max(0, -(-step // reuse) - kept)

    def remember(self, count: int) -> None:
        """Take ``count`` batches into memory, as the steps before a resumed one did."""
        for _ in range(count):
            self._new()

    def __call__(self, step: int) -> Lesson:
        """Return the batch of a step: a new one at every ``reuse``-th, an old one between."""
        if step % self.reuse == 0:
            return self._new()
        generator = torch.Generator().manual_seed((self.seed + 1) * BITS + step)
        return self.memory[int(torch.randint(len(self.memory), (), generator=generator))]

    def _new(self) -> Lesson:
        images = laid_out(next(self.source), self.operation.device)
        wanted = self.operation.untouched(images)
        self.memory.append(Lesson(images, self.operation.trunk.take(), wanted))
        return self.memory[-1]
