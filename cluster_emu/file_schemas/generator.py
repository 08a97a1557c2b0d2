"""The schema of a model as a file may write it: numbers with units, ``"none"``, ``"unlimited"``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from cluster_emu.consolidation.contract import (
    OverloadDetector,
    Placement,
    PlacementFilter,
    PlacementScorer,
    UnderloadDetector,
    VMSelection,
)
from cluster_emu.numerals import DECIMAL
from cluster_emu.optional_fields import NONE
from cluster_emu.units import UNLIMITED, UNLIMITED_COUNT, units_read_by

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = "#/$defs/{model}"
PART = "x-parts"
"""Marks a place where a part of a family stands, until `with_parts` puts a reference there."""

FAMILY_OF_CONTRACT: dict[type, str] = {
    OverloadDetector: "overload-detectors",
    UnderloadDetector: "underload-detectors",
    VMSelection: "vm-selections",
    Placement: "placements",
    PlacementFilter: "placement-filters",
    PlacementScorer: "placement-scorers",
}
"""The family of a part that is a parameter of another part, by its contract."""


def part_reference(family: str) -> Schema:
    """Return a reference to the definition of a family's parts."""
    return {"$ref": REFERENCE.format(model=f"parts.{family}")}


class Generator(GenerateJsonSchema):
    """Writes what pydantic knows of a model, and what its fields take besides.

    Every number may be a text, with a unit where its field takes one. A field that may be unset
    takes ``"none"``, and a limit ``"unlimited"``. Parts in parts are references to their family.
    """

    def float_schema(self, schema: Any) -> Schema:
        """Return a number, or its text."""
        return _or_text(super().float_schema(schema), {})

    def int_schema(self, schema: Any) -> Schema:
        """Return a whole number, or its text."""
        return _or_text(super().int_schema(schema), {})

    def nullable_schema(self, schema: Any) -> Schema:
        """Return what the field takes, or the word that unsets it."""
        return _any_of(self.generate_inner(schema["schema"]), {"const": NONE})

    def function_before_schema(self, schema: Any) -> Schema:
        """Return what a field takes whose texts a reader of quantities reads."""
        inner = self.generate_inner(schema["schema"])
        reader = schema["function"]["function"]
        if (found := units_read_by(reader)) is None:
            return inner
        units, takes_unlimited = found
        numbers = [each for each in inner.get("anyOf", [inner]) if each.get("type") != "string"]
        taken = _or_text(_any_of(*numbers), units)
        return _any_of(taken, {"const": UNLIMITED}) if takes_unlimited else taken

    def is_instance_schema(self, schema: Any) -> Schema:
        """Return a mark for the parts that follow a contract; pydantic follows references."""
        family = FAMILY_OF_CONTRACT.get(schema["cls"])
        return {} if family is None else {PART: family}

    def default_schema(self, schema: Any) -> Schema:
        """Return the schema with its default, unless that is nothing that a file may write."""
        found: Schema = super().default_schema(schema)
        default = found.get("default", 0)
        if default in (math.inf, UNLIMITED_COUNT):
            return {**found, "default": UNLIMITED}
        if default is None:
            return {key: value for key, value in found.items() if key != "default"}
        return found

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Leave out defaults that are no plain data, without a word."""


def _or_text(number: Schema, units: Mapping[str, float]) -> Schema:
    names = "|".join(re.escape(unit) for unit in units)
    unit = rf"([ \t]*({names}))?" if names else ""
    text = {"type": "string", "pattern": rf"^[ \t]*{DECIMAL}{unit}[ \t]*$"}
    return _any_of(number, text)


def _any_of(*schemas: Schema) -> Schema:
    """Return the schema of what fits one of several, without nesting them."""
    options: list[Schema] = []
    for each in schemas:
        nested = each["anyOf"] if each.keys() == {"anyOf"} else [each]
        options += [one for one in nested if one not in options]
    return options[0] if len(options) == 1 else {"anyOf": options}


def finished(schema: Schema) -> Schema:
    """Return a schema with references at the marks of parts, and with limits where they apply.

    pydantic writes a limit beside the choices of a number or text, under its own name.
    """
    found: Schema = replaced(schema, _finished)
    return found


LIMITS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
}


def _finished(each: Schema) -> Schema:
    if isinstance(family := each.get(PART), str):
        return part_reference(family)
    if each.get("type") == "array" and isinstance(each.get("minLength"), int):
        each = {**each, "minItems": each["minLength"]}
        del each["minLength"]
    limits = {LIMITS[key]: each[key] for key in LIMITS.keys() & each.keys()}
    if not limits or "anyOf" not in each:
        return each
    options = [
        {**option, **limits} if option.get("type") in ("number", "integer") else option
        for option in each["anyOf"]
    ]
    return {key: each[key] for key in each if key not in LIMITS} | {"anyOf": options}


def replaced(schema: Any, change: Callable[[Schema], Schema]) -> Any:
    """Return a schema in which every table within it is changed, the innermost first."""
    if isinstance(schema, dict):
        return change({key: replaced(value, change) for key, value in schema.items()})
    if isinstance(schema, list):
        return [replaced(each, change) for each in schema]
    return schema
