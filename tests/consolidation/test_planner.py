from __future__ import annotations

import numpy as np

from cluster_emu.consolidation import Plan, TriggerReport
from cluster_emu.consolidation.contract import Trigger
from cluster_emu.consolidation.planner import Planner
from cluster_emu.rng import RandomStreams
from tests.consolidation.conftest import linear_watts


class Watching(Trigger):
    """Reads three instants of history and moves nothing."""

    name = "watching"
    history_length = 3

    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list, TriggerReport]:
        return [], TriggerReport(self.name, note=f"{len(plan.history)} instants")


def test_history_is_kept_at_control_instants_for_triggers_that_ask(make_random):
    planner = Planner(make_random(1), linear_watts, [Watching()], None, RandomStreams(1))
    notes = [Watching().moves(planner.begin(), planner.generator(0))[1].note for _ in range(5)]
    assert notes == ["1 instants", "2 instants", *["3 instants"] * 3]


def test_random_numbers_differ_by_seed_instant_and_trigger_alone(make_random):
    def drawn(seed: int, instants: int, number: int, wasted: int = 0) -> float:
        planner = Planner(make_random(1), linear_watts, [], None, RandomStreams(seed))
        for _ in range(instants):
            planner.begin()
            planner.generator(0).random(wasted)
        return float(planner.generator(number).random())

    assert drawn(1, 2, 0) == drawn(1, 2, 0, wasted=7)
    assert len({drawn(1, 2, 0), drawn(2, 2, 0), drawn(1, 3, 0), drawn(1, 2, 1)}) == 4
