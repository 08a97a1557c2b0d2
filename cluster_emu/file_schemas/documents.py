"""The JSON schemas of scenario and study files."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_emu.file_schemas.generator import (
    DIALECT,
    REFERENCE,
    Generator,
    Schema,
    finished,
    replaced,
)
from cluster_emu.file_schemas.generator import part_reference as part
from cluster_emu.file_schemas.parts import PROFILES, part_definitions, texts_of
from cluster_emu.managers import policies
from cluster_emu.memory.base import memory_models
from cluster_emu.optional_fields import NONE
from cluster_emu.results.schemas import SCHEMAS
from cluster_emu.scenario import Scenario, built_in_scenarios
from cluster_emu.strategies import strategies
from cluster_emu.study.grid.sampling import SAMPLE
from cluster_emu.study.grid.settings import POLICY_COLUMN, STRATEGY_COLUMN, VARIANT
from cluster_emu.study.grid.study_file import Study

CHOSEN = {
    ("Scenario", "topology"): "topologies",
    ("Scenario", "migration_topology"): "topologies",
    ("HostGroup", "power"): "power-models",
    ("VMGroup", "profile"): PROFILES,
    ("Flavour", "profile"): PROFILES,
    ("Flavour", "lifetime"): "lifetime-distributions",
    ("Arrivals", "process"): "arrival-processes",
    ("Arrivals", "lifetime"): "lifetime-distributions",
    ("Arrivals", "initial_lifetime"): "lifetime-distributions",
    ("Arrivals", "placement"): "placements",
    ("Maintenance", "placement"): "placements",
    ("Workload", "demand"): "demand-models",
    ("Workload", "trace_format"): "trace-readers",
    ("Workload", "write_intensity"): "intensity-mappings",
    ("Transfer", "strategy"): "strategies",
    ("Transfer", "encoders"): "encoders",
    ("Transfer", "stop"): "stop-rules",
    ("Transfer", "policy"): "policies",
    ("Manager", "triggers"): "triggers",
    ("Manager", "order"): "queue-orders",
    ("Scenario", "faults"): "fault-kinds",
}
"""The family of parts that each field of a scenario chooses from, by section and field."""

GENERIC = [REFERENCE.format(model=name) for name in ("Choice", "Fault")]
TREE = "axis-or-tables"
LISTS = "lists-or-tables"


def scenario_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of a scenario file."""
    schema = Scenario.model_json_schema(schema_generator=Generator, ref_template=REFERENCE)
    definitions = schema.pop("$defs")
    sections = {"Scenario": schema, **definitions}
    for name, section in sections.items():
        if "properties" in section:
            _describe_section(name, section)
    sections["Run"]["properties"]["fidelity"] = {"enum": memory_models.names()}
    for name in ("Choice", "Fault"):
        del definitions[name]
    return finished(
        {
            "$schema": DIALECT,
            **schema,
            "title": "cluster_emu scenario",
            "$defs": dict(sorted({**definitions, **part_definitions()}.items())),
        }
    )


def _describe_section(name: str, section: Schema) -> None:
    """Put the parts of its family in place of every choice, and the words that fields take."""
    properties: dict[str, Schema] = section["properties"]
    if {"count", "names"} <= properties.keys():  # the number of names is the count
        section["required"] = [each for each in section["required"] if each != "count"]
    for field, schema in properties.items():
        family = CHOSEN.get((name, field))
        if family is not None:
            schema = _with_family(schema, family)
        if schema.get("type") == "array" and schema.get("default") == []:
            schema = {"anyOf": [schema, {"const": NONE}]}
        properties[field] = schema


def _with_family(schema: Schema, family: str) -> Schema:
    """Return the schema of a field in which a choice is one of the family's parts."""
    chosen = part(family)
    found: Schema = replaced(
        schema, lambda each: each | chosen if each.get("$ref") in GENERIC else each
    )
    return found


def study_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of a study file."""
    schema = Study.model_json_schema(schema_generator=Generator, ref_template=REFERENCE)
    properties: dict[str, Schema] = schema["properties"]
    axis = schema["$defs"].pop("Axis")
    known = sorted(built_in_scenarios())
    properties["scenario"] = {"anyOf": [{"enum": known}, {"type": "string", "minLength": 1}]}
    properties["strategies"] |= {"items": {"anyOf": texts_of(strategies.names())}}
    properties["policies"] |= {"items": {"anyOf": texts_of(policies.names())}}
    properties["keep"] |= {"items": {"enum": list(SCHEMAS)}, "uniqueItems": True}
    properties["fields"] = _by_path({})
    properties["variants"] |= {"additionalProperties": _by_path({})}
    properties["axes"] = _by_path({"$ref": REFERENCE.format(model=TREE)})
    properties["zip"] |= {"items": _by_path({"$ref": REFERENCE.format(model=LISTS)})}
    columns = [VARIANT, POLICY_COLUMN, STRATEGY_COLUMN, SAMPLE]
    properties["leave_out"] |= {"items": {**_by_path({}, columns), "minProperties": 1}}
    properties["sample"] = {"$ref": REFERENCE.format(model="Sample")}
    definitions = {
        **schema.pop("$defs"),
        TREE: _tree(TREE, axis["anyOf"]),
        LISTS: _tree(LISTS, [{"type": "array", "minItems": 1}]),
    }
    return finished(
        {
            "$schema": DIALECT,
            **schema,
            "title": "cluster_emu study",
            "$defs": dict(sorted(definitions.items())),
        }
    )


def _by_path(value: Schema, columns: Sequence[str] = ()) -> Schema:
    """Return a table whose keys are paths, or their first steps; these are fields."""
    names = "|".join(Scenario.model_fields)
    pattern = rf"^({names})(\..+)?$"
    keys: Schema = {"pattern": pattern}
    if columns:
        keys = {"anyOf": [keys, {"enum": list(columns)}]}
    return {"type": "object", "propertyNames": keys, "additionalProperties": value}


def _tree(name: str, leaves: Sequence[Schema]) -> Schema:
    """Return the schema of a value, or of tables in which TOML keeps an unquoted path to one."""
    steps: Schema = {"type": "object", "minProperties": 1}
    steps |= {"additionalProperties": {"$ref": REFERENCE.format(model=name)}}
    steps |= {"propertyNames": {"not": {"enum": ["range", "logrange", "low", "high"]}}}
    return {"anyOf": [*leaves, steps]}
