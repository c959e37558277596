"""Names in the configuration, looked up before any work: an unknown one costs a line, not minutes.

Groups of the configuration (``model=``, ``target=``, ``task=``) are Hydra's to check; here are the
names of registered members that settings list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from postprocess.errors import InputError
from postprocess.registry import Registry

from ..config.run import Config
from ..export.symbolics import SYMBOLICS
from ..passes import PASSES
from ..rewrites.registry import REWRITES
from ..rewrites.traits import STRATEGY
from .strategy import DECIDED


def require_known(config: Config) -> None:
    """Look up every pass, rewrite, symbolic and strategy that the configuration names.

    What is only left out or compared with need not load: a broken plugin of such a name takes
    nothing down that does without it.

    Raises:
        InputError: an unknown name, with the nearest known one, or a plugin that does not load.
    """
    surgery = config.surgery
    strategies = [STRATEGY + name for name in (surgery.dcn.name, *surgery.dcn.layers.values())]
    named = (
        ("surgery.passes.also", PASSES, surgery.passes.also),
        ("surgery.rewrites", REWRITES, surgery.rewrites),
        ("surgery.symbolics.also", SYMBOLICS, surgery.symbolics.also),
        ("surgery.dcn", REWRITES, [name for name in strategies if name not in DECIDED]),
    )
    compared = [STRATEGY + name for name in surgery.compare]
    mentioned = (
        ("surgery.passes.skip", PASSES, _unknown(PASSES, surgery.passes.skip)),
        ("surgery.symbolics.skip", SYMBOLICS, _unknown(SYMBOLICS, surgery.symbolics.skip)),
        ("surgery.compare", REWRITES, _unknown(REWRITES, compared)),
    )
    for setting, registry, names in (*mentioned, *named):
        for name in names:
            try:
                registry.get(name)
            except InputError as error:
                raise InputError(f"{setting}: {error}") from error


def _unknown(registry: Registry[Any], names: Iterable[str]) -> list[str]:
    """Those of ``names`` that no package registers."""
    known = registry.names()
    return [name for name in names if name not in known]
