"""`cluster-emu strategies`, `encoders`, `policies` and `scenarios`: what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import parse_settings, usable_folder
from cluster_emu.cli.output import show_lines, show_table, write_json
from cluster_emu.errors import NOTHING, ScenarioError

if TYPE_CHECKING:
    from cluster_emu.plugins import Registry
    from cluster_emu.strategies import Strategy
    from cluster_emu.strategies.printing import TruthDocument

MOST_BITS = 16
HOW_TO_READ = (
    "A history's oldest bit comes first; its last two are to_send (dirty in the last round) "
    "and to_skip (dirty in this one)."
)


def strategies(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print the truth table of this one.")
    ] = None,
    history: Annotated[
        int | None,
        options.whole_option("--history", 1, "Dirty bits in a history.", MOST_BITS),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of it; may be repeated."),
    ] = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """List the transfer strategies, or print the truth table of one."""
    folder = usable_folder(out)
    if name is None and (history is not None or settings):
        given = history if history is not None else settings
        raise ScenarioError(
            "NAME", NOTHING, f"the strategy that --history or --set ({given}) is for"
        )
    if name is None:
        document: Any = _list_of_strategies()
    else:
        document = _truth(name, history, parse_settings(settings))
    _write(document, folder, "strategies" if name is None else document["strategy"])
    if as_json:
        write_json(document)
    elif name is None:
        _show_parts("Transfer strategies", document)
    else:
        _show_truth(document)


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
    _write(document, folder, "scenarios" if name is None else document["name"])
    if as_json:
        write_json(document)
    elif name is None:
        table = [
            (one.name, one.description, str(one.host_count), str(one.vm_count)) for one in rows
        ]
        show_table("Scenarios", ("name", "what it is", "hosts", "VMs"), table, text_columns=2)
    else:
        print(known.get(name, Path(name)).read_text("utf-8"), end="")


def policies(
    seed: options.Seed = 0, out: options.Out = None, as_json: options.Json = False
) -> None:
    """List the managers' policies that `--set transfer.policy=NAME` takes."""
    from cluster_emu.managers import policies as registry

    _list_parts(registry, "policies", "Managers' policies", out, as_json)


def encoders(
    seed: options.Seed = 0, out: options.Out = None, as_json: options.Json = False
) -> None:
    """List the encoders that `transfer.encoders` may chain: what makes pages smaller."""
    from cluster_emu.encoding import encoders as registry

    _list_parts(registry, "encoders", "Encoders", out, as_json)


def _list_parts(
    registry: Registry[Any], name: str, title: str, out: Path | None, as_json: bool
) -> None:
    folder = usable_folder(out)
    document = _list_of(registry)
    _write(document, folder, name)
    if as_json:
        write_json(document)
    else:
        _show_parts(title, document)


def _show_parts(title: str, document: list[dict[str, str]]) -> None:
    rows = [(one["name"], one["summary"], one["source"]) for one in document]
    show_table(title, ("name", "what it does", "source"), rows, text_columns=3)


def _list_of_strategies() -> list[dict[str, str]]:
    from cluster_emu.strategies import strategies as registry

    return _list_of(registry)


def _list_of(registry: Registry[Any]) -> list[dict[str, str]]:
    found: list[tuple[str, Any]] = [(name, registry.factory(name)) for name in registry.names()]
    return [{"name": name, "summary": one.summary, "source": one.source} for name, one in found]


def _truth(text: str, history: int | None, settings: dict[str, Any]) -> TruthDocument:
    """Return the truth table of a strategy; `history` is its parameter, or else widens the rows."""
    from cluster_emu.strategies import truth_document

    strategy = _made(text, history, settings)
    document = truth_document(strategy, history=history)
    bits = len(document["table"][0]["history"])
    if history is not None and history != strategy.history and history < bits:
        raise ScenarioError("--history", history, f"at least {bits} for {strategy.name}")
    return document


def _made(text: str, history: int | None, settings: dict[str, Any]) -> Strategy:
    from cluster_emu.scenario import parse_choice
    from cluster_emu.strategies import strategies as registry

    try:
        parameters = parse_choice(text) | settings
    except ValueError as error:
        raise ScenarioError("NAME", text, str(error)) from error
    name = parameters.pop("name")
    if history is not None and "history" in registry.parameters(name):
        parameters["history"] = history
    try:
        return registry.create(name, **parameters)
    except ScenarioError as error:
        raise error.at(name) from error


def _show_truth(document: TruthDocument) -> None:
    from cluster_emu.strategies import strategies as registry

    rows = [
        (row["history"], str(row["to_send"]), str(row["to_skip"]), row["decision"])
        for row in document["table"]
    ]
    title = f"{document['strategy']}, history {document['history']}, from the second round on"
    show_table(title, ("history", "to_send", "to_skip", "decision"), rows, text_columns=4)
    part: Any = registry.factory(document["strategy"])
    show_lines("How to read it", [HOW_TO_READ])
    show_lines("What it does", [part.summary])
    show_lines("Source", [part.source])
    show_lines("Parameters", [", ".join(registry.parameters(document["strategy"])) or "none"])


def _write(document: object, folder: Path | None, name: str) -> None:
    if folder is not None:
        from cluster_emu.results.run_result import write_text

        write_text(json.dumps(document, indent=2) + "\n", folder / f"{name}.json")
