"""Plugins by name: members of an entry-point group, each imported when it is first asked for.

Built-in members and another package's members come the same way (an entry point in pyproject.toml),
so adding one touches no file here. A plugin that is broken or registered twice is an error for
those who ask for it, and for nobody else.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from .errors import InputError

Member = TypeVar("Member")


def suggestion(name: str, known: Iterable[str]) -> str:
    """End of a message about an unknown name: "; did you mean 'e2ec'?", or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class Registry(Generic[Member]):
    """Members of one entry-point group.

    Args:
        group: entry-point group, for example "postprocess.decoders".
        kind: what a member is called in messages, for example "decoder".
        own: members of this project as "module:attribute" by name, found in a checkout that nobody
            installed as well.
        fault: takes a name and the member, and returns what is wrong with it as one, or "" (see
            `contracts.lacking`).
    """

    def __init__(
        self,
        group: str,
        kind: str,
        own: Mapping[str, str] | None = None,
        fault: Callable[[str, object], str] | None = None,
    ) -> None:
        self.group = group
        self.kind = kind
        self._own = dict(own or {})
        self._fault = fault
        self._loaded: dict[str, Member] = {}
        self._given: frozenset[str] = frozenset()

    def _found(self) -> dict[str, list[EntryPoint]]:
        """Entry points by name; one seen through two copies of its metadata counts once."""
        found: dict[str, list[EntryPoint]] = {}
        ours = [EntryPoint(name, value, self.group) for name, value in self._own.items()]
        for point in (*ours, *entry_points(group=self.group)):
            same_name = found.setdefault(point.name, [])
            if all(point.value != other.value for other in same_name):
                same_name.append(point)
        return found

    def names(self) -> list[str]:
        """Sorted names of all members, broken ones included; imports none of them."""
        return sorted({*self._found(), *self._given})

    def get(self, name: str) -> Member:
        """Import and return the member `name`.

        Raises:
            InputError: no such member, two different ones of that name, its import fails, or it is
                not what the kind asks for.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    @contextmanager
    def override(self, members: Mapping[str, Member]) -> Iterator[None]:
        """Within a ``with`` block, know these members by name, before all others of these names.

        What is imported within the block is forgotten after it. For tests and trials.
        """
        before = self._loaded, self._given
        self._loaded, self._given = {**self._loaded, **members}, self._given | members.keys()
        try:
            yield
        finally:
            self._loaded, self._given = before

    def _load(self, name: str) -> Member:
        found = self._found()
        if name not in found:
            listed = ", ".join(sorted(found)) or f"none: group {self.group} is empty, pip install ."
            raise InputError(
                f"unknown {self.kind} {name!r}{suggestion(name, found)} (there are: {listed})"
            )
        points = found[name]
        if len(points) > 1:
            claims = " and ".join(f"{point.value} (package {_owner(point)})" for point in points)
            raise InputError(f"{self.kind} {name!r} is registered by {claims}: uninstall one")
        whose = f"{self.kind} {name!r} of package {_owner(points[0])}"
        try:
            member = points[0].load()
            wrong = self._fault(name, member) if self._fault else ""
        except (Exception, SystemExit) as error:  # whatever a foreign module raises on import
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(f"{whose} cannot be loaded: {cause}") from error
        if wrong:
            raise InputError(f"{whose} is not a {self.kind} ({points[0].value}): {wrong}")
        return cast(Member, member)

    def origin(self, name: str) -> str:
        """The package that registers the member `name`; several where its name is contested."""
        return " and ".join(_owner(point) for point in self._found().get(name, []))

    def module(self, name: str) -> str:
        """Dotted path of the module that holds the member `name`; "" where there is none."""
        return next((point.module for point in self._found().get(name, [])), "")

    def problems(self) -> dict[str, str]:
        """Import every member and return a one-line reason for each that fails, by name."""
        reasons: dict[str, str] = {}
        for name in self.names():
            try:
                self.get(name)
            except InputError as error:
                reasons[name] = str(error)
        return reasons


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "model-surgery"  # our own tables name no package
