"""Calls of torch.nn.functional.dropout that forgot ``training=self.training``, as nothing.

Without it: the function's own default is ``training=True``, so that a network which calls
``F.dropout(x, 0.5)`` drops at random in evaluation mode as well. Both exporters write that down: a
Dropout whose training_mode is a constant true, which gives another result in every run. The pass
``slim`` would take it out, and is taken back for it: what it leaves differs from what was there.

The stand-in returns its input, the mean of what the call gives (Srivastava et al., "Dropout", 2014,
section 10). Approximate for calls that were at work, since those are random; calls with
``training=False`` are left to the original.
"""

from __future__ import annotations

from torch import Tensor

from .base import Original, patch


@patch(
    "torch.nn.functional.dropout",
    name="function.dropout",
    summary="torch.nn.functional.dropout that is at work in evaluation mode taken out",
    exact=False,
)
def DROPOUT(
    original: Original[..., Tensor],
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor:
    """Return ``input`` where something would be dropped."""
    if training:
        return input
    return original(input, p, training, inplace)
