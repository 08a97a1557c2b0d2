"""How well emulated migrations agree with measured ones: errors by mode, verdicts, worst rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu.calibration.migrations import QUIET_LOAD
from cluster_emu.errors import ScenarioError
from cluster_emu.validation.qemu.emulation import FIDELITIES, Comparison, compare
from cluster_emu.validation.qemu.rows import Outcome, read_migrations

SEEDS = 3
WORST = 10

Errors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QemuAgreement:
    """Emulated migrations beside measured ones.

    Args:
        comparisons: one for each row of the file.
        fidelity: the memory model.
        seeds: how many seeds each emulated figure is the mean of.
        skipped: rows that the memory model cannot represent, and why.
    """

    comparisons: Sequence[Comparison]
    fidelity: str
    seeds: int
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def quiet(self) -> list[Comparison]:
        """Those measured on a quiet machine that completed, measured and emulated."""
        return [
            one
            for one in self.comparisons
            if one.measured.load <= QUIET_LOAD
            and one.measured.outcome.converged
            and one.emulated.converged
        ]

    @property
    def plain(self) -> list[Comparison]:
        """Of the quiet ones, those that ran alone and without capabilities."""
        return [one for one in self.quiet if one.measured.is_plain]

    @property
    def wrong_verdicts(self) -> list[str]:
        """The rows where only one of the two completes."""
        return [
            one.measured.configuration.name
            for one in self.comparisons
            if one.measured.outcome.converged != one.emulated.converged
        ]

    def by_mode(self) -> dict[str, list[Comparison]]:
        """Return the quiet ones by mode, modes in alphabetical order."""
        modes = sorted({one.measured.mode for one in self.quiet})
        return {mode: [one for one in self.quiet if one.measured.mode == mode] for mode in modes}

    def worst(self) -> list[Comparison]:
        """Return the quiet rows with the largest errors of the total time."""
        return sorted(self.quiet, key=lambda one: -abs(relative_error(one, _total)))[:WORST]

    def document(self) -> dict[str, Any]:
        """Return the comparison as plain data; shares are fractions, times in milliseconds."""
        return {
            "n": len(self.comparisons),
            "fidelity": self.fidelity,
            "seeds": self.seeds,
            "metrics": {"n": len(self.plain), **_metrics(self.plain)},
            "wrong_convergence_verdicts": len(self.wrong_verdicts),
            "wrong_verdicts": self.wrong_verdicts,
            "skipped": dict(self.skipped),
            "by_mode": {
                mode: {"n": len(rows), **_metrics(rows)} for mode, rows in self.by_mode().items()
            },
            "worst": [
                {
                    "id": one.measured.configuration.name,
                    "total_time": relative_error(one, _total),
                    "transferred_bytes": relative_error(one, _bytes),
                    "downtime_ms": 1000 * difference(one, _downtime),
                    "rounds": difference(one, _rounds),
                    "guess": guess(one),
                }
                for one in self.worst()
            ],
        }


def validate_qemu(path: Path, *, fidelity: str = "pages", seeds: int = SEEDS) -> QemuAgreement:
    """Emulate the migrations of a CSV file and hold the results against what was measured.

    Args:
        path: the file; `validation/qemu/README.md` of the repository says what its columns are.
        fidelity: the memory model, "pages" or "lumped".
        seeds: how many seeds each emulated figure is the mean of.

    Raises:
        ScenarioError: if the file cannot be read, or an argument is not allowed.
    """
    if fidelity not in FIDELITIES:
        raise ScenarioError("fidelity", fidelity, f"one of {', '.join(FIDELITIES)}")
    if seeds < 1:
        raise ScenarioError("seeds", seeds, "a whole number >= 1")
    migrations = read_migrations(path)
    comparisons, skipped = compare(migrations, fidelity, range(seeds))
    return QemuAgreement(comparisons, fidelity, seeds, skipped)


def _total(outcome: Outcome) -> float:
    return outcome.total_time_s


def _bytes(outcome: Outcome) -> float:
    return outcome.transferred_bytes


def _downtime(outcome: Outcome) -> float:
    return outcome.downtime_s


def _rounds(outcome: Outcome) -> float:
    return outcome.rounds


def difference(one: Comparison, figure: Callable[[Outcome], float]) -> float:
    """Return emulated less measured."""
    return figure(one.emulated) - figure(one.measured.outcome)


def relative_error(one: Comparison, figure: Callable[[Outcome], float]) -> float:
    """Return emulated less measured, as a share of measured."""
    measured = figure(one.measured.outcome)
    return difference(one, figure) / measured if measured else math.nan


def _metrics(rows: Sequence[Comparison]) -> dict[str, Any]:
    at_link = [one for one in rows if one.measured.configuration.is_limited_by_link]
    at_cap = [one for one in rows if not one.measured.configuration.is_limited_by_link]
    return {
        "total_time": _shares(relative_error(one, _total) for one in rows),
        "transferred_bytes": _shares(relative_error(one, _bytes) for one in rows),
        "downtime": _sizes((1000 * difference(one, _downtime) for one in rows), "ms"),
        "downtime_link": _shares(relative_error(one, _downtime) for one in at_link),
        "downtime_cap": _sizes((1000 * difference(one, _downtime) for one in at_cap), "ms"),
        "rounds": _sizes((difference(one, _rounds) for one in rows), "off"),
    }


def _shares(errors: Iterable[float]) -> dict[str, float | None]:
    return {**_sizes(errors := list(errors), "ape"), "bias": _or_none(np.mean, np.array(errors))}


def _sizes(errors: Iterable[float], unit: str) -> dict[str, float | None]:
    sizes = np.abs(np.array(list(errors)))
    return {
        f"median_{unit}": _or_none(np.median, sizes),
        f"p95_{unit}": _or_none(lambda found: np.percentile(found, 95), sizes),
        f"max_{unit}": _or_none(np.max, sizes),
    }


def _or_none(figure: Callable[[Errors], Any], errors: Errors) -> float | None:
    return float(figure(errors)) if len(errors) else None


def guess(one: Comparison) -> str:
    """Return a guess in words why a row is off, from its configuration and outcome."""
    configuration, measured = one.measured.configuration, one.measured.outcome
    page_time_s = measured.total_time_s / max(measured.transferred_bytes / 4104, 1)
    rate = min(configuration.writes_per_s * page_time_s, 9.99)
    if configuration.capability == "auto-converge":
        return "the guest's CPU demand and the cost of throttling under emulation are not measured"
    if configuration.capability == "postcopy-ram":
        return "the instant of the switch is not in the row"
    if rate > 0.7:
        return (
            f"near-critical: writes {rate:.2f} pages per page sent, so 1 % of rate is many rounds"
        )
    if configuration.mode in ("seq", "moving"):
        return "where the writer stands and how it lies in memory is not in the row"
    if one.measured.concurrent > 1:
        return "the share of the link is that of a relay in another process"
    return "the time of a turn on a busy machine"
