"""``task=list model.path=FILE``: what a found graph takes and gives, and where it can be cut."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from .candidates import Candidate, candidates
from .source import Found, ImageInput, describe, dimensions


def show(path: Path, console: Console) -> None:
    """Print ports and candidate cuts, and the command that would cut there.

    Raises:
        InputError: the file is not a usable ONNX model, or has no picture to start from.
    """
    found = Found(path)
    for line in lines(found, candidates(found)):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def lines(found: Found, listed: Sequence[Candidate]) -> Iterator[str]:
    """The dry run line by line; names stand whole, to be copied."""
    yield f"{found.path}: {len(found.nodes)} nodes"
    yield from _ports(found, found.image_input())
    yield ""
    yield "candidate cuts (* where model.cut=auto cuts):"
    for each in listed:
        kind = f"{each.dtype or '?'} {dimensions(each.shape)} {each.layout}".rstrip()
        yield f"  {'*' if each.chosen else ' '} {each.tensor}"
        yield f"      {kind}, made by {each.operator}; {each.reason}"
    yield ""
    yield "to cut at *, with one of the decoders that task=list names:"
    yield f"  {command(found.path, listed)}"


def _ports(found: Found, port: ImageInput) -> Iterator[str]:
    for value in found.model.graph.input:
        if value.name in found.inputs:
            picture = f", the picture, {port.layout}" if value.name == port.name else ""
            yield f"  input   {value.name}  {describe(value)}{picture}"
    for value in found.inferred.graph.output:
        yield f"  output  {value.name}  {describe(value)}"


def command(path: Path, listed: Sequence[Candidate]) -> str:
    """The command line that cuts where ``auto`` would."""
    names = ",".join(f"'{each.tensor}'" for each in listed if each.chosen)
    decoder = _quoted("model.decoder={name: NAME}")
    cut = _quoted(f"model.cut=[{names}]")
    return f"python -m surgery model=onnx model.path={shlex.quote(str(path))} {cut} {decoder}"


def _quoted(argument: str) -> str:
    """An argument in double quotes, in whatever a shell needs where it holds special signs."""
    return shlex.quote(argument) if re.search(r'[$`"\\!]', argument) else f'"{argument}"'
