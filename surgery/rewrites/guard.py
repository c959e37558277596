"""When an operation is wanted: for which exporter, opsets, targets and versions of libraries.

A rewrite that has a ``guard`` is used where the guard holds; otherwise the ledger gets the reason.
Versions are compared by the rules of PEP 440 (:mod:`packaging.specifiers`).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from postprocess.errors import InputError

from .base import Context


@dataclass(frozen=True)
class Guard:
    """Conditions that all have to hold; the empty guard always does.

    Attributes:
        exporters: "dynamo", "torchscript"; none means both.
        opsets: of the export to come; None means every one.
        targets: names of targets; none means every one.
        versions: specifiers by distribution, for example ``{"torch": ">=2.9,<3"}``.
    """

    exporters: tuple[str, ...] = ()
    opsets: range | None = None
    targets: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def refusal(self, context: Context) -> str:
        """Return why the guard does not hold in ``context``, or "".

        Raises:
            InputError: a specifier of ``versions`` is ill-written.
        """
        if self.exporters and context.exporter not in self.exporters:
            return _for_others("exporter", self.exporters, context.exporter)
        if self.opsets is not None and context.opset not in self.opsets:
            first, last = self.opsets[0], self.opsets[-1]
            return f"for opsets {first} to {last}, this export is in {context.opset}"
        if self.targets and context.target not in self.targets:
            return _for_others("target", self.targets, context.target)
        for distribution, specifier in self.versions.items():
            try:
                installed = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                return f"{distribution} is not installed"
            if not _specifiers(distribution, specifier).contains(installed, prereleases=True):
                return f"for {distribution} {specifier}, {installed} is installed"
        return ""


def _for_others(kind: str, wanted: tuple[str, ...], given: str) -> str:
    return f"for the {kind} {' or '.join(wanted)}, " + (
        f"this export is for {given}" if given else f"this export names no {kind}"
    )


def _specifiers(distribution: str, specifier: str) -> SpecifierSet:
    try:
        return SpecifierSet(specifier)
    except InvalidSpecifier as error:
        raise InputError(
            f"a guard's versions[{distribution!r}] expects a specifier such as '>=2.0,<3', got "
            f"{specifier!r}"
        ) from error
