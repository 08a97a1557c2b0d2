"""The schema of parts: a registered name, alone, with parameters as text, or as a table."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from cluster_emu.file_schemas.generator import REFERENCE, Generator, Schema
from cluster_emu.memory.dirtying.sources import write_sources
from cluster_emu.plugins import Registry, families
from cluster_emu.workload import WriteProfile, load_profiles

PROFILES = "profiles"
"""The definition of what writes a VM's pages: a named profile, an inline one, a write source."""
INLINE = "inline"


def part_definitions() -> dict[str, Schema]:
    """Return the definitions of all families, by name, and of the tables in their parameters."""
    found: dict[str, Schema] = {}
    for family, registry in families().items():
        key = "kind" if family == "fault-kinds" else "name"
        found[f"parts.{family}"] = _family(registry, key, found)
    found[f"parts.{PROFILES}"] = _profiles(found)
    return found


def texts_of(names: Sequence[str]) -> list[Schema]:
    """Return the schemas of parts as text: the names alone, and with parameters after a colon."""
    pattern = "|".join(map(re.escape, names))
    return [{"enum": list(names)}, {"type": "string", "pattern": rf"^\s*({pattern})\s*(:.*)?$"}]


def _family(registry: Registry[Any], key: str, definitions: dict[str, Schema]) -> Schema:
    names = registry.names()
    tables = [_table(registry, name, key, definitions) for name in names]
    return {
        "description": registry.summary or registry.kind,
        "anyOf": [*texts_of(names), *tables],
    }


def _table(registry: Registry[Any], name: str, key: str, definitions: dict[str, Schema]) -> Schema:
    """Return the table of one part, with its parameters."""
    factory = registry.factory(name)
    described = registry.describe(name)
    properties, required = _parameters(factory, definitions)
    for parameter in described.parameters:
        if parameter.description and parameter.name in properties:
            properties[parameter.name] = {
                **properties[parameter.name],
                "description": parameter.description,
            }
    return {
        "title": name,
        "description": described.summary,
        "type": "object",
        "properties": {key: {"const": name}, **properties},
        "required": [key, *required],
        "additionalProperties": False,
    }


def _parameters(
    factory: Any, definitions: dict[str, Schema]
) -> tuple[dict[str, Schema], list[str]]:
    """Return the schema of every parameter, and which must be given."""
    names = list(inspect.signature(factory).parameters)
    if not hasattr(factory, "__pydantic_fields__"):
        return {name: {} for name in names}, []
    schema = TypeAdapter(factory).json_schema(schema_generator=Generator, ref_template=REFERENCE)
    definitions |= schema.pop("$defs", {})
    found: Mapping[str, Schema] = schema.get("properties", {})
    needed = [name for name in schema.get("required", ()) if name in names]
    return {name: found.get(name, {}) for name in names}, needed


def _profiles(definitions: dict[str, Schema]) -> Schema:
    """Return what a VM's `profile` may be; a file of profiles may add names to these."""
    names = [*load_profiles(None), *write_sources.names(), INLINE]
    properties, _ = _parameters(WriteProfile, definitions)
    inline = {
        "title": INLINE,
        "type": "object",
        "properties": {"name": {"const": INLINE}, **properties},
        "required": ["name"],
        "additionalProperties": False,
    }
    sources = [_table(write_sources, name, "name", definitions) for name in write_sources.names()]
    named: Schema = {
        "title": "a named profile",
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    return {
        "description": "what writes a VM's pages: a write profile or a write source",
        "anyOf": [{"enum": names}, {"type": "string"}, named, inline, *sources],
    }
