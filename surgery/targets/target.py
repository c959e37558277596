"""What a target runs: its operators with their conditions, types, opsets, and where that is stated.

The tables are data (``configs/target/*.yaml``), with source and version. A condition is checked
where it can be (rank, constants, attribute values); a note is shown and not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from postprocess.errors import InputError
from postprocess.fields import Field

ANY_OPSET = 999


@dataclass(frozen=True)
class Rule:
    """The condition on which a target runs an operator.

    Attributes:
        rank: allowed ranks of the first input; none means any.
        constant: positions of inputs that must be constants where they are given.
        attributes: allowed values by attribute name.
        when: further ones where an attribute has a certain value: by its name, then that value.
        bounds: of a Clip, the pairs of bounds that it may have; none means any.
        last_axis: whether its attribute ``axis`` must be the first input's last one.
        opset: lowest and highest opset of the ``ai.onnx`` domain in which it runs; none means any.
        follows: it runs only as part of one of these operators, whose output it takes; none means
            on its own.
        unless: a form that it does not run in, one of :data:`~surgery.targets.verdict.FORMS`.
        note: what the source says beyond that, in words.
    """

    rank: tuple[int, ...] = ()
    constant: tuple[int, ...] = ()
    attributes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    when: Mapping[str, Mapping[str, Mapping[str, tuple[Any, ...]]]] = field(default_factory=dict)
    bounds: tuple[tuple[float, float], ...] = ()
    last_axis: bool = False
    opset: tuple[int, int] | None = None
    follows: tuple[str, ...] = ()
    unless: str = ""
    note: str = ""


def _rule(field: Field) -> Rule:
    """Read a rule: null for no condition, a string for a note, or a mapping."""
    if field.value is None:
        return Rule()
    if isinstance(field.value, str):
        return Rule(note=field.value)
    field.only(
        *("rank", "constant", "attributes", "when", "bounds"),
        *("last_axis", "opset", "follows", "unless", "note"),
    )
    return Rule(
        rank=tuple(item.integer(least=0) for item in field.get("rank", []).elements()),
        constant=tuple(item.integer(least=0) for item in field.get("constant", []).elements()),
        attributes=_values(field.get("attributes", {})),
        when={
            name: {value: _values(allowed) for value, allowed in cases.items()}
            for name, cases in field.get("when", {}).items()
        },
        bounds=tuple(_pair(pair) for pair in field.get("bounds", []).elements()),
        last_axis=field.get("last_axis", False).flag(),
        follows=tuple(item.text() for item in field.get("follows", []).elements()),
        opset=_opset(field["opset"]) if "opset" in field.mapping() else None,
        unless=field.get("unless", "").text(),
        note=field.get("note", "").text(),
    )


def _values(field: Field) -> dict[str, tuple[Any, ...]]:
    """Read allowed values by attribute."""
    return {
        name: tuple(value.value for value in values.elements()) for name, values in field.items()
    }


def _pair(field: Field) -> tuple[float, float]:
    """Read [low, high]."""
    low, high = field.elements(count=2)
    return low.number(), high.number()


def _opset(field: Field) -> tuple[int, int]:
    """Read {min, max}; either may be left out."""
    field.only("min", "max")
    return field.get("min", 1).integer(least=1), field.get("max", ANY_OPSET).integer(least=1)


@dataclass(frozen=True)
class Target:
    """What a target takes.

    Attributes:
        summary: what it is, in one line.
        source: document and version that the tables are from.
        opset: lowest and highest opset of the ``ai.onnx`` domain.
        operators: rules by operator; ``domain:Operator`` outside ``ai.onnx``. None: any operator
            of the ``ai.onnx`` domain.
        contrib: operators beside those, as ``domain:Operator``.
        types: element types of activations, by numpy's names; none means any.
        dynamic_shapes: whether sizes may be left open.
        frees_weights: whether it takes weights that are listed as inputs for the constants that
            they are; ONNX lets a caller override those, so that most targets may not.
        runtime: member of :data:`~surgery.targets.runtimes.RUNTIMES` that opens a graph for this
            target where it is installed, "" where none can here.
        note: what is to be known about its refusals in general, in words.
        ort_format: also write the graphs in ONNX Runtime's own format.
    """

    name: str
    summary: str
    source: str
    opset: tuple[int, int]
    operators: Mapping[str, Rule] | None
    types: frozenset[str]
    dynamic_shapes: bool
    frees_weights: bool = False
    runtime: str = ""
    note: str = ""
    ort_format: bool = False
    contrib: frozenset[str] = frozenset()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Target:
        """Read a member of the ``target`` config group.

        Raises:
            InputError: a key is missing, unknown or of the wrong type.
        """
        root = Field(dict(config), "configuration", "target")
        if "members" in config:
            raise InputError(
                f"target={config.get('name')} stands for several targets, which only task=audit "
                "takes: name one"
            )
        root.only(*cls.__dataclass_fields__)
        operators = root["operators"]
        rules = None
        if operators.value != "any":
            rules = {name: _rule(rule) for name, rule in operators.items()}
        return cls(
            name=root["name"].text(),
            summary=root["summary"].text(),
            source=root["source"].text(),
            opset=(root["opset"]["min"].integer(least=1), root["opset"]["max"].integer(least=1)),
            operators=rules,
            types=frozenset(item.text() for item in root["types"].elements()),
            dynamic_shapes=root["dynamic_shapes"].flag(),
            frees_weights=root.get("frees_weights", False).flag(),
            runtime=root.get("runtime", "").text(),
            note=root.get("note", "").text(),
            ort_format=root.get("ort_format", False).flag(),
            contrib=frozenset(item.text() for item in root.get("contrib", []).elements()),
        )

    def rule(self, operator: str, domain: str = "") -> Rule | None:
        """Return the condition on which the target runs ``operator``, None where it never does."""
        plain = domain in ("", "ai.onnx")
        if f"{domain}:{operator}" in self.contrib:
            return Rule()
        if self.operators is None:
            return Rule() if plain else None
        return self.operators.get(operator if plain else f"{domain}:{operator}")
