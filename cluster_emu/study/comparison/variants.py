"""One scenario under several transfer strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster_emu.building import create_chosen
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Choice, Scenario, parse_choice
from cluster_emu.strategies import strategies

FIELD = "transfer.strategy"


@dataclass(frozen=True, slots=True)
class Variant:
    """A scenario under one of the strategies compared.

    Args:
        label: the strategy as given, ``"time-series:threshold=4"``.
        scenario: the scenario with that strategy.
        carried: parameters it takes from the scenario's own strategy, by name.
    """

    label: str
    scenario: Scenario
    carried: dict[str, Any]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed about parameters, one sentence each."""
        if not self.carried:
            return ()
        given = ", ".join(f"{name} = {value}" for name, value in self.carried.items())
        return (f"{self.label} takes {given} from the scenario's own strategy.",)


def _with_strategy(base: Scenario, text: str) -> Variant:
    """Return the scenario under another strategy, made comparable to its own.

    Parameters of the scenario's own strategy that the other one has too, and that the text leaves
    open, carry over: a scenario that fixes the history for its own strategy fixes it for all.

    Raises:
        ScenarioError: if there is no such strategy or a parameter is not allowed.
    """
    choice = _parsed(text)
    name = str(choice["name"])
    known = strategies.parameters(name) if name in strategies.names() else []
    own = base.transfer.strategy.parameters
    carried = {key: own[key] for key in own if key in known and key not in choice}
    choice.update(carried)
    create_chosen(strategies, Choice.model_validate(choice), f"strategies.{name}")
    return Variant(text, base.with_fields({FIELD: choice}), carried)


def variants(base: Scenario, texts: Sequence[str]) -> tuple[Variant, ...]:
    """Return the scenario under each strategy, in the order given.

    Raises:
        ScenarioError: if there is no strategy, one is given twice or is not allowed, or a parameter
            of the scenario's own strategy is one that neither it nor any of the others has.
    """
    labels = [text.strip() for text in texts]
    if not labels:
        raise ScenarioError("strategies", labels, "at least one strategy")
    choices: list[dict[str, Any]] = []
    for label in labels:
        choice = _parsed(label)
        if choice in choices:
            raise ScenarioError("strategies", label, "every strategy once")
        choices.append(choice)
    made = tuple(_with_strategy(base, label) for label in labels)
    _check_all_parameters_used(base, made)
    return made


def _parsed(text: str) -> dict[str, Any]:
    try:
        return parse_choice(text)
    except ValueError as error:
        raise ScenarioError("strategies", text, str(error)) from error


def _check_all_parameters_used(base: Scenario, made: tuple[Variant, ...]) -> None:
    """Raise an error for a misspelt parameter, which no strategy would use."""
    own = base.transfer.strategy
    names = {own.name, *(variant.scenario.transfer.strategy.name for variant in made)}
    known = {key for name in names & set(strategies.names()) for key in strategies.parameters(name)}
    for key, value in own.parameters.items():
        if key not in known:
            allowed = f"a parameter of {', '.join(sorted(names))}: {', '.join(sorted(known))}"
            raise ScenarioError(f"{FIELD}.{key}", value, allowed)
