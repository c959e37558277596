"""Module rewrites in a few lines: modules of a class or a structure, and what replaces them.

For rewrites that need no more than "each module of this kind becomes that one". Those with reasons
to refuse, or several kinds of layer, are classes of their own, as in ``dcn/``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from .base import Context, Match, Replacement
from .dotted import find_class
from .guard import Guard

Build = Callable[[nn.Module, Context], nn.Module]
"""Takes the module that is replaced, and what is known of the export; returns its replacement."""


@dataclass(frozen=True)
class ModuleRewrite:
    """A rewrite of the modules of a class, of those that a predicate picks, or of both.

    Attributes:
        of: dotted path of a class, its subclasses included; "" for any.
        where: says of a module whether it is meant, by its structure for example; None for any.
        build: makes the replacement; must not change the module.
    """

    name: str
    summary: str
    build: Build
    of: str = ""
    where: Callable[[nn.Module], bool] | None = None
    exact: bool = True
    guard: Guard = field(default_factory=Guard)
    min_opset: int = 1

    def match(self, module: nn.Module) -> Match:
        """Accept the modules that are meant.

        Raises:
            InputError: there is no such class.
        """
        if self.of and not isinstance(module, find_class(self.of, self.name)):
            return Match.unrelated()
        if self.where is not None and not self.where(module):
            return Match.unrelated()
        return Match.accept()

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Build what stands in for ``module``."""
        return Replacement(self.build(module, context))


def rewrite(
    of: str = "",
    *,
    name: str,
    summary: str,
    where: Callable[[nn.Module], bool] | None = None,
    exact: bool = True,
    guard: Guard | None = None,
    min_opset: int = 1,
) -> Callable[[Build], ModuleRewrite]:
    """Make a rewrite of the decorated function, which builds the replacement.

    Args:
        of: dotted path of the class of the modules that are meant; "" for any.
        name: how it is asked for.
        summary: one line for ``task=list``.
        where: says which modules are meant; with ``of``, both have to hold.
        exact: whether the replacement computes the same, up to float rounding.
        guard: when it is wanted; always by default.
        min_opset: lowest opset that the replacement can be exported at.

    Raises:
        ValueError: neither ``of`` nor ``where`` is given: every module would be replaced.
    """
    if not of and where is None:
        raise ValueError(f"rewrite {name!r} needs a class or a predicate")

    def made(build: Build) -> ModuleRewrite:
        return ModuleRewrite(name, summary, build, of, where, exact, guard or Guard(), min_opset)

    return made
