"""Which parts of a whole are at fault: bisection, as for the commit that broke a build.

The parts are put in a row, and the shortest head of the row without which the rest works is found
by halving: its last part is at fault. It is left out for good and the search goes on until the rest
works. Where one part is to blame, as is usual, that takes log2(n) trials; with several that hide
each other it is the greedy form of delta debugging (Zeller and Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

MOST = 4  # culprits that are looked for: with more, the whole is not worth keeping


def culprits(
    parts: Sequence[str], works: Callable[[Collection[str]], bool]
) -> tuple[str, ...] | None:
    """Return the parts to leave out so that the rest works, None where that is not to be had.

    Args:
        parts: names; the whole is known not to work with all of them.
        works: whether the whole works without these parts.
    """
    found: list[str] = []
    if not parts or not works(parts):
        return None
    while not found or not works(found):
        if len(found) == MOST:
            return None
        row = [part for part in parts if part not in found]
        low, high = 0, len(row)  # without row[:low] it fails, without row[:high] it works
        while high - low > 1:
            middle = (low + high) // 2
            if works([*found, *row[:middle]]):
                high = middle
            else:
                low = middle
        found.append(row[high - 1])
    return tuple(found)
