"""All that results are held against, one after the other: who says it, how far off we are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cluster_emu.model import ClusterModel
from cluster_emu.network import completion_times
from cluster_emu.scenario import scenario_from
from cluster_emu.validation.cloudsim import validate_cloudsim
from cluster_emu.validation.qemu import QemuAgreement, validate_qemu
from cluster_emu.validation.scalar import validate_scalar

REPOSITORY = Path(__file__).parents[2]
"""Where the files of the repository are; an installation from a wheel has none of them."""
QEMU_ROWS = Path("validation") / "qemu" / "migrations.csv"
SHARING_CASES = ("sharing_cases.json", "sharing_cases_starts_caps.json")
NOT_HERE = "the file is in the repository, not in an installed package"

PAGE_BYTES = 4096
FRACTION_PAGES = 20_000
FRACTIONS = {
    "pre-copy": Fraction(7, 2),
    "xen-legacy:first_round=full": Fraction(5, 2),
    "history-majority:to_send=literal,first_round=full": Fraction(143, 64),
    "history-majority:to_send=sticky,first_round=full": Fraction(73, 32),
}
"""Sends per page of five live rounds and the stop, each dirty bit 1 with probability 1/2."""
STANDARD_ERRORS = 5.0
LARGEST_SPREAD = 1.5
"""More than the standard deviation of the sends of one page under any of these."""

QEMU_ASKED = "total <= 1 % (median), <= 5 % (p95); bytes <= 0.8 %, <= 5 %"
CLOUDSIM_POLICIES = ("thr-mmt", "iqr-mmt")


@dataclass(frozen=True, slots=True)
class OracleResult:
    """What came of one comparison.

    Args:
        name: what is compared.
        oracle: with whose figures.
        cases: how many.
        found: how far off we are, in words.
        asked: how far off we may be, in words.
        holds: whether it is not more; None where the comparison was skipped.
        skipped: why it was, empty if it was not.
    """

    name: str
    oracle: str
    cases: int = 0
    found: str = ""
    asked: str = ""
    holds: bool | None = None
    skipped: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "oracle": self.oracle,
            "cases": self.cases,
            "found": self.found,
            "asked": self.asked,
            "holds": self.holds,
            "skipped": self.skipped,
        }


def run_oracles(
    data: Path | None = None,
    traces: Path | None = None,
    agreements: dict[str, QemuAgreement] | None = None,
) -> Iterator[OracleResult]:
    """Run every comparison whose figures are there; yield each result as it is known.

    Args:
        data: measured QEMU migrations; those of the repository by default.
        traces: folder of PlanetLab traces, a file per VM, for CloudSim's day.
        agreements: filled with the comparisons with QEMU, by memory model.

    Raises:
        ScenarioError: if `data` cannot be read.
        TraceError: if a trace cannot be used.
    """
    yield _closed_forms()
    yield _paper_fractions()
    yield _of_file("bandwidth sharing", "SimGrid 3.32", SHARING_CASES, _sharing)
    cases = ("scalar_migration_cases.json",)
    yield _of_file("scalar migrations", "SimGrid's plug-in", cases, _scalar)
    rows = REPOSITORY / QEMU_ROWS if data is None else data
    for fidelity in ("pages", "lumped"):
        name = f"QEMU's migrations, {fidelity}"
        if data is None and not rows.is_file():
            yield OracleResult(name, "QEMU 7.2 and 10.0", skipped=NOT_HERE)
        else:
            agreement = validate_qemu(rows, fidelity=fidelity)
            if agreements is not None:
                agreements[fidelity] = agreement
            yield qemu_result(agreement)
    for policy in CLOUDSIM_POLICIES:
        yield _cloudsim(policy, traces)


def _of_file(
    name: str,
    oracle: str,
    files: tuple[str, ...],
    compare: Callable[[str, str, list[Path]], OracleResult],
) -> OracleResult:
    paths = [REPOSITORY / "tests" / "data" / file for file in files]
    if not all(path.is_file() for path in paths):
        return OracleResult(name, oracle, skipped=NOT_HERE)
    return compare(name, oracle, paths)


def _sharing(name: str, oracle: str, paths: list[Path]) -> OracleResult:
    cases = [case for path in paths for case in json.loads(path.read_text("utf-8"))["cases"]]
    largest = 0.0
    for case in cases:
        times = completion_times(
            case["caps"],
            case["flows"],
            case["sizes"],
            starts=case.get("starts"),
            caps=case.get("rates"),
        )
        given = np.array(case["t"])
        # a flow without bytes takes no time
        apart = np.abs(times - given) / np.where(given > 0, given, 1.0)
        largest = max(largest, float(np.nanmax(apart)))
    found = f"completion times off by {largest:.0e} at most"
    return OracleResult(name, oracle, len(cases), found, "<= 1e-09", largest <= 1e-9)


def _scalar(name: str, oracle: str, paths: list[Path]) -> OracleResult:
    agreement = validate_scalar(paths[0])
    total, downtime_s = agreement.total_time_max_rel, agreement.downtime_max_abs_s
    return OracleResult(
        name,
        oracle,
        len(agreement.table),
        f"total time {total:.0e}, downtime {downtime_s:.0e} s at most",
        "<= 1e-06, <= 1e-06 s",
        total <= 1e-6 and downtime_s <= 1e-6,
    )


def qemu_result(agreement: QemuAgreement) -> OracleResult:
    """Return the comparison with measured migrations in one line."""
    metrics = agreement.document()["metrics"]
    total, sent = metrics["total_time"], metrics["transferred_bytes"]
    name, oracle = f"QEMU's migrations, {agreement.fidelity}", "QEMU 7.2 and 10.0"
    if total["median_ape"] is None:
        return OracleResult(name, oracle, skipped="no quiet row without capabilities")
    return OracleResult(
        name,
        oracle,
        len(agreement.plain),
        f"total {_percent(total['median_ape'])}, {_percent(total['p95_ape'])}; "
        f"bytes {_percent(sent['median_ape'])}, {_percent(sent['p95_ape'])}",
        QEMU_ASKED,
        total["median_ape"] <= 0.01
        and total["p95_ape"] <= 0.05
        and sent["median_ape"] <= 0.008
        and sent["p95_ape"] <= 0.05,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _cloudsim(policy: str, traces: Path | None) -> OracleResult:
    name, oracle = f"CloudSim's day, {policy}", "CloudSim 4.0"
    if traces is None:
        why = "no PlanetLab traces are given (--traces)"
        return OracleResult(name, oracle, skipped=why)
    agreement = validate_cloudsim(traces, policy)
    if agreement.published is None:
        why = "CloudSim was not run on these traces"
        return OracleResult(name, oracle, agreement.traces, skipped=why)
    apart = [
        abs(ours - theirs) / abs(theirs) if theirs else abs(ours)
        for _, ours, theirs in agreement.rows()
        if theirs is not None
    ]
    found = f"figures off by {max(apart):.0e} at most"
    return OracleResult(name, oracle, agreement.traces, found, "<= 1e-09", max(apart) <= 1e-9)


# --- what can be worked out by hand ---------------------------------------------------------------


def _run(strategy: str, profile: dict[str, Any], fidelity: str, **transfer: Any) -> Any:
    pages = FRACTION_PAGES
    model = ClusterModel(
        scenario_from(
            {
                "name": "by-hand",
                "run": {"duration_s": 1e6, "stop_when_idle": True, "fidelity": fidelity},
                "topology": {"name": "star", "hosts": 2, "host_bps": 8.0 * PAGE_BYTES * 1000},
                "hosts": [{"count": 2, "cpu_capacity": 8, "memory_bytes": "1 TiB"}],
                "vms": [
                    {
                        "count": 1,
                        "cpu_capacity": 1,
                        "memory_bytes": pages * PAGE_BYTES,
                        "profile": profile,
                        "host": 0,
                    }
                ],
                "workload": {"demand": {"name": "constant", "share": 1.0}},
                "transfer": {
                    "strategy": strategy,
                    "page_header_bytes": 0,
                    "stop": "fixed-rounds:rounds=5",
                    **transfer,
                },
                "migrations": [{"vm": 0, "target": 1}],
            }
        ),
        rng=0,
    )
    return model.run()


def _closed_forms() -> OracleResult:
    """Compare rounds of evenly written memory with V(i+1) = S (1 - exp(-W V(i) / (B S)))."""
    writes_per_page_s, pages_per_s = 0.02, 1000.0
    profile = {"name": "uniform", "writes_per_page_s": writes_per_page_s}
    rounds = _run("pre-copy", profile, "mean-field").rounds
    expected, apart = float(FRACTION_PAGES), []
    for sent in rounds["sent"]:
        apart.append(abs(sent - expected))
        expected = -FRACTION_PAGES * math.expm1(-writes_per_page_s * expected / pages_per_s)
    found = f"rounds off by {max(apart):.1f} pages at most"
    name, oracle = "rounds of evenly written memory", "closed form"
    return OracleResult(name, oracle, len(apart), found, "<= 2 (rounded)", max(apart) <= 2)


def _paper_fractions() -> OracleResult:
    """Compare the sends of a page with their exact means under dirty bits drawn per round."""
    limit = STANDARD_ERRORS * LARGEST_SPREAD / math.sqrt(FRACTION_PAGES)
    apart = []
    for strategy, mean in FRACTIONS.items():
        profile = {"name": "samples", "probability": 0.5}
        record = _run(strategy, profile, "pages", warm_intervals=16).migrations.iloc[0]
        sends = record.pages_sent_precopy + record.pages_sent_stop
        apart.append(abs(float(sends) / FRACTION_PAGES - float(mean)))
    found = f"sends per page off by {max(apart):.3f} at most"
    asked = f"<= {limit:.3f} (5 standard errors)"
    name, oracle = "the paper's strategies, sends per page", "exact fractions"
    return OracleResult(name, oracle, len(apart), found, asked, max(apart) <= limit)
