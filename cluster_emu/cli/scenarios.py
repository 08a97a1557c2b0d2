"""`cluster-emu scenarios`: the built-in scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import usable_folder
from cluster_emu.cli.output import save_json, show_table, write_json, write_lines
from cluster_emu.file_names import file_name


def scenarios(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print the TOML of this one.")
    ] = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """List the built-in scenarios, or print one as TOML."""
    from cluster_emu.scenario import built_in_scenarios, load_scenario
    from cluster_emu.scenario.saved_run import ABOUT

    folder = usable_folder(out)
    known = built_in_scenarios()
    if name is None:
        rows = [load_scenario(one) for one in known]
        document: Any = [
            {"name": one.name, "description": one.description}
            | {"hosts": one.host_count, "vms": one.vm_count}
            for one in rows
        ]
    else:
        document = load_scenario(name).model_dump(mode="json")
    if folder is not None:
        stem = "scenarios" if name is None else file_name(document["name"])
        save_json(document, folder / f"{stem}.json")
    if as_json:
        write_json(document)
    elif name is None:
        table = [
            (one.name, one.description, str(one.host_count), str(one.vm_count)) for one in rows
        ]
        show_table("Scenarios", ("name", "what it is", "hosts", "VMs"), table, text_columns=2)
    else:
        path = known.get(name, Path(name))
        source = path / ABOUT if path.is_dir() else path
        write_lines(source.read_text("utf-8-sig").splitlines())
