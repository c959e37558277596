"""The catalogue's pages are what its command writes, and say what a reader came for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.catalogue import catalogue, write


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return catalogue()


def test_committed_pages_are_what_the_command_writes(
    files: dict[str, str], repository: Path
) -> None:
    folder = repository / "docs" / "catalogue"
    found = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.glob("**/*.md")}
    again = "run python -m tools.catalogue"
    assert found.keys() == files.keys(), again
    assert [place for place in files if found[place] != files[place]] == [], again


def test_index_leads_to_every_page(files: dict[str, str]) -> None:
    for place in files.keys() - {"README.md"}:
        assert f"]({place})" in files["README.md"]


def test_links_to_code_and_tests_lead_somewhere(files: dict[str, str], repository: Path) -> None:
    folder = repository / "docs" / "catalogue"
    for place, text in files.items():
        for link in (part.split(")")[0] for part in text.split("](")[1:]):
            if link.startswith("../"):
                assert ((folder / place).parent / link).resolve().is_file(), (place, link)


def test_page_says_for_which_targets_an_operation_is_chosen(files: dict[str, str]) -> None:
    page = files["passes/deconv_shuffle.md"]
    assert "| chosen for nnapi | ConvTranspose |" in page
    assert "xnnpack" not in page  # it runs ConvTranspose
    nearest = files["passes/resize_nearest.md"]
    assert "| chosen for nnapi | Resize |" in nearest
    assert "| chosen for coreml | Resize |" in nearest
    assert "chosen for ncnn" not in nearest  # it takes every rule
    assert "| chosen for nnapi | Clip |" in files["passes/clip_bounds.md"]
    assert "suggested for nnapi" in files["rewrites/dcn.distilled.md"]  # approximate: never chosen


def test_pages_of_operations_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "passes").mkdir()
    (tmp_path / "passes" / "gone.md").write_text("# gone\n")
    write(tmp_path)
    assert not (tmp_path / "passes" / "gone.md").exists()
    assert (tmp_path / "passes" / "slim.md").is_file()
