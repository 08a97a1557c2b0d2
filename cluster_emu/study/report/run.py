"""The report of one run."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.study.report.figures import OutcomeCount


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run came to, but for the tables.

    Args:
        scenario: name of the scenario.
        strategy: the transfer strategy in words.
        seed: the run's seed.
        traces: which CPU traces were used, in words.
        summary: the figures of the run by name.
        outcomes: how its migrations ended.
        limits: what limited its migrations, in words; empty without migrations.
        notes: what the policies did.
        answer: how its migrations went, in one sentence.
        assumptions: what was assumed, one sentence each.
        out: the folder with its tables; None if they were not written.
    """

    scenario: str
    strategy: str
    seed: int
    traces: str
    summary: dict[str, float]
    outcomes: tuple[OutcomeCount, ...]
    limits: str
    notes: tuple[str, ...]
    answer: str
    assumptions: tuple[str, ...]
    out: str | None
