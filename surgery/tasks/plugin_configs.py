"""Other packages' configurations in Hydra's search path, so that ``model=THEIRS`` works as ours do.

A package names a folder of its own in the entry-point group ``surgery.configs``
(``mine = "mine.configs"``), laid out like our ``configs``: ``model/mine.yaml``, and so on. Ours
come first, so that none of them can be replaced. Its targets (``surgery.targets``) become choices
of ``target=`` besides. What is broken is left out here, and named by ``task=list``.
"""

from __future__ import annotations

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from postprocess.registry import Registry

from ..targets.registry import TARGETS, read_target


def _fault(name: str, member: object) -> str:
    return "" if _folder(member) else "expected a package that holds YAML files"


def _folder(package: object) -> Path | None:
    return next((Path(path) for path in getattr(package, "__path__", ())), None)


FOLDERS: Registry[object] = Registry("surgery.configs", "configuration folder", fault=_fault)


def folders() -> list[Path]:
    """Folders of other packages' configurations, those that are in order."""
    broken = FOLDERS.problems()
    found = [_folder(FOLDERS.get(name)) for name in FOLDERS.names() if name not in broken]
    return [path for path in found if path is not None]


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
