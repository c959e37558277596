"""One door to ONNX's registry of operators."""

from __future__ import annotations

from pathlib import Path

import pytest

from surgery.graph.schemas import schema_at

ROOT = Path(__file__).parents[3]


def test_the_schema_is_that_of_the_opset() -> None:
    schema = schema_at("Clip", 10, "ai.onnx")
    assert schema is not None
    assert schema.since_version == 6


@pytest.mark.parametrize(
    ("operator", "opset", "domain"),
    [
        ("GridSample", 15, ""),  # there from 16 on
        ("Nothing", 17, ""),
        ("Conv", 17, "com.example"),
        ("Conv", 0, ""),
        ("Conv", 2**40, ""),
    ],
)
def test_what_onnx_does_not_know_at_an_opset_is_none(
    operator: str, opset: int, domain: str
) -> None:
    assert schema_at(operator, opset, domain) is None


def test_nothing_else_asks_the_registry() -> None:
    asking = [
        path.name
        for path in (ROOT / "surgery").rglob("*.py")
        if "defs.get_schema(" in path.read_text(encoding="utf-8")
    ]
    assert asking == ["schemas.py"]
