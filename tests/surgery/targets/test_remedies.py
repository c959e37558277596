"""Remedies are offered where they help, and none is offered that does not exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.targets import Target
from surgery.targets.registry import load_target
from surgery.targets.remedies import RefusedNode, Remedy, remedies, remedies_for
from surgery.targets.target import Rule

ABSENT = "not among its operators"
FOREIGN = RefusedNode("TopK", ABSENT, head=False, tail=True, exported=False, deformable=False)
DEFORM = RefusedNode("DeformConv", ABSENT, head=False, tail=False, exported=True, deformable=True)


def _name(refused: RefusedNode, target: str) -> str:
    return next((remedy.name for remedy in remedies_for(refused, load_target(target))), "")


@pytest.mark.parametrize("remedy", remedies(), ids=lambda remedy: remedy.needs)
def test_every_entry_of_the_table_names_something_that_exists(
    remedy: Remedy, repository: Path
) -> None:
    from surgery.export.symbolics import SYMBOLICS
    from surgery.passes import PASSES
    from surgery.rewrites import REWRITES

    kind, _, name = remedy.needs.partition(":")
    known = {
        "rewrite": REWRITES.names(),
        "symbolic": SYMBOLICS.names(),
        "pass": PASSES.names(),
        "config": [f"model/{path.stem}" for path in (repository / "configs/model").glob("*.yaml")],
    }
    assert name in known[kind]
    for exported in (True, False):  # no placeholder that is not filled in
        assert "NEEDED" not in remedy.command("FILE", "nnapi", exported)
    if kind == "pass":
        assert remedy.exact == PASSES.get(name).exact


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


def test_entry_counts_only_where_the_target_runs_what_it_makes() -> None:
    middle = RefusedNode(
        "ConvTranspose", ABSENT, head=False, tail=False, exported=True, deformable=False
    )
    names = [remedy.name for remedy in remedies_for(middle, load_target("nnapi"))]
    assert "pass deconv_shuffle" in names
    bare = replace(load_target("nnapi"), operators={"Conv": Rule()})
    assert remedies_for(middle, bare) == []


def test_quantization_inside_a_deformable_layer_is_not_taken_for_a_part_of_it() -> None:
    assert _name(replace(DEFORM, operator="QuantizeLinear"), "xnnpack") == ""


def test_target_that_stands_for_several_is_no_single_target() -> None:
    with pytest.raises(InputError, match="target=all stands for several targets"):
        Target.from_config({"name": "all", "members": None})
    with pytest.raises(InputError, match=r"unknown target 'nnapy'; did you mean 'nnapi'\?"):
        load_target("nnapy")
