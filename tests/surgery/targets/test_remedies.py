"""Remedies are offered where they help, and none is offered that does not exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.targets import Target
from surgery.targets.remedies import Bad, Remedy, remedies, remedy_for
from surgery.targets.shipped import load_target

ABSENT = "not among its operators"
FOREIGN = Bad("TopK", ABSENT, head=False, tail=True, exported=False, deformable=False)
DEFORM = Bad("DeformConv", ABSENT, head=False, tail=False, exported=True, deformable=True)


def _name(bad: Bad, target: str) -> str:
    remedy = remedy_for(bad, load_target(target))
    return remedy.name if remedy else ""


@pytest.mark.parametrize("remedy", remedies(), ids=lambda remedy: remedy.needs)
def test_every_entry_of_the_table_names_something_that_exists(
    remedy: Remedy, repository: Path
) -> None:
    from surgery.passes import PASSES
    from surgery.rewrites import REWRITES

    kind, _, name = remedy.needs.partition(":")
    known = {
        "rewrite": REWRITES.names(),
        "pass": PASSES.names(),
        "config": [f"model/{path.stem}" for path in (repository / "configs/model").glob("*.yaml")],
    }
    assert name in known[kind]
    remedy.command.format(path="FILE", target="nnapi")  # no placeholder that is not filled in


def test_deformable_layers_become_ordinary_operators_where_the_target_samples() -> None:
    assert _name(DEFORM, "openvino") == "surgery.dcn=decomposed"
    assert _name(DEFORM, "nnapi") == "surgery.dcn=distilled"  # it has no GridSample


def test_what_belongs_to_a_deformable_layer_goes_with_it() -> None:
    sigmoid = replace(DEFORM, operator="Sigmoid")
    assert _name(sigmoid, "portable") == "surgery.dcn=distilled"
    assert _name(replace(sigmoid, deformable=False), "portable") == ""


def test_cut_is_offered_only_behind_the_last_multiplication_of_a_foreign_graph() -> None:
    assert _name(FOREIGN, "nnapi") == "model.cut=auto"
    assert _name(replace(FOREIGN, tail=False), "nnapi") == ""
    assert _name(replace(FOREIGN, exported=True), "nnapi") == ""


def test_upsampling_that_nothing_here_replaces_gets_no_remedy() -> None:
    middle = Bad("ConvTranspose", ABSENT, head=False, tail=False, exported=True, deformable=False)
    assert _name(middle, "nnapi") == ""


def test_target_that_stands_for_several_is_no_single_target() -> None:
    with pytest.raises(InputError, match="target=all stands for several targets"):
        Target.from_config({"name": "all", "members": None})
    with pytest.raises(InputError, match=r"unknown target 'nnapy'; did you mean 'nnapi'\?"):
        load_target("nnapy")
