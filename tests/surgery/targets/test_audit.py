"""The audit says which node a target refuses, why, who made it, and what it costs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from postprocess.errors import InputError
from surgery.passes import run_passes
from surgery.support.ledger import Ledger
from surgery.targets import Target
from surgery.targets.audit import Audit, audit, audits
from surgery.targets.profile import multiply_adds
from surgery.targets.registry import load_target, target_names
from surgery.targets.screen import render, render_all

from ..nets import DYNAMIC, Warped, backbone, export, image

Targets = Callable[[str], Target]


@pytest.fixture(scope="session")
def targets() -> Targets:
    """Shipped targets by name."""

    return load_target


@pytest.fixture(scope="module", params=["dynamo", "torchscript"])
def warped(request: pytest.FixtureRequest) -> onnx.ModelProto:
    model = export(
        Warped().eval(), outputs=("head",), example=image(1, 3, 8, 8), exporter=request.param
    )
    return run_passes(model, ledger=Ledger(), check=None)


def test_grid_sample_is_named_with_its_module_and_splits_the_graph(
    warped: onnx.ModelProto, targets: Targets
) -> None:
    found = audit(warped, targets("portable"))
    grid = next(node for node in found.refused if node.operator == "GridSample")
    assert grid.module == "neck.1"
    assert grid.name == "neck.1/GridSample"
    assert grid.reason == "not among its operators"
    assert found.partitions == (2, 1)  # Conv and Relu, then Conv
    assert not found.ok
    assert audit(warped, targets("onnxruntime")).ok


def test_plain_network_is_one_partition_everywhere_it_should_be(targets: Targets) -> None:
    model = run_passes(export(backbone(), exporter="torchscript"), ledger=Ledger(), check=None)
    for name in ("portable", "onnxruntime", "coreml"):
        found = audit(model, targets(name))
        assert (found.ok, found.partitions) == (True, (len(model.graph.node),))
    refused = audit(model, targets("nnapi")).refused
    assert {node.operator for node in refused} == {"ConvTranspose"}


def test_multiply_adds_are_counted_by_hand(targets: Targets) -> None:
    model = export(backbone(), exporter="torchscript", example=image(1, 3, 16, 16))
    stem, down, up, head = 8 * 256 * 27, 8 * 64 * 72, 8 * 64 * 16, 4 * 256 * 16
    assert audit(model, targets("portable")).macs == stem + down + up + head


def test_dynamic_axes_are_counted_at_the_sizes_given(targets: Targets) -> None:
    open_sides = export(backbone(), exporter="torchscript", dynamic=DYNAMIC)
    fixed = export(backbone(), exporter="torchscript", example=image(1, 3, 16, 16))
    sizes = {"batch": 1, "height": 16, "width": 16}
    found = audit(open_sides, targets("nnapi"), sizes)
    assert found.macs == audit(fixed, targets("nnapi")).macs
    assert found.assumed == sizes
    assert any("fixed sizes" in finding for finding in found.findings)


@pytest.mark.parametrize(
    ("operator", "shapes", "attributes", "expected"),
    [
        ("MatMul", {"a": (2, 3, 4), "b": (4, 5), "y": (2, 3, 5)}, {}, 2 * 3 * 5 * 4),
        ("Gemm", {"a": (4, 3), "b": (4, 5), "y": (3, 5)}, {"transA": 1}, 3 * 5 * 4),
        ("Conv", {"a": (1, 6, 8, 8), "b": (9, 2, 3, 3), "y": (1, 9, 8, 8)}, {}, 9 * 64 * 18),
        ("Relu", {"a": (3,), "b": (3,), "y": (3,)}, {}, 0),
        ("MatMul", {"a": (2, "n"), "b": (4, 5), "y": (2, 5)}, {}, None),
    ],
)
def test_multiply_adds_of_a_node(
    operator: str, shapes: dict[str, Any], attributes: dict[str, int], expected: int | None
) -> None:
    node = helper.make_node(operator, ["a", "b"], ["y"], **attributes)
    if expected is None:
        shapes["a"] = (2, None)
        node.input[0] = "a"
    assert multiply_adds(node, shapes) == expected


def _graph(nodes: list[onnx.NodeProto], **options: Any) -> onnx.ModelProto:
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [port("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [port("y", options.pop("kind", TensorProto.FLOAT), None)],
        [numpy_helper.from_array(np.ones((4, 4, 1, 1), np.float32), "w")],
    )
    opsets = [helper.make_opsetid("", options.pop("opset", 17))]
    opsets += [helper.make_opsetid(domain, 1) for domain in options.pop("domains", ())]
    return helper.make_model(graph, opset_imports=opsets)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (helper.make_node("Conv", ["x", "x"], ["y"]), "input W must be constant"),
        (
            helper.make_node("DepthToSpace", ["x"], ["y"], blocksize=2, mode="CRD"),
            "mode=CRD, takes DCR",
        ),
        (helper.make_node("Pad", ["x", ""], ["y"], mode="reflect"), "mode=reflect, takes constant"),
        (helper.make_node("Cast", ["x"], ["y"], to=TensorProto.INT64), "int64 tensors, takes"),
        (helper.make_node("Erf", ["x"], ["y"]), "not among its operators"),
    ],
)
def test_condition_of_a_target_that_is_not_met_is_the_reason(
    node: onnx.NodeProto, reason: str, targets: Targets
) -> None:
    kind = TensorProto.INT64 if node.op_type == "Cast" else TensorProto.FLOAT
    found = audit(_graph([node], kind=kind), targets("nnapi"))
    assert [refusal.reason[: len(reason)] for refusal in found.refused] == [reason]


def _resize(mode: str, coordinates: str, rounding: str = "floor", scale: float = 2) -> Any:
    scales = helper.make_tensor("s", TensorProto.FLOAT, [4], [1, 1, scale, scale])
    return _graph(
        [
            helper.make_node("Constant", [], ["s"], value=scales),
            helper.make_node(
                "Resize",
                ["x", "", "s"],
                ["y"],
                mode=mode,
                coordinate_transformation_mode=coordinates,
                nearest_mode=rounding,
            ),
        ]
    )


@pytest.mark.parametrize("name", ["nnapi", "coreml"])
def test_condition_may_depend_on_another_attribute(name: str, targets: Targets) -> None:
    target = targets(name)
    for taken in (_resize("nearest", "asymmetric"), _resize("linear", "half_pixel")):
        assert audit(taken, target).ok
    (pixel,) = audit(_resize("nearest", "half_pixel"), target).refused
    assert pixel.reason == (
        "coordinate_transformation_mode=half_pixel, takes asymmetric where mode=nearest"
    )
    assert "resize_nearest" in pixel.passes
    (rounded,) = audit(_resize("nearest", "asymmetric", "ceil"), target).refused
    assert rounded.reason == "nearest_mode=ceil, takes floor where mode=nearest"
    (cubic,) = audit(_resize("cubic", "half_pixel"), target).refused
    assert cubic.reason == "mode=cubic, takes nearest or linear"
    assert "resize_nearest" not in cubic.passes


def test_bounds_of_clip_are_looked_at_as_inputs_and_as_attributes(targets: Targets) -> None:
    old = helper.make_node("Clip", ["x"], ["y"], min=0.0, max=6.0)
    assert audit(_graph([old], opset=10), targets("nnapi")).ok
    unlike = helper.make_node("Clip", ["x"], ["y"], min=0.0, max=1.0)
    (refused,) = audit(_graph([unlike], opset=10), targets("nnapi")).refused
    assert refused.reason == "clips to [0, 1], takes [0, 6] or [-1, 1]"


def test_condition_that_is_met_and_default_attributes_are_no_reason(targets: Targets) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("DepthToSpace", ["a"], ["y"], blocksize=2),  # DCR by default
    ]
    assert audit(_graph(nodes), targets("nnapi")).ok


def test_operator_of_a_custom_domain_is_refused_not_an_error(targets: Targets) -> None:
    node = helper.make_node("Special", ["x"], ["y"], domain="my.ops", name="special")
    found = audit(_graph([node], domains=["my.ops"]), targets("onnxruntime"))
    assert [(r.operator, r.name) for r in found.refused] == [("my.ops:Special", "special")]


def test_refused_node_inside_a_branch_refuses_the_branching_node(targets: Targets) -> None:
    out = helper.make_tensor_value_info("b", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Erf", ["x"], ["b"])], "branch", [], [out])
    condition = helper.make_node(
        "Constant", [], ["c"], value=numpy_helper.from_array(np.array(True))
    )
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    config = {
        "name": "t", "summary": "s", "source": "test", "opset": {"min": 1, "max": 20},
        "operators": {"If": None}, "types": [], "dynamic_shapes": True,
    }  # fmt: skip
    found = audit(_graph([condition, choice]), Target.from_config(config))
    assert found.refused[0].reason == "Erf inside: not among its operators"


def test_parallel_branches_do_not_cut_a_graph_more_than_they_must(targets: Targets) -> None:
    # Relu and Add form one group around the refused Erf's own branch, as ONNX Runtime groups them.
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Erf", ["a"], ["e"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Add", ["c", "e"], ["y"]),
    ]
    assert audit(_graph(nodes), targets("portable")).partitions == (3, 1)


def test_opset_and_weights_as_inputs_are_findings(targets: Targets, reference: Path) -> None:
    found = audit(reference / "tinypose" / "tinypose_128x96.onnx", targets("xnnpack"))
    assert any("695 weights are listed as inputs" in finding for finding in found.findings)
    old = audit(_graph([helper.make_node("Relu", ["x"], ["y"])], opset=9), targets("xnnpack"))
    assert any(finding.startswith("opset 9 is outside 11 to") for finding in old.findings)


def test_refused_node_splits_a_graph_only_between_nodes_that_run(targets: Targets) -> None:
    nodes = [
        helper.make_node("Erf", ["x"], ["a"], name="before"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Erf", ["b"], ["c"], name="between"),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Erf", ["d"], ["y"], name="behind"),
    ]
    found = audit(_graph(nodes), targets("portable"))
    splitting = {node.name: node.splits for node in found.refused}
    assert splitting == {"before": False, "between": True, "behind": False}
    assert len(found.partitions) == 2


def test_activation_that_joins_the_node_before_runs_only_behind_one_that_runs(
    targets: Targets,
) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"], name="fused"),
        helper.make_node("Add", ["b", "x"], ["c"]),
        helper.make_node("Relu", ["c"], ["y"], name="alone"),
    ]
    refused = {node.name: node.reason for node in audit(_graph(nodes), targets("xnnpack")).refused}
    assert "fused" not in refused
    assert refused["alone"] == "runs only behind Conv or MaxPool or AveragePool"


@pytest.mark.parametrize(("opset", "runs"), [(17, True), (20, False)])
def test_operator_runs_only_in_the_opsets_that_the_table_gives(
    opset: int, runs: bool, targets: Targets
) -> None:
    grid = numpy_helper.from_array(np.zeros((1, 8, 8, 2), np.float32), "grid")
    nodes = [
        helper.make_node("Constant", [], ["grid"], value=grid),
        helper.make_node("GridSample", ["x", "grid"], ["y"], align_corners=0),
    ]
    found = audit(_graph(nodes, opset=opset), targets("webgpu"))
    assert [node.reason for node in found.refused] == ([] if runs else ["opset 20, takes up to 19"])


def _deformable() -> onnx.ModelProto:
    """A deformable layer as this project's export leaves it, with the export's ledger."""
    model = _graph(
        [
            helper.make_node("Conv", ["x", "w"], ["m"], name="mask"),
            helper.make_node("Sigmoid", ["m"], ["s"], name="sigmoid"),
            helper.make_node("DeformConv", ["x", "w", "x", "", "s"], ["d"], name="deform"),
            helper.make_node("Sigmoid", ["d"], ["y"], name="head"),
        ],
        opset=19,
    )
    for node, module in zip(model.graph.node, ["neck.mask", "neck", "neck", "head"], strict=True):
        node.metadata_props.add(key="surgery.module", value=module)
    entry = {"kind": "rewrite", "name": "dcn.native", "where": "net.neck", "fired": True}
    model.metadata_props.add(key="surgery.dcn", value="native")
    model.metadata_props.add(key="surgery.ledger", value=json.dumps([entry]))
    return model


def test_operation_that_removes_a_node_is_named_and_typed_out(targets: Targets) -> None:
    found = audit(_deformable(), targets("portable"))
    remedies = {node.name: node.remedy for node in found.refused}
    distilled = "surgery.dcn=distilled"
    assert remedies == {"sigmoid": distilled, "deform": distilled, "head": ""}
    (action,) = found.actions
    assert (action.name, action.nodes, action.exact) == (distilled, 2, False)
    assert action.command.endswith("surgery.dcn=distilled target=portable")
    exact = audit(_deformable(), targets("openvino")).actions[0]
    assert (exact.name, exact.nodes, exact.exact) == ("surgery.dcn=decomposed", 1, True)


def test_layer_that_is_convolutions_already_is_not_sent_there_again(targets: Targets) -> None:
    model = _deformable()
    layer = model.graph.node[2]
    layer.op_type, layer.input[:] = "Conv", ["x", "w"]
    ledger = model.metadata_props[1]
    ledger.value = ledger.value.replace("dcn.native", "dcn.distilled")
    refused = audit(model, targets("portable")).refused
    assert {node.name: node.remedy for node in refused}["sigmoid"] == ""


@pytest.mark.parametrize("note", ["", "{", "[1]", '{"a": 1}', '[{"where": 1}]'])
def test_metadata_that_is_no_ledger_is_ignored(note: str, targets: Targets) -> None:
    model = _deformable()
    model.metadata_props[1].value = note
    refused = audit(model, targets("portable")).refused
    assert {node.name: node.remedy for node in refused}["sigmoid"] == ""


def test_cut_removes_all_that_nnapi_refuses_of_a_decode_in_the_graph(
    targets: Targets, reference: Path
) -> None:
    path = reference / "movenet" / "movenet_lightning.onnx"
    found = audit(path, targets("nnapi"))
    assert {node.operator for node in found.refused} == {"ArgMax", "Cast", "GatherND"}
    (action,) = found.actions
    assert (action.name, action.nodes) == ("model.cut=auto", len(found.refused))
    assert f"model.path={path}" in action.command


def test_multiply_adds_of_the_partitions_and_the_refused_nodes_are_all_there_are(
    warped: onnx.ModelProto, targets: Targets
) -> None:
    found = audit(warped, targets("portable"))
    assert sum(found.partition_macs) + sum(node.macs for node in found.refused) == found.macs > 0


def test_several_targets_are_audited_as_each_alone(
    warped: onnx.ModelProto, targets: Targets
) -> None:
    chosen = [targets(name) for name in target_names()]
    assert audits(warped, chosen) == [audit(warped, target) for target in chosen]


def test_several_targets_share_a_table_with_a_line_each(
    warped: onnx.ModelProto, targets: Targets
) -> None:
    text = io.StringIO()
    found = audits(warped, [targets(name) for name in target_names()])
    render_all(found, Console(file=text, width=80))
    lines = text.getvalue().splitlines()
    assert len(lines) <= 25
    for audited in found:
        (line,) = [line for line in lines if line.split()[:1] == [audited.target]]
        assert f"{audited.nodes - len(audited.refused)}/{audited.nodes}" in line


def test_weights_listed_as_inputs_are_constants_only_for_a_target_that_frees_them(
    targets: Targets,
) -> None:
    model = _graph([helper.make_node("Conv", ["x", "w"], ["y"])])
    model.graph.input.add().CopyFrom(
        helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 4, 1, 1])
    )
    bound = audit(model, targets("nnapi"))
    (refused,) = bound.refused
    assert refused.reason == "input W must be constant, is listed as an input"
    assert bound.freed == 1
    assert refused.remedy == "pass initializers"
    assert audit(model, targets("ncnn")).ok
    every = audit(model, targets("onnxruntime"))  # runs it as it is, and cannot fold anything
    assert every.ok
    assert not every.findings
    assert any("1 weights are listed as inputs" in hint for hint in every.hints)


def test_table_says_what_runs_once_listed_weights_are_freed(
    targets: Targets, reference: Path
) -> None:
    text = io.StringIO()
    path = reference / "tinypose" / "tinypose_128x96.onnx"
    found = audits(path, [targets(name) for name in ("onnxruntime", "webnn", "nnapi")])
    render_all(found, Console(file=text, width=100))
    screen = text.getvalue()
    assert screen.count("695 weights are listed as inputs") == 1  # and not in every row
    rows = {line.split()[0]: line.split() for line in screen.splitlines() if "768/768" in line}
    assert rows["onnxruntime"][1:3] == ["768/768", "768/768"]
    assert rows["webnn"][2] == "768/768"
    assert rows["webnn"][1] != "768/768"


def test_audit_is_plain_json(warped: onnx.ModelProto, targets: Targets) -> None:
    values = json.loads(json.dumps(audit(warped, targets("portable")).to_json()))
    assert values["ok"] is False
    assert values["refused"][0].keys() == {
        *("name", "operator", "module", "reason", "macs", "splits", "remedy", "passes")
    }
    assert values["inputs"] == {"image": "float32[1, 3, 8, 8]"}


def test_audit_leaves_the_model_as_it_is(targets: Targets) -> None:
    model = export(backbone(), exporter="torchscript", dynamic=DYNAMIC)
    before = model.SerializeToString()
    audit(model, targets("portable"))
    assert model.SerializeToString() == before


def _screen(found: Audit) -> str:
    text = io.StringIO()
    render(found, Console(file=text, width=80))
    return text.getvalue()


def test_rendered_audit_fits_a_screen_and_answers_first(targets: Targets, reference: Path) -> None:
    found = audit(reference / "movenet" / "movenet_lightning.onnx", targets("portable"))
    lines = _screen(found).splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith("portable runs 102 of 210 nodes, in 45 partitions")
    assert "GatherND" in _screen(found)


def test_files_that_are_not_usable_are_refused_in_one_line(
    tmp_path: Path, targets: Targets, reference: Path
) -> None:
    whole = (reference / "tinypose" / "tinypose_128x96.onnx").read_bytes()
    broken = {
        "empty.onnx": (b"", "is empty"),
        "text.onnx": (b"hello, world, this is no model at all", "not an ONNX model"),
        "photo.onnx": (b"\x89PNG\r\n\x1a\n" + bytes(64), "not an ONNX model"),
        "zip.onnx": (b"PK\x03\x04" + bytes(64), "PyTorch checkpoint"),
        "half.onnx": (whole[: len(whole) // 2], "only a part of one"),
    }
    for name, (content, message) in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as e:
            audit(tmp_path / name, targets("portable"))
        assert name in str(e.value)
        assert "\n" not in str(e.value)
    with pytest.raises(InputError, match="No such file"):
        audit(tmp_path / "nowhere.onnx", targets("portable"))
    with pytest.raises(InputError, match="cannot read"):
        audit(tmp_path, targets("portable"))


def test_missing_and_truncated_external_weights_are_refused(
    tmp_path: Path, targets: Targets
) -> None:
    model = _graph([helper.make_node("Conv", ["x", "w"], ["y"])])
    onnx.save(
        model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert audit(tmp_path / "m.onnx", targets("portable")).parameters == 16
    (tmp_path / "w.bin").write_bytes(b"short")
    with pytest.raises(InputError, match=r"w.bin is truncated: weight 'w'"):
        audit(tmp_path / "m.onnx", targets("portable"))
    (tmp_path / "w.bin").unlink()
    with pytest.raises(InputError, match=r"keeps weight 'w' in w.bin, which is not beside it"):
        audit(tmp_path / "m.onnx", targets("portable"))


def test_domain_that_is_not_imported_is_refused(targets: Targets) -> None:
    model = _graph([helper.make_node("Special", ["x"], ["y"], domain="my.ops", name="special")])
    with pytest.raises(InputError, match=r"'special' \(Special\) is of domain 'my.ops'"):
        audit(model, targets("portable"))


@pytest.mark.parametrize("name", target_names())
def test_shipped_target_is_complete_and_knows_only_real_operators(
    name: str, targets: Targets
) -> None:
    target = targets(name)
    assert target.name == name
    assert any(character.isdigit() for character in target.source) or name == "portable"
    for operator in target.operators or {}:
        domain, _, plain = operator.rpartition(":")
        assert domain or onnx.defs.has(plain), operator


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operators": {"Conv": {"ranks": [4]}}}, "ranks"),
        ({"operators": {"Conv": 3}}, "operators.Conv"),
        ({"opset": {"min": 1}}, "opset.max"),
        ({"opsets": 3}, "opsets"),
    ],
)
def test_target_that_is_ill_written_is_refused_by_key(change: dict[str, Any], message: str) -> None:
    config = {
        "name": "t", "summary": "s", "source": "test", "opset": {"min": 1, "max": 20},
        "operators": "any", "types": [], "dynamic_shapes": True,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        Target.from_config(config | change)


def test_softmax_over_an_inner_axis_is_refused_where_a_target_takes_the_last_one(
    targets: Targets,
) -> None:
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Softmax", ["x"], ["a"], name="inner", axis=1),
            helper.make_node("Softmax", ["a"], ["b"], name="last", axis=3),
            helper.make_node("Softmax", ["b"], ["y"], name="negative", axis=-1),
        ],
        "g",
        [port("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [port("y", TensorProto.FLOAT, [1, 4, 8, 8])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    (refused,) = audit(model, targets("xnnpack")).refused
    assert refused.name == "inner"
    assert refused.reason == "axis=1 of 4, takes the last axis"
