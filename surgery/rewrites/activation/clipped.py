"""What the rewrites of activations have in common: looking, fitting and putting in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from postprocess.errors import InputError

from ..base import Context, Match, Replacement
from .fit import Basis, Fit, fit
from .samples import inputs_seen
from .smooth import smooth


@dataclass(frozen=True)
class Clipped:
    """A rewrite of SiLU, Hardswish, Mish and GELU modules by a form with two knees.

    Attributes:
        basis: the form's two functions.
        build: makes the module from the fit.
        kind: type of its fits, so that the fits of two forms do not mix.
    """

    name: str
    summary: str
    basis: Basis
    build: Callable[[Fit], nn.Module]
    kind: type[Fit]
    exact: bool = False
    min_opset: int = 11

    def measure(self, model: nn.Module, images: Sequence[Tensor]) -> Mapping[str, object]:
        """Return a fit for every smooth activation that the images reach, by path."""
        modules = dict(model.named_modules())
        fits: dict[str, object] = {}
        for path, samples in inputs_seen(model, images, lambda m: smooth(m) is not None).items():
            activation = smooth(modules[path])
            assert activation is not None
            fits[path] = self.kind(**vars(fit(samples, activation, self.basis)))
        return fits

    def match(self, module: nn.Module) -> Match:
        """Accept smooth activations; calls of functions are no modules."""
        return Match.accept() if smooth(module) is not None else Match.unrelated()

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement | Match:
        """Return the fitted form; the ledger gets its errors.

        Raises:
            InputError: nothing was measured.
        """
        found = context.calibration.get(self.kind, path)
        if found is not None:
            return Replacement(self.build(found), effect=found.effect())
        if not context.calibration.of(self.kind):
            raise InputError(
                f"{self.name} needs the inputs that {path!r} sees on images: pass "
                "calibration=measured(model, names, images)"
            )
        return Match.decline("no image reached it")
