"""Write docs/scenarios.md: every field of a scenario, from the pydantic models.

    python tools/scenario_reference.py

A test fails if the file differs from the output of this tool.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cluster_emu.optional_fields import NONE, may_be_unset, takes_unlimited
from cluster_emu.scenario import (
    Arrivals,
    BackgroundGroup,
    Carbon,
    Costs,
    Fault,
    Flavour,
    HighAvailability,
    HostGroup,
    Maintenance,
    Manager,
    RandomResizes,
    Request,
    Resize,
    Run,
    Scenario,
    Thread,
    Transfer,
    VMGroup,
    Workload,
)
from cluster_emu.scenario.manager import Preparing
from cluster_emu.units import UNLIMITED

FILE = Path(__file__).parents[1] / "docs" / "scenarios.md"

SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("the top of the file", Scenario),
    ("[run]", Run),
    ("[[hosts]]", HostGroup),
    ("[[vms]]", VMGroup),
    ("[arrivals]", Arrivals),
    ("[[arrivals.flavours]]", Flavour),
    ("[[arrivals.resizes]]", Resize),
    ("[arrivals.random_resizes]", RandomResizes),
    ("[workload]", Workload),
    ("[transfer]", Transfer),
    ("[transfer.thread]", Thread),
    ("[costs]", Costs),
    ("[carbon]", Carbon),
    ("[manager]", Manager),
    ("[manager.preparing]", Preparing),
    ("[maintenance]", Maintenance),
    ("[[migrations]]", Request),
    ("[[background]]", BackgroundGroup),
    ("[[faults]]", Fault),
    ("[high_availability]", HighAvailability),
)

START = """# Scenarios, field by field

<!-- Written by tools/scenario_reference.py from the models of a scenario; do not edit. -->

A scenario is a TOML file. A table in single brackets, such as `[run]`, occurs once. A table in
double brackets, such as `[[vms]]`, occurs once per group. `--set PATH=VALUE` sets any field by its
path. Groups count from 0: `--set vms.0.count=5`.

The end of a name gives the unit of a bare number. A text may have another unit:

| name ends with | unit | for example |
| --- | --- | --- |
| `_bytes` | bytes | `"4 GiB"`, `"500 MB"` |
| `_bps` | bit/s | `"10 Gbit/s"` |
| `_s` | seconds | `"90 s"`, `"5 ms"`, `"2 h"` |
| `_cpu`, `cpu_capacity` | one CPU unit for hosts, VMs and costs, for example cores or MIPS | `8` |
| `_slowdown`, `_share`, `share` | a share | `0.1` |

A number without a unit that is far from what is usual, such as `bandwidth_bps = 25`, causes a
warning that says what it was taken for: on stderr in the command line, an
`ImplausibleValueWarning` in Python. It is used as it is.

`"none"` unsets a field that may be unset, and empties a list that may be empty. `"unlimited"` lifts
a limit, also one that a policy or another part would set. Both are written the same in a scenario,
in the parameters of a part, in the `fields` and `axes` of a study, and after `--set PATH=`. For
example, the axis `"transfer.policy" = ["none", "qemu"]` compares runs without and with a policy.

A *part* is a registered name, alone or with parameters: `"qemu"`, `"qemu:downtime_limit_s=0.1"`, or
`{ name = "qemu", downtime_limit_s = 0.1 }`. A part that is a parameter of another part is written
in the same ways: `--set 'manager.triggers.0.overload="static-threshold:upper=0.7"'`.
[extending.md](extending.md) lists the kinds of parts.
"""

EXAMPLES = {
    "[costs]": """An example for hosts of 16 cores: the sending thread takes one core, the receiving
thread takes half a core, and a guest loses 5 % of its CPU time while its writes are tracked:

```toml
[costs]
source_cpu = 1.0
target_cpu = 0.5
tracking_slowdown = 0.05
```

CPU that the threads take from VMs on full hosts counts as lost to migration. `evacuate` warns if
concurrent migrations may take more CPU than a host has.
""",
}

WORDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "string": "text",
    "object": "table",
}


def reference() -> str:
    """Return the text of docs/scenarios.md."""
    return "\n".join([START, *(_section(title, model) for title, model in SECTIONS)])


def _section(title: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    needed = set(schema.get("required", ()))
    rows = [
        f"| `{name}` | {_value(model, name, field)} | {_default(field, name in needed)} |"
        for name, field in schema["properties"].items()
    ]
    heading = title if title[0] != "[" else f"`{title}`"
    table = "\n".join(["| field | value | default |", "| --- | --- | --- |", *rows])
    parts = [f"## {heading}", inspect.getdoc(model) or "", table, EXAMPLES.get(title, "")]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _default(field: dict[str, Any], needed: bool) -> str:
    if needed:
        return "must be given"
    value = field.get("default")
    if value is None or value == []:
        return "none"
    if isinstance(value, dict):
        return f'`"{value["name"]}"`' if "name" in value else "see its table"
    return f"`{json.dumps(value)}`"


def _value(model: type[BaseModel], name: str, field: dict[str, Any]) -> str:
    """Return the allowed values in words."""
    kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
    words = " or ".join(dict.fromkeys(_kind(kind) for kind in kinds))
    found = " ".join([words, ", ".join(_limits(model.model_fields[name]))]).strip()
    spelled = [f'`"{UNLIMITED}"`'] if takes_unlimited(model.model_fields[name]) else []
    spelled += [f'`"{NONE}"`'] if may_be_unset(model.model_fields[name]) else []
    return ", or ".join([found, *spelled])


def _kind(kind: dict[str, Any]) -> str:
    if "$ref" in kind:
        return _referred(kind["$ref"].rsplit("/", 1)[-1])
    if "enum" in kind:
        return ", ".join(f'`"{one}"`' for one in kind["enum"])
    if kind["type"] == "array":
        return f"any number of: {_kind(kind['items'])}"
    return WORDS[kind["type"]]


def _limits(field: FieldInfo) -> list[str]:
    """Return the limits of a number; the JSON schema omits those of fields with a unit parser."""
    found = list(field.metadata)
    for option in get_args(field.annotation):  # of an optional value
        for each in getattr(option, "__metadata__", ()):
            found += each.metadata if isinstance(each, FieldInfo) else [each]
    return [
        f"{sign} {getattr(each, name):g}"
        for each in found
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if isinstance(getattr(each, name, None), int | float)
    ]


def _referred(model: str) -> str:
    """Return the text for a nested model: a part, or the name of its table."""
    if model == "Choice":
        return "a part"
    titles = {each.__name__: title for title, each in SECTIONS}
    return f"see `{titles[model]}`" if model in titles else re.sub(r"(?<!^)(?=[A-Z])", " ", model)


if __name__ == "__main__":
    FILE.write_text(reference(), "utf-8")
    print(FILE)
