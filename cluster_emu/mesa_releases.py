"""What Mesa's releases do differently, from 3.3 to the pre-releases of 4.

Mesa 3.3 counts steps and has no clock. Later releases have a clock, `Model.time`, that gains 1 with
each step, a list of events on that clock, and a `Scenario` that holds a model's parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import mesa.model
from mesa import Agent, Model

_MESA_SCENARIO = getattr(mesa.model, "Scenario", ())


def parameters_of(scenario: object) -> dict[str, Any] | None:
    """Return the parameters in a `Scenario` of Mesa, its `rng` among them; None for all else."""
    if not isinstance(scenario, _MESA_SCENARIO):
        return None
    return {"rng": scenario.rng, **dict(scenario)}


def count_ticks(model: Model, take_tick: Callable[[], None]) -> None:
    """Let `model.step` call `take_tick`, with steps and time counted by the model itself.

    Mesa's own wrapper of `step` would let `Model.time` gain 1 with each step.
    """
    schedule = getattr(model, "_default_schedule", None)
    if schedule is not None:
        schedule.stop()
    model.step = take_tick
    model.steps = 0
    model.time = 0.0


def has_events(model: Model) -> bool:
    """Return whether Mesa has events to run, which users have given it."""
    events = getattr(model, "_event_list", None)
    return events is not None and not events.is_empty()


def forget(model: Model) -> None:
    """Let go of a model: Mesa 3.3 keeps a count of agents for every model that had one."""
    getattr(Agent, "_ids", {}).pop(model, None)


def go_on_numbering(model: Model) -> None:
    """Number the next agent of a copied model after its last one, as Mesa 3.3 does not."""
    if hasattr(Agent, "_ids"):
        Agent._ids[model] = count(max((agent.unique_id for agent in model.agents), default=0) + 1)
