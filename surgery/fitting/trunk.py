"""Share what two networks have in common: the modules before the first deformable layer.

Their results cannot depend on a deformable layer, so the untouched and the operated network agree
on them for as long as their weights are left alone. They are computed once a batch, by the
untouched network; the operated one is given the results back (module by module, in the order of
calls, whatever plain PyTorch code runs in between). A distillation shares only the early ones, on
large maps, and trains the deeper ones too (:data:`EARLY`): they cost little and can make up for
the reach that was lost with the offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from ..rewrites.modes import evaluating
from ..rewrites.nested import map_tensors, tensors_in
from .network import Reached, Reading

EARLY = 1 / 16  # of the image's pixels: larger maps are early ones, costly to compute and to train
Results = dict[str, list[Any]]


class Replayed(nn.Module):
    """Stands in for a module of the trunk: returns what it was given, call after call."""

    def __init__(self) -> None:
        super().__init__()
        self.results: Sequence[Any] = ()
        self.position = 0

    def give(self, results: Sequence[Any]) -> None:
        """Set what the coming forward pass returns."""
        self.results, self.position = results, 0

    def forward(self, *_: Any, **__: Any) -> Any:
        """Return the next result, as a copy that may be written to."""
        result = map_tensors(torch.clone, self.results[self.position])
        self.position += 1
        return result


@contextmanager
def recording(model: nn.Module, paths: Sequence[str]) -> Iterator[Results]:
    """Fill the yielded dict with copies of what the modules at ``paths`` return, call by call."""
    results: Results = {}

    def noting(path: str) -> Any:
        def note(_: nn.Module, __: Any, result: Any) -> None:
            copied = map_tensors(lambda tensor: tensor.detach().clone(), result)
            results.setdefault(path, []).append(copied)

        return note

    handles = [model.get_submodule(p).register_forward_hook(noting(p)) for p in paths]
    try:
        yield results
    finally:
        for handle in handles:
            handle.remove()


class Trunk:
    """The shared part of an untouched network and of copies of it.

    Attributes:
        paths: modules whose results are shared, in the order of calls.
        needed: of the tensors in those results, in order, which the outputs depend on. The others
            are taken as zeros, which take no memory.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        self.needed: list[bool] | None = None
        self._layout: Results | None = None

    @classmethod
    def find(
        cls,
        paths: Sequence[str],
        model: nn.Module,
        reading: Reading,
        images: Tensor,
        *,
        early: float = 0.0,
    ) -> Trunk:
        """Build the trunk of those modules whose results are tensors with the batch first.

        Args:
            paths: modules that cannot depend on a deformable layer, the largest of them.
            model, reading, images: for one run.
            early: share only what works on maps of more than this share of the image's pixels, and
                leave what lies deeper out of the trunk, to be trained.
        """
        inside = [
            f"{path}.{name}" if name else path
            for path in paths
            for name, _ in model.get_submodule(path).named_modules()
        ]
        with recording(model, inside) as results, evaluating(model), torch.no_grad():
            reading(model, images)
        batch, least = images.shape[0], early * images.shape[2] * images.shape[3]
        small = {path for path, found in results.items() if _smallest(found) <= least}

        def shared(path: str) -> Iterator[str]:
            if not any(other == path or other.startswith(f"{path}.") for other in small):
                yield path
                return
            for name, _ in model.get_submodule(path).named_children():
                yield from shared(f"{path}.{name}")

        order = list(results)
        chosen = sorted({p for path in paths for p in shared(path)} & set(order), key=order.index)
        return cls(
            [
                path
                for path in chosen
                if list(tensors_in(results[path]))
                and all(t.dim() and t.shape[0] == batch for t in tensors_in(results[path]))
            ]
        )

    def record(self, model: nn.Module, reading: Reading, images: Tensor) -> dict[str, Tensor]:
        """Run the untouched ``model``, keep its trunk's results, return its outputs."""
        with recording(model, self.paths) as results:
            outputs = reading(model, images)
        self._layout = results
        return outputs

    def rerun(self, model: nn.Module, reading: Reading, images: Tensor, until: str) -> None:
        """Run ``model`` up to its first deformable layer, ``until``, for the trunk's results."""

        def stop(*_: Any) -> None:
            raise Reached

        handle = model.get_submodule(until).register_forward_pre_hook(stop)
        try:
            with recording(model, self.paths) as results, suppress(Reached):
                reading.forward(model, images)
        finally:
            handle.remove()
        self._layout = results

    def take(self) -> list[Tensor]:
        """Return the tensors of the last :meth:`record`; zeros for those that are not needed."""
        assert self._layout is not None
        found = list(tensors_in(self._layout))
        needed = self.needed or [True] * len(found)
        return [
            tensor if wanted else tensor.new_zeros(()).expand_as(tensor)
            for tensor, wanted in zip(found, needed, strict=True)
        ]

    def install(self, copy: nn.Module) -> dict[str, Replayed]:
        """Put stand-ins in the trunk's places in ``copy``; their parameters leave it."""
        stands: dict[str, Replayed] = {}
        for path in self.paths:
            parent, _, name = path.rpartition(".")
            stands[path] = copy.get_submodule(parent)._modules[name] = Replayed()
        return stands

    def give(self, stands: Mapping[str, Replayed], tensors: Sequence[Tensor]) -> None:
        """Hand tensors of :meth:`take`, possibly of other images, to the stand-ins."""
        assert self._layout is not None
        supply = iter(tensors)
        for path, results in self._layout.items():
            stands[path].give([map_tensors(lambda _: next(supply), result) for result in results])


def _smallest(results: Any) -> float:
    """Pixels of the smallest map among results; infinity where there is none."""
    maps = [t.shape[-2] * t.shape[-1] for t in tensors_in(results) if t.dim() == 4]
    return min(maps, default=float("inf"))
