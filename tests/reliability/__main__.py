"""Runs the campaigns and writes their counts, and docs/reliability.md from them.

    python -m tests.reliability                        # everything, an hour or so
    python -m tests.reliability --only kills --times 10
    python -m tests.reliability --record               # and write docs/reliability.md

A part of the campaigns is entered into the counts that are there already.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.fuzz.campaign import run_campaign
from tests.reliability.attacks import CLASSES, Trial, attack_all
from tests.reliability.commands import Undisturbable
from tests.reliability.document import COUNTS, PAGE, page, read_counts

INPUTS = "inputs"


def main() -> int:
    """Run the campaigns that were asked for; return 1 if anything was not survived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=(INPUTS, *CLASSES), action="append", help="one class")
    parser.add_argument("--times", type=int, help="how often, instead of the full number")
    parser.add_argument("--seed", type=int, default=1, help="the seed of all choices")
    parser.add_argument("--workers", type=int, default=1, help="processes for mutated inputs")
    parser.add_argument("--record", action="store_true", help=f"write {COUNTS.name} and the page")
    given = parser.parse_args()
    bad = False
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        folder = Path(name)
        known = Undisturbable(folder / "undisturbed")
        for each in given.only or (INPUTS, *CLASSES):
            if each == INPUTS:
                found = _inputs(given.times or 20_000, given.seed, given.workers, folder)
            else:
                times = given.times or CLASSES[each].full
                made = attack_all(each, times, given.seed, known, folder, on_trial=_show)
                found = {
                    "tried": made.tried,
                    "survived": made.survived,
                    "problems": made.problems,
                    "orphans_after_2_s": made.orphans_late,
                    "orphans_max_s": round(made.orphans_max_s, 2),
                }
            bad |= found["survived"] < found["tried"]
            print(f"{each}: {found['tried']} tried, {found['survived']} survived", flush=True)
            if given.record:
                date = f"{datetime.now(UTC):%Y-%m-%d}"
                _record(each, {**found, "seed": given.seed, "date": date})
    return 1 if bad else 0


def _record(name: str, found: dict[str, Any]) -> None:
    """Enter the counts of a class beside those that are there, and write the page."""
    counts = (read_counts() if COUNTS.exists() else {}) | {name: found}
    COUNTS.write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n", "utf-8")
    PAGE.write_text(page(counts), "utf-8")


def _inputs(times: int, seed: int, workers: int, folder: Path) -> dict[str, Any]:
    report = run_campaign(range(times), seed, folder / INPUTS, workers=workers, show=True)
    for name, numbers in sorted(report.found.items()):
        print(f"{name}: inputs {numbers[:5]}", flush=True)
    return report.document()


def _show(trial: Trial) -> None:
    print(f"{trial.what}: {'; '.join(trial.problems) or 'survived'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
