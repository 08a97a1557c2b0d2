"""`cluster-emu strategies`: the truth table of a transfer strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import parse_settings, usable_folder
from cluster_emu.cli.output import save_json, show_lines, show_table, write_json
from cluster_emu.errors import NOTHING, ScenarioError
from cluster_emu.file_names import file_name

if TYPE_CHECKING:
    from cluster_emu.strategies import Strategy
    from cluster_emu.strategies.printing import TruthDocument

MOST_BITS = 16
MOST_ROWS = 1024
"""Rows of a truth table that are printed; a table of 65,536 takes a minute to lay out."""
HOW_TO_READ = (
    "A history's oldest bit comes first; its last two are to_send (dirty in the last round) "
    "and to_skip (dirty in this one)."
)


def strategies(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The strategy, such as time-series.")
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
    """Print the truth table of a transfer strategy; `list strategies` lists them all."""
    folder = usable_folder(out)
    if name is None:
        allowed = "a transfer strategy; `cluster-emu list strategies` lists them all"
        raise ScenarioError("NAME", NOTHING, allowed)
    document = _truth(name, history, parse_settings(settings))
    if folder is not None:
        save_json(document, folder / f"{file_name(document['strategy'])}.json")
    if as_json:
        write_json(document)
    else:
        _show_truth(document)


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
        parameters = parse_choice(text)
    except ValueError as error:
        raise ScenarioError("NAME", text, str(error)) from error
    name = parameters.pop("name")
    for key, value in settings.items():
        if key in parameters or (key == "history" and history is not None):
            other = "NAME" if key in parameters else "--history"
            raise ScenarioError("--set", f"{key}={value}", f"a parameter that {other} does not set")
    parameters |= settings
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
        for row in document["table"][:MOST_ROWS]
    ]
    title = f"{document['strategy']}, history {document['history']}, from the second round on"
    show_table(title, ("history", "to_send", "to_skip", "decision"), rows, text_columns=4)
    left = len(document["table"]) - len(rows)
    show_lines("Left out", [f"{left:,} more rows; --json prints all of them"] if left else [])
    part: Any = registry.factory(document["strategy"])
    show_lines("How to read it", [HOW_TO_READ])
    show_lines("What it does", [part.summary])
    show_lines("Source", [part.source])
    show_lines("Parameters", [", ".join(registry.parameters(document["strategy"])) or "none"])
