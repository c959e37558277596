"""Plugins come by name, lazily, and a bad one hurts nobody but those who ask for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

import pytest

from postprocess.contracts import lacking
from postprocess.decoders.base import DECODERS
from postprocess.decoders.e2ec import E2EC
from postprocess.errors import InputError
from postprocess.registry import Registry

GROUP = "tests.plugins"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three packages of plugins: a good one, one whose import fails, one that repeats a name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "good_plugin.py").write_text("class Decoder: pass\nclass Other: pass\n")
    (tmp_path / "broken_plugin.py").write_text("import a_module_that_is_not_there\n")
    distribution(tmp_path, "good", {"ctdet": "good_plugin:Decoder", "twice": "good_plugin:Decoder"})
    distribution(tmp_path, "broken", {"movenet": "broken_plugin:Decoder"})
    distribution(tmp_path, "rival", {"twice": "good_plugin:Other"})
    for module in ("good_plugin", "broken_plugin"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


def distribution(folder: Path, name: str, points: dict[str, str]) -> None:
    """Metadata of an installed package, as pip writes it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", *(f"{point} = {value}" for point, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))


def test_built_in_decoders_come_through_entry_points() -> None:
    assert DECODERS.get("e2ec") is E2EC
    assert not DECODERS.problems()


@pytest.mark.usefixtures("install")
def test_a_member_is_imported_when_it_is_asked_for_and_not_before() -> None:
    registry: Registry[type] = Registry(GROUP, "decoder")
    assert registry.names() == ["ctdet", "movenet", "twice"]
    assert "good_plugin" not in sys.modules
    assert registry.get("ctdet").__module__ == "good_plugin"


@pytest.mark.usefixtures("install")
def test_bad_members_are_reported_by_name_and_leave_the_others_alone() -> None:
    registry: Registry[type] = Registry(GROUP, "decoder")
    assert registry.problems() == {
        "movenet": "decoder 'movenet' of package broken cannot be loaded: "
        "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
        "twice": registry.problems()["twice"],
    }
    twice = registry.problems()["twice"]
    assert "decoder 'twice' is registered by" in twice
    assert "good_plugin:Decoder (package good)" in twice
    assert "good_plugin:Other (package rival)" in twice
    assert registry.get("ctdet").__name__ == "Decoder"


def test_a_plugin_seen_through_two_copies_of_its_metadata_is_one(
    install: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path_factory.mktemp("copy")
    distribution(copy, "good_editable", {"ctdet": "good_plugin:Decoder"})
    monkeypatch.syspath_prepend(str(copy))
    registry: Registry[type] = Registry(GROUP, "decoder")
    assert registry.get("ctdet").__name__ == "Decoder"


@pytest.mark.usefixtures("install")
def test_an_unknown_name_lists_what_there_is() -> None:
    registry: Registry[type] = Registry(GROUP, "decoder")
    with pytest.raises(InputError) as caught:
        registry.get("ctdett")
    assert str(caught.value) == (
        "unknown decoder 'ctdett'; did you mean 'ctdet'? (there are: ctdet, movenet, twice)"
    )


class Named(Protocol):
    """A contract with an attribute and a method."""

    @property
    def name(self) -> str: ...

    def decode(self) -> None: ...


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("class Decoder: name = 'ctdet'", "lacks decode"),
        ("class Decoder: name = 'ctdet'; decode = 1", "decode cannot be called"),
        ("class Decoder:\n  name = 'other'\n  def decode(self): ...", "it calls itself 'other'"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
    ],
)
def test_a_member_that_breaks_the_contract_is_reported_by_name(
    install: Path, source: str, fault: str
) -> None:
    (install / "good_plugin.py").write_text(f"{source}\n")
    registry: Registry[type] = Registry(GROUP, "decoder", fault=lacking(Named))
    reason = registry.problems()["ctdet"]
    assert reason.startswith("decoder 'ctdet' of package good ")
    assert reason.endswith(fault)


def test_an_empty_group_says_what_to_do() -> None:
    registry: Registry[type] = Registry("tests.no_such_group", "decoder")
    with pytest.raises(InputError, match=r"group tests.no_such_group is empty, pip install \."):
        registry.get("e2ec")


def test_an_override_is_known_by_name_within_its_block_alone() -> None:
    before, own = DECODERS.get("e2ec"), type(DECODERS.get("e2ec"))
    with DECODERS.override({"e2ec": own, "tests.mine": own}):  # type: ignore[dict-item]
        assert DECODERS.get("e2ec") is own
        assert "tests.mine" in DECODERS.names()
    assert DECODERS.get("e2ec") is before
    assert "tests.mine" not in DECODERS.names()
    with pytest.raises(InputError, match="unknown decoder"):
        DECODERS.get("tests.mine")
