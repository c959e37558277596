"""Versions in guards: those of the libraries that are installed, by the rules of PEP 440."""

from __future__ import annotations

import importlib.metadata

import pytest

from postprocess.errors import InputError
from surgery.rewrites import Context, Guard

HERE = Context(18, exporter="dynamo", target="nnapi")


@pytest.mark.parametrize(
    ("installed", "specifier", "holds"),
    [
        ("2.9.0", ">=2.9,<3", True),
        ("2.10.0", ">=2.9,<3", True),  # no comparison of texts
        ("2.9.0+cpu", "==2.9.0", True),
        ("2.13.0rc1", ">=2.9,<3", True),  # who runs a release candidate means it
        ("3.0.0", ">=2.9,<3", False),
    ],
)
def test_a_version_is_compared_as_pip_does(
    monkeypatch: pytest.MonkeyPatch, installed: str, specifier: str, holds: bool
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: installed)
    refusal = Guard(versions={"torch": specifier}).refusal(HERE)
    assert refusal == ("" if holds else f"for torch {specifier}, {installed} is installed")


def test_a_specifier_that_is_none_is_an_error_that_shows_one() -> None:
    with pytest.raises(InputError, match=r"versions\['torch'\] expects .* such as '>=2.0,<3', got"):
        Guard(versions={"torch": "newest"}).refusal(HERE)


def test_an_export_that_names_no_target_is_for_none_of_those_named() -> None:
    refusal = Guard(targets=("nnapi",)).refusal(Context(18))
    assert refusal == "for the target nnapi, this export names no target"


def test_the_empty_guard_always_holds() -> None:
    assert Guard().refusal(HERE) == ""
