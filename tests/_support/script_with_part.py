"""A script, or a module beside one, that defines a stop rule of its own."""

from __future__ import annotations

PART = '''
from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.stop_rules import (
    CONTINUE,
    ControllerDecision,
    DeadlineStopRule,
    Progress,
    stop,
    stop_rules,
)

LEAST = 1


@stop_rules.register("few-rounds")
@dataclass(frozen=True, kw_only=True)
class FewRounds(DeadlineStopRule):
    """Stop after some rounds."""

    name: ClassVar[str] = "few-rounds"
    summary: ClassVar[str] = "stop after some rounds"
    source: ClassVar[str] = "an example"

    most: int = Field(default=2, ge=1)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP after so many rounds."""
        if progress.round_number >= max(self.most, LEAST):
            return stop("enough rounds")
        return CONTINUE
'''

UNSENDABLE = """
import threading

LOCK = threading.Lock()
CHECKED = FewRounds.evaluate


def evaluate(self, progress, lock=LOCK):
    with lock:
        return CHECKED(self, progress)


FewRounds.evaluate = evaluate
"""

STUDY = """
name = "own-rule"
scenario = "paper"
strategies = ["pre-copy"]
replications = 2
[fields]
"transfer.stop" = "few-rounds:most=3"
"""

RUN = """
import sys
from pathlib import Path

from cluster_emu import run_batch

if __name__ == "__main__":
    study, out, jobs, *scheduler = sys.argv[1:]
    options = {"backend": "dask", "scheduler": scheduler[0]} if scheduler else {}
    table = run_batch(Path(study), out=Path(out), jobs=int(jobs), **options).table
    print(*table["status"], *table["error"], sep="\\n")
"""
