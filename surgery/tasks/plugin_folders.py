"""Folders of configurations that other packages bring.

A package names a folder of its own in the entry-point group ``surgery.configs``
(``mine = "mine.configs"``), laid out like our ``configs``: ``model/mine.yaml``, and so on.
"""

from __future__ import annotations

from pathlib import Path

from postprocess.registry import Registry


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
