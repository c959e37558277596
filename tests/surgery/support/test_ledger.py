"""The ledger: append-only, plain JSON and back, readable lines."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from postprocess.errors import InputError
from surgery.support.ledger import Entry, Ledger

DONE = Entry("rewrite", "dcn.folded", "up.0", True, False, "5x5 kernel", {"clipped": 0.25})
ALSO_DONE = Entry("rewrite", "dcn.folded", "up.1", True, False)
REFUSED = Entry("rewrite", "dcn.folded", "up.2", False, False, "its weight is quantised")
NOTHING = Entry("pass", "fuse", "", False, True, "no such pattern")


def test_a_ledger_survives_json() -> None:
    ledger = Ledger([DONE, REFUSED])
    text = json.dumps(ledger.to_json(), allow_nan=False)
    assert Ledger.from_json(json.loads(text)).entries == (DONE, REFUSED)


def test_an_entry_is_written_with_the_fields_of_the_bundle() -> None:
    assert Ledger([DONE]).to_json() == [
        {
            "kind": "rewrite",
            "name": "dcn.folded",
            "where": "up.0",
            "fired": True,
            "exact": False,
            "reason": "5x5 kernel",
            "effect": {"clipped": 0.25},
        }
    ]


def test_entries_cannot_be_changed_through_what_the_ledger_gives() -> None:
    ledger = Ledger([DONE])
    with pytest.raises(FrozenInstanceError):
        ledger.entries[0].fired = False  # type: ignore[misc]
    written = ledger.to_json()
    written[0]["effect"]["clipped"] = 1.0
    written.clear()
    assert ledger.entries == (DONE,)
    assert DONE.effect == {"clipped": 0.25}


def test_what_fired_and_what_was_declined_are_told_apart_in_order() -> None:
    ledger = Ledger()
    for entry in (REFUSED, DONE, NOTHING):
        ledger.add(entry)
    assert ledger.fired() == (DONE,)
    assert ledger.declined() == (REFUSED, NOTHING)
    assert list(ledger) == [REFUSED, DONE, NOTHING]
    assert len(ledger) == 3


def test_the_summary_counts_what_fired_and_names_one_place_of_each_refusal() -> None:
    other = Entry("rewrite", "dcn.folded", "up.3", False, False, REFUSED.reason)
    assert Ledger([DONE, ALSO_DONE, REFUSED, other, NOTHING]).summary() == [
        "rewrite dcn.folded: 2 places, approximate",
        "rewrite dcn.folded: not done at up.2 and 1 more: its weight is quantised",
        "pass fuse: not done: no such pattern",
    ]


@pytest.mark.parametrize("value", [{"kind": "pass"}, {**Ledger([DONE]).to_json()[0], "x": 1}, 3])
def test_what_is_no_entry_is_refused_in_one_line(value: object) -> None:
    with pytest.raises(InputError, match="ledger entry 0 expects an object with") as caught:
        Ledger.from_json([value])  # type: ignore[list-item]
    assert "\n" not in str(caught.value)


def test_importing_the_ledger_loads_neither_torch_nor_onnx() -> None:
    code = "import surgery.support.ledger, sys; assert not {'torch', 'onnx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
