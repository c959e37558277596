"""Mutated files through every loader: ``python -m benchmarks.fuzz --cases 1000 --seed 0``.

Each case is a file, changed by its structure (fields, members, operations, chunks, values, words),
read in a child process with a limit on memory and 20 s. It is to be read, or refused with one line.
Anything else is printed with its number; ``--keep FOLDER --only NAME --first NUMBER`` writes its
files. The exit code is 1 where there was any.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from .loaders import LOADERS
from .page import page
from .runner import fuzz, keep


def main() -> int:
    """Run, print faults and a line for each loader, and add the figures to ``--record``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="for each loader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--record", type=Path, help="JSON file that the figures are written to")
    parser.add_argument("--page", type=Path, help="print docs/reliability.md from such a file")
    parser.add_argument("--keep", type=Path, help="write the files of case --first, and end")
    options = parser.parse_args()
    if options.page:
        print(page(json.loads(options.page.read_text())), end="")
        return 0
    if options.keep:
        keep(options.only[0], options.seed, options.first, options.keep)
        return 0
    bad = False
    for name in options.only:
        start = time.monotonic()
        outcome = fuzz(name, options.cases, options.seed, options.first)
        seconds = time.monotonic() - start
        for number, kind, words in outcome.faults[:20]:
            print(f"{name} case {number}: {kind}: {words}", file=sys.stderr)
        bad |= bool(outcome.faults)
        print(
            f"{name}: {dict(outcome.counts)}, {outcome.most >> 20} MiB, {seconds:.0f} s", flush=True
        )
        if options.record:
            known = json.loads(options.record.read_text()) if options.record.is_file() else {}
            known[name] = {
                "cases": options.cases,
                "seed": options.seed,
                "counts": dict(outcome.counts),
                "memory": outcome.most,
                "seconds": round(seconds),
            }
            options.record.parent.mkdir(parents=True, exist_ok=True)
            options.record.write_text(json.dumps(known, indent=1) + "\n")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
