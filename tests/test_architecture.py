"""The picture of the layers says what import-linter holds."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")


def test_the_picture_of_the_layers_is_the_contract(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text()
    picture = re.search(r"<!-- layers -->\n```\n(.*?)```", page, re.DOTALL)
    assert picture is not None
    drawn = [re.split(r"\s{2,}", line)[0] for line in picture[1].splitlines()]
    settings = tomllib.loads((repository / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["type"] == "layers")
    assert drawn == [layer for layer in layers if layer != "__main__"]


def test_every_folder_of_surgery_is_in_the_picture(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text()
    picture = page[page.index("<!-- layers -->") : page.index("<!-- /layers -->")]
    folders = {path.parent.name for path in (repository / "surgery").glob("*/__init__.py")}
    drawn = {word for line in picture.splitlines() for word in re.findall(r"\w+", line)}
    assert folders <= drawn
    assert {path.name for path in (repository / "surgery").glob("*.py")} == {
        "__init__.py",
        "__main__.py",
    }
