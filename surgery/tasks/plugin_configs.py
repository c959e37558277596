"""Other packages' configurations in Hydra's search path, so that ``model=THEIRS`` works as ours do.

Ours come first, so that none of them can be replaced. Other packages' targets
(``surgery.targets``) become choices of ``target=`` besides. What is broken is left out here, and
named by ``task=list``.
"""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from ..targets.registry import TARGETS, read_target
from .plugin_folders import folders


class _PluginConfigs(SearchPathPlugin):
    """Hydra asks it for more places to look."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in folders():
            search_path.append(provider="surgery.configs", path=f"file://{folder}")


def join_search_path() -> None:
    """Let Hydra find the configurations and targets of other packages."""
    Plugins.instance().register(_PluginConfigs)
    broken = TARGETS.problems()
    for name in TARGETS.names():
        if name not in broken:
            node = read_target(TARGETS.get(name))
            ConfigStore.instance().store(name, node, group="target", provider="surgery.targets")
