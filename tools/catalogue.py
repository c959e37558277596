"""The catalogue of operations, docs/catalogue/: a page for each, from its module and its registry.

    python -m tools.catalogue [FOLDER]

A page is the operation's docstring, its own or its module's, behind the facts that programs go by:
kind, exact or approximate, opsets, how to ask for it, for which targets it is chosen or suggested
(``targets/remedies.yaml``), and where its code and its tests are. The tests hold the pages to what
this command writes.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from postprocess.registry import Registry
from surgery.targets.registry import load_target, shipped_names
from tools.catalogue_settings import SETTINGS, Setting
from tools.served import served

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "catalogue"
OWNER = "model-surgery"  # other packages' operations have their own pages
ALWAYS = "in every export"


@dataclass(frozen=True)
class Room:
    """The operations of one kind.

    Attributes:
        title: of its part of the index.
        folder: its pages' place.
        kind: as remedies call it.
        ask: how one is asked for; ``NAME`` stands for it.
        always: names of those that nobody has to ask for.
    """

    title: str
    folder: str
    kind: str
    ask: str
    registry: Registry[Any] | None
    always: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """One operation.

    Attributes:
        serves: target -> the operators there that it removes.
    """

    room: Room
    name: str
    member: Any
    module: str
    serves: dict[str, list[str]]

    @property
    def file(self) -> str:
        """Its place below the catalogue's folder."""
        return f"{self.room.folder}/{self.name}.md"


def rooms() -> list[Room]:
    """The kinds of operations, in the order of a graph's way."""
    from surgery.export.symbolics.registry import DEFAULT, SYMBOLICS
    from surgery.passes.registry import DEFAULT_ORDER, PASSES
    from surgery.rewrites.registry import REWRITES
    from surgery.steps.registry import STEPS

    return [
        Room(
            "Rewrites: modules and functions of the live network",
            *("rewrites", "rewrite", "surgery.rewrites=[NAME]", REWRITES),
        ),
        Room(
            "Symbolics: operators that the exporters cannot write, or a target lacks",
            *("symbolics", "symbolic", "surgery.symbolics.also=[NAME]", SYMBOLICS, DEFAULT),
        ),
        Room(
            "Passes: changes of the ONNX graph, each behind a check",
            *("passes", "pass", "surgery.passes.also=[NAME]", PASSES, DEFAULT_ORDER),
        ),
        Room(
            "Graph operations: what task=graph does to any ONNX file",
            *("graph", "graph step", "task=graph 'graph.steps=[{NAME: ...}]'", STEPS),
        ),
        Room(
            "Settings: what an export does with the finished graph", "settings", "setting", "", None
        ),
    ]


def pages() -> list[Page]:
    """Every operation of this project."""
    targets = [load_target(name) for name in shipped_names()]
    found: list[Page] = []
    for room in rooms():
        if room.registry is None:
            found += [Page(room, name, each, each.module, {}) for name, each in SETTINGS.items()]
            continue
        for name in room.registry.names():
            if room.registry.origin(name) == OWNER:
                module = room.registry.module(name)
                serves = served(f"{room.kind}:{name}", targets)
                found.append(Page(room, name, room.registry.get(name), module, serves))
    return found


def render(page: Page) -> str:
    """The page as Markdown."""
    first, _, rest = _text(page).partition("\n")
    lines = [f"# {page.name}", "", _markdown(first), "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in _facts(page)]
    return "\n".join([*lines, "", _markdown(rest).strip(), ""])


def _text(page: Page) -> str:
    """The docstring of the member's class or ``rewrite``, if it has paragraphs, else its module's.

    A class that others share, with its attributes listed, says nothing of one member.
    """
    if not isinstance(page.member, Setting):
        for each in (type(page.member), getattr(page.member, "rewrite", None)):
            own = inspect.getdoc(each) if callable(each) else None
            if own and "\n\n" in own and "Attributes:" not in own:
                return own
    return inspect.getdoc(import_module(page.module)) or ""


def index(found: Sequence[Page]) -> str:
    """README.md of the catalogue."""
    lines = [
        "# The catalogue",
        "",
        "Every operation that deployment forces on people, with the failure that it cures.",
        "Written by `python -m tools.catalogue` from the docstrings and registries. The",
        "last column names the targets that refuse what an operation removes: with `target=NAME`,",
        "an export chooses the exact passes and symbolics by itself, and",
        "`python -m surgery task=explain bundle=DIR` says why.",
    ]
    rows: dict[str, list[str]] = defaultdict(list)
    for page in found:
        targets = ALWAYS if page.name in page.room.always else ", ".join(page.serves)
        link = f"[{page.name}]({page.file})"
        exact = "yes" if page.member.exact else "no"
        rows[page.room.title].append(f"| {link} | {page.member.summary} | {exact} | {targets} |")
    for title, listed in rows.items():
        lines += ["", f"## {title}", "", "| name | what it does | exact | for |"]
        lines += ["| --- | --- | --- | --- |", *listed]
    return "\n".join([*lines, ""])


def catalogue() -> dict[str, str]:
    """The files below the catalogue's folder, by place."""
    found = pages()
    return {"README.md": index(found), **{page.file: render(page) for page in found}}


def write(folder: Path) -> None:
    """Write the catalogue into ``folder``; pages of operations that are gone are removed."""
    files = catalogue()
    for old in folder.glob("**/*.md"):
        if old.relative_to(folder).as_posix() not in files:
            old.unlink()
    for place, text in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)


def _facts(page: Page) -> Iterator[tuple[str, str]]:
    member, kind = page.member, page.room.kind
    patched = getattr(member, "function", None)
    yield "kind", f"rewrite of the function `{patched}`" if patched else kind
    yield "in short", member.summary
    yield "exact", "yes" if member.exact else "no: its effect is measured"
    if operators := getattr(member, "operators", None) if kind == "symbolic" else None:
        yield "writes", ", ".join(f"`{operator}`" for operator in operators)
    if opsets := _opsets(member):
        yield "opsets", opsets
    if page.name in page.room.always:
        yield (
            "ask for it",
            f"{ALWAYS}; `surgery.{page.room.folder}.skip=[{page.name}]` leaves it out",
        )
    else:
        asked = _ask(page)
        yield "ask for it", f"`{asked}`" if asked else "it is done wherever it is needed"
    for target, operators in page.serves.items():
        how = "chosen for" if member.exact and kind in ("pass", "symbolic") else "suggested for"
        yield f"{how} {target}", ", ".join(operators)
    yield "code", _link(page, Path(*page.module.split(".")).with_suffix(".py"))
    if tests := _tests(page):
        yield "tests", ", ".join(_link(page, test) for test in tests)


def _tests(page: Page) -> list[Path]:
    """The test file of the operation or of its module; else those nearby that name it."""
    *folders, module = page.module.split(".")
    for name in (page.name, module):
        own = Path("tests", *folders, f"test_{name}.py")
        if (ROOT / own).is_file():
            return [own]
    spelled = {f'"{name}"' for name in (page.name, page.name.removesuffix(".decomposed"))}
    for depth in range(len(folders), 1, -1):
        files = sorted((ROOT / Path("tests", *folders[:depth])).glob("test_*.py"))
        found = [file for file in files if any(name in file.read_text() for name in spelled)]
        if found:
            return [file.relative_to(ROOT) for file in found]
    return []


def _ask(page: Page) -> str:
    if isinstance(page.member, Setting):
        return page.member.ask
    if page.name.startswith("dcn.") and page.name != "dcn.searched":
        return f"surgery.dcn={page.name.removeprefix('dcn.')}"
    return page.room.ask.replace("NAME", page.name)


def _opsets(member: Any) -> str:
    least = getattr(member, "min_opset", 1)
    opsets = getattr(member, "opsets", range(least, 1000))
    if opsets.start <= 1:
        return ""
    return f"{opsets.start} and up" if opsets.stop > 100 else f"{opsets.start} to {opsets.stop - 1}"


def _link(page: Page, path: Path) -> str:
    """A link from the page to a file of the source tree."""
    return f"[{path.as_posix()}](../../../{path.as_posix()})"


def _markdown(text: str) -> str:
    """A docstring's text as Markdown: references to modules become plain code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return text.replace("``", "`")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
