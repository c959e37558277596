"""From an exporter's exception to one line: which operator, in which module, and why."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator

import torch
from torch import nn

from postprocess.errors import InputError

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_OPERATORS = (
    re.compile(r"operator '([\w:.]+)'"),
    re.compile(r"OpOverload\(op='([\w.]+)'"),
    re.compile(r"target=torch\.ops\.([\w.]+)"),
)
_ADDED = re.compile(r"was added in version (\d+)")
_LONGEST = 240


class ExportError(InputError):
    """An exporter failed.

    Attributes:
        added: the opset that has what it could not write, where it says so.
    """

    def __init__(self, message: str, added: int | None = None) -> None:
        super().__init__(message)
        self.added = added


def explain(
    error: Exception, module: nn.Module, *, exporter: str, opset: int, printed: str
) -> ExportError:
    """Return the one-line error for ``error``, to be raised from it.

    Args:
        module: that was exported.
        exporter: its name.
        opset: asked for.
        printed: what the exporter printed; the TorchScript one prints the graph at fault.
    """
    causes = list(_chain(error))
    texts = [_ANSI.sub("", str(cause)) for cause in causes]
    operator = next(
        (m[1] for text in texts for pattern in _OPERATORS if (m := pattern.search(text))), ""
    )
    path = _printed_scope(printed, operator) or _traced_module(causes, module)
    place = (f" on {operator}" if operator else "") + (f" in module '{path}'" if path else "")
    deepest = causes[-1]
    reason = next((line.strip() for line in texts[-1].splitlines() if line.strip()), "no message")
    if len(reason.split()) and reason.endswith(":"):  # the message proper is on the next line
        reason = " ".join(texts[-1].split())
    reason = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}..."
    added = next((int(m[1]) for text in texts if (m := _ADDED.search(text))), None)
    return ExportError(
        f"the {exporter} exporter failed at opset {opset}{place} "
        f"({type(deepest).__name__}: {reason})",
        added,
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    step: BaseException | None = error
    while step is not None:
        yield step
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)


def _printed_scope(printed: str, operator: str) -> str:
    """Module path of ``operator`` in a printed graph: ``scope: A::/B::seq/C::conv #``."""
    if not operator:
        return ""
    line = next((text for text in printed.splitlines() if f" {operator}(" in text), "")
    parts = [part.rpartition("::")[2] for part in _between(line, "scope: ", " #").split("/")]
    path = ""
    for part in filter(None, parts):
        inside = path and not part.startswith(f"{path}.")
        path = f"{path}.{part}" if inside else part
    return path


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def _traced_module(causes: list[BaseException], module: nn.Module) -> str:
    """Path of the innermost module whose forward, or whose fx node, was at work when it failed."""
    paths = {id(child): path for path, child in module.named_modules()}
    found = ""
    for cause in causes:
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            for value in list(frame.f_locals.values()):
                if isinstance(value, torch.fx.Node) and value.meta.get("nn_module_stack"):
                    found = list(value.meta["nn_module_stack"].values())[-1][0]
            owner = frame.f_locals.get("self")
            found = paths.get(id(owner), "") or found
    return found
