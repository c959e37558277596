"""``task=explain``: why each operation of an export was done, and why others were not.

    python -m surgery task=explain bundle=DIR
    python -m surgery task=explain model.path=FILE

It reads the ledger of a bundle, or of an ONNX file that this project wrote. Of the operations that
``target=NAME`` chose, the reason is what the target refused and how many refused nodes and pieces
were left afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from postprocess.bundle import read_bundle
from postprocess.errors import InputError

from ..config.run import Config, wants_json
from ..support.ledger import Entry, Ledger

PLACES = 3  # that are named of one reason


def run(config: Config) -> None:
    """Print the reasons.

    Raises:
        InputError: neither a bundle nor a file is named, or it has no ledger.
    """
    path = config.model.get("path")
    if config.bundle is not None:
        ledger = Ledger.from_json(read_bundle(config.bundle, verify=False).document["ledger"])
    elif path is not None:
        ledger = _of_file(Path(str(path)).expanduser())
    else:
        raise InputError("task=explain needs bundle=DIR, or model.path=FILE of a graph in one")
    if wants_json(config):
        print(json.dumps(ledger.to_json(), indent=1))
    else:
        print(*explained(ledger), sep="\n")


def explained(ledger: Iterable[Entry]) -> Iterator[str]:
    """Lines: what was done and why, then what was not.

    Operations stand in the order in which they were first met, equal reasons together.
    """
    entries = list(ledger)
    order = {key: place for place, key in reversed([*enumerate(map(_kind, entries))])}
    for fired in (True, False):
        chosen = [entry for entry in entries if entry.fired is fired]
        chosen.sort(key=lambda entry: (order[_kind(entry)], entry.reason))  # stable
        if chosen:
            yield "done:" if fired else "not done:"
        for _, alike in groupby(chosen, key=lambda entry: (_kind(entry), entry.reason)):
            yield f"  {_line(list(alike))}"


def _kind(entry: Entry) -> tuple[str, str, bool]:
    return entry.kind, entry.name, entry.exact


def _line(entries: list[Entry]) -> str:
    first = entries[0]
    exactness = (", exact" if first.exact else ", approximate") if first.fired else ""
    places = [entry.where for entry in entries if entry.where]
    more = f" and {len(places) - PLACES} more" if len(places) > PLACES else ""
    where = f" ({', '.join(places[:PLACES])}{more})" if places else ""
    why = first.reason or ("asked for, or part of every export" if first.fired else "")
    return f"{first.kind} {first.name}{exactness}{where}: {why}"


def _of_file(path: Path) -> Ledger:
    from ..graph.files import load_onnx
    from ..support.ledger import LEDGER_KEY

    notes = {entry.key: entry.value for entry in load_onnx(path).metadata_props}
    if LEDGER_KEY not in notes:
        raise InputError(
            f"{path}: no ledger in its metadata, which files of task=export and task=graph have: "
            "to see which nodes a target can run, ask task=audit"
        )
    try:
        return Ledger.from_json(json.loads(notes[LEDGER_KEY]))
    except ValueError as error:
        raise InputError(f"{path}: the ledger in its metadata is not JSON: {error}") from error
