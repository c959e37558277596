"""Where unlabelled images come from: a fixed pool, or a function that makes batches.

A pool is split once, by the seed, into images to fit on and images held back. A function
``images(number) -> (N, 3, H, W)`` must give the same batch for the same number; its first batches
are held back, and every later one is used once or, by a fit that goes over its images, again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from postprocess.errors import InputError

Source = Iterable[Tensor] | Callable[[int], Tensor]
BATCH = 16  # images of a pool that run together
HELD_BACK = 64  # at most so many images are kept out of a fit


@dataclass(frozen=True)
class Images:
    """Images for a fit.

    Attributes:
        fitting: batches (N, 3, H, W) float32 for fits that go over their images.
        held_back: batches that no fit sees.
        fresh: number -> batch for fits that can take new images for ever; None for a pool.
        pool: the single images (3, H, W) behind ``fitting``; empty where ``fresh`` is given.
        digest: hash of what the images are, or "" for a function.
        note: what a user should know, or "".
    """

    fitting: Sequence[Tensor]
    held_back: Sequence[Tensor]
    fresh: Callable[[int], Tensor] | None
    pool: Sequence[Tensor]
    digest: str
    note: str = ""

    @property
    def count(self) -> int:
        """Number of images in ``fitting``."""
        return sum(len(batch) for batch in self.fitting)


def gather(
    source: Source, *, seed: int, count: int, held_back: int | Iterable[Tensor] | None = None
) -> Images:
    """Sort ``source`` into images to fit on and images held back.

    Args:
        source: tensors (N, 3, H, W) or (3, H, W), sizes may differ; or ``number -> (N, 3, H, W)``.
        seed: of the split.
        count: images that a fit which goes over its images takes at most.
        held_back: how many to keep out, or the images themselves; None keeps an eighth, 64 at most.

    Raises:
        InputError: no images, or something that is no image tensor.
    """
    if callable(source):
        return _from_function(source, count, held_back)
    pool = list(_singles(source))
    if not pool:
        raise InputError(
            "images expects at least one tensor (N, 3, H, W), got none: nothing to fit"
        )
    digest = _digest(pool)
    generator = torch.Generator().manual_seed(seed)
    note = ""
    if held_back is None or isinstance(held_back, int):
        wanted = min(HELD_BACK, max(1, len(pool) // 8)) if held_back is None else held_back
        order = torch.randperm(len(pool), generator=generator).tolist()
        kept, pool = [pool[i] for i in order[:wanted]], [pool[i] for i in order[wanted:]]
        if not pool:
            pool, note = (
                kept,
                "judged on the very images that it was fitted on: there are no others",
            )
    else:
        kept = list(_singles(held_back))
    return Images(list(batches(pool[:count])), list(batches(kept)), None, pool, digest, note)


def _from_function(
    source: Callable[[int], Tensor], count: int, held_back: int | Iterable[Tensor] | None
) -> Images:
    first = _checked(source(0), "images(0)")
    size = len(first)
    if held_back is None or isinstance(held_back, int):
        wanted = HELD_BACK if held_back is None else held_back
        start = -(-wanted // size)
        kept = [first, *(_checked(source(i), f"images({i})") for i in range(1, start))]
    else:
        start, kept = 0, list(batches(list(_singles(held_back))))

    def fresh(number: int) -> Tensor:
        return _checked(source(start + number), f"images({start + number})")

    fitting = [fresh(i) for i in range(-(-count // size))]
    return Images(fitting, kept, fresh, (), "")


def _singles(source: Iterable[Tensor]) -> Iterator[Tensor]:
    for position, item in enumerate(source):
        yield from _checked(item, f"images: item {position}")


def _checked(item: object, what: str) -> Tensor:
    """A float32 batch (N, 3, H, W), or an error that says what came."""
    if not isinstance(item, Tensor):
        raise InputError(
            f"{what} is a {type(item).__name__}, expected a float tensor (N, 3, H, W) alone"
        )
    batch = item[None] if item.dim() == 3 else item
    if batch.dim() != 4 or not batch.is_floating_point() or 0 in batch.shape:
        raise InputError(
            f"{what} is {item.dtype} {tuple(item.shape)}, expected float32 (N, 3, H, W), "
            "normalised as the network takes it"
        )
    batch = batch.detach().float().cpu()
    return batch.clone() if batch.is_inference() else batch


def batches(images: Sequence[Tensor], size: int = BATCH) -> Iterator[Tensor]:
    """Stack single images (3, H, W) of the same size into batches, keeping their order."""
    pending: dict[tuple[int, ...], list[Tensor]] = {}
    for image in images:
        group = pending.setdefault(tuple(image.shape), [])
        group.append(image)
        if len(group) == size:
            yield torch.stack(pending.pop(tuple(image.shape)))
    for group in pending.values():
        yield torch.stack(group)


def _digest(pool: Sequence[Tensor]) -> str:
    """Hash of the images' values, whatever their order."""
    each = sorted(hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in pool)
    return hashlib.sha256("".join(each).encode()).hexdigest()
