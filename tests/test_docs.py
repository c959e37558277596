"""What the pages say is there: links, pictures, targets of make, and settings of commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from surgery.__main__ import _normalise
from surgery.config.run import from_mapping

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "training/*.md")
    for path in ROOT.glob(pattern)
)
ELSEWHERE = re.compile(r"https?://|mailto:")
PLACEHOLDER = re.compile(
    r"\.\.\.|=(NAME|TARGET)\b|model=circlenet|target=small_npu"
)  # no command, or of a plugin


def _slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def _commands(text: str) -> Iterator[str]:
    """Lines of code blocks, continued ones joined, without comments."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s+#.*|\s{3,}.*", "", line.removeprefix("$ ").strip())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", _without_code(page.read_text())):
        if ELSEWHERE.match(link):
            continue
        name, _, anchor = link.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", _without_code(path.read_text()), re.MULTILINE)
            assert anchor in {_slug(heading) for heading in headings}, link


def test_every_picture_is_shown_on_a_page() -> None:
    text = "".join(page.read_text() for page in PAGES)
    for picture in (ROOT / "docs").rglob("*.png"):
        assert f"images/{picture.name})" in text, picture


def test_make_has_the_targets_that_the_pages_name() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        command.split()[1]
        for page in PAGES
        for command in _commands(page.read_text())
        if command.startswith("make ")
    }
    assert named <= targets
    assert {"demo", "test"} <= named


def test_the_commands_that_the_pages_show_are_configurations() -> None:
    shown = [
        command.removeprefix("python -m surgery")
        for page in PAGES
        for command in _commands(page.read_text())
        if re.match(r"python -m surgery( |$)", command) and not PLACEHOLDER.search(command)
    ]
    assert len(shown) > 25
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        for command in shown:
            given = [each for each in shlex.split(command) if each != "-m"]
            single = [re.sub(r"^([\w.]+=\w+)(,\w+)+$", r"\1", each) for each in given]  # of a sweep
            kept = [each for each in single if not each.startswith("hydra/")]
            node = OmegaConf.to_container(compose("config", overrides=_normalise(kept)))
            assert isinstance(node, dict)
            from_mapping({str(key): value for key, value in node.items()})
