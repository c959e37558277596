"""Cases of one loader, many in a child process; a crash or a hang costs one child."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import case

SECONDS = 20.0  # that a case may take
STARTING = 120.0  # and a child, until its first case
MEMORY = 512 << 20  # bytes that a file of some kilobytes may take


@dataclass
class Outcome:
    """What came of a loader's cases.

    Attributes:
        counts: cases by outcome: ok, refused, traceback, crash, hang, memory, touched.
        faults: (number, outcome, words) of those that are neither ok nor refused.
        most: most memory that a case took beyond what the process held, bytes.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    most: int = 0

    def add(self, number: int, outcome: str, words: str, taken: int, touched: list[str]) -> None:
        """Count one case."""
        self.most = max(self.most, taken)
        if touched:
            outcome, words = "touched", "; ".join(touched)
        elif taken > MEMORY and outcome in ("ok", "refused"):
            outcome, words = "memory", f"{taken:,} bytes; {words}"
        self.counts[outcome] += 1
        if outcome not in ("ok", "refused"):
            self.faults.append((number, outcome, words))


def fuzz(name: str, cases: int, seed: int, first: int = 0) -> Outcome:
    """Run ``cases`` cases of the loader ``name`` from number ``first`` on."""
    context = multiprocessing.get_context("spawn")
    outcome, at, last = Outcome(), first, first + cases
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        while at < last:
            receiver, sender = context.Pipe(duplex=False)
            given = (sender, name, seed, at, last, place)
            child = context.Process(target=case.run, args=given, daemon=True)
            child.start()
            sender.close()
            begun = -1
            while at < last:
                ready = receiver.poll(STARTING if begun < 0 else SECONDS)
                try:
                    said = receiver.recv() if ready else None
                except EOFError:
                    break
                if said is None:
                    child.kill()
                    break
                if said[1] == "begun":
                    begun = said[0]
                else:
                    outcome.add(*said)
                    at = said[0] + 1
            child.join()
            if at < last:
                if begun < 0:
                    raise RuntimeError(f"{name}: the child does not start (exit {child.exitcode})")
                kind = "crash" if ready else "hang"
                outcome.add(begun, kind, f"exit code {child.exitcode}", 0, [])
                at = begun + 1
    return outcome


def keep(name: str, seed: int, number: int, folder: Path) -> None:
    """Write the files of one case into ``folder``, to look at it."""
    loader = case.loader_of(name)
    (folder / "seeds").mkdir(parents=True, exist_ok=True)
    loader.seeds(folder / "seeds")
    case.write(loader, f"{seed}:{name}:{number}", folder / "case")
