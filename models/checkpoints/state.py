"""From tensors by name into a network, or one line that says why not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from torch import Tensor, nn

from ..errors import CheckpointError

COUNTER = "num_batches_tracked"  # BatchNorm's; only training with momentum=None reads it


def _listed(names: Iterable[str], shown: int = 3) -> str:
    names = list(names)
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest


def _check_shapes(
    wanted: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    path: Path,
    class_keys: Collection[str],
) -> None:
    wrong = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    for key in wrong:
        if key in class_keys:
            raise CheckpointError(
                f"checkpoint {path} was trained on {state[key].shape[0]} classes, the model is "
                f"configured for {wanted[key].shape[0]}: choose the model= or the model.classes= "
                f"that fits ({key})"
            )
    if wrong:
        first = wrong[0]
        raise CheckpointError(
            f"checkpoint {path} does not fit the model: {first} is {tuple(state[first].shape)}, "
            f"expected {tuple(wanted[first].shape)}; {len(wrong)} of {len(wanted)} tensors have "
            "another shape, so the network's widths differ from the configured ones"
        )


def load_into(
    module: nn.Module,
    state: Mapping[str, Tensor],
    path: str | Path,
    *,
    rename: Callable[[str], str] | None = None,
    class_keys: Collection[str] = (),
) -> list[str]:
    """Copy `state` (from `load_state(path)`) into `module`; all or nothing.

    rename: from a key of the checkpoint to the network's own.  class_keys: parameters whose first
    dimension is the number of classes, so that a mismatch can be said in words.
    Returns the checkpoint's keys that the network does not have, sorted.

    Raises CheckpointError naming what is missing, has another shape, or is not finite.
    """
    path = Path(path)
    if rename is not None:
        state = {rename(key): value for key, value in state.items()}
    wanted = module.state_dict()
    missing = [key for key in wanted if key not in state and not key.endswith(COUNTER)]
    needed = sum(not key.endswith(COUNTER) for key in wanted)
    if len(missing) == needed:
        raise CheckpointError(
            f"checkpoint {path} belongs to another network: it holds none of the {needed} tensors "
            f"that the model expects; it begins with {_listed(state)}"
        )
    _check_shapes(wanted, state, path, class_keys)
    if missing:
        raise CheckpointError(
            f"checkpoint {path} lacks {len(missing)} of the {needed} tensors that the model "
            f"expects: {_listed(missing)}"
        )
    used = {key: value for key, value in state.items() if key in wanted}
    for key, value in used.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(
                f"checkpoint {path} holds NaN or infinity in {key}: the training that wrote it "
                "diverged, or the file is damaged"
            )
    module.load_state_dict(used, strict=False)
    return sorted(key for key in state if key not in wanted)
