"""Names in the configuration, looked up before any work: an unknown one costs a line, not minutes.

Groups of the configuration (``model=``, ``target=``, ``task=``) are Hydra's to check; here are the
names of registered members that settings list.
"""

from __future__ import annotations

from postprocess.errors import InputError

from .config import Config
from .passes import PASSES
from .rewrites.registry import REWRITES
from .strategy import SEARCHED
from .symbolics import SYMBOLICS

DECIDED = frozenset({"dcn.auto", SEARCHED})  # layer by layer, when the network is known


def require_known(config: Config) -> None:
    """Look up every pass, rewrite, symbolic and strategy that the configuration names.

    A member that is only to be left out need not load.

    Raises:
        InputError: an unknown name, with the nearest known one, or a plugin that does not load.
    """
    surgery = config.surgery
    strategies = [f"dcn.{name}" for name in (surgery.dcn.name, *surgery.dcn.layers.values())]
    named = (
        ("surgery.passes.also", PASSES, surgery.also_passes),
        ("surgery.rewrites", REWRITES, surgery.rewrites),
        ("surgery.symbolics.also", SYMBOLICS, surgery.symbolics),
        ("surgery.dcn", REWRITES, [name for name in strategies if name not in DECIDED]),
        ("surgery.compare", REWRITES, [f"dcn.{name}" for name in surgery.compare]),
    )
    known = PASSES.names()
    left_out = [name for name in surgery.skip_passes if name not in known]
    for setting, registry, names in (("surgery.passes.skip", PASSES, left_out), *named):
        for name in names:
            try:
                registry.get(name)
            except InputError as error:
                raise InputError(f"{setting}: {error}") from error
