"""docs/reliability.md from the counts of the campaigns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fuzz.campaign import MEMORY_LIMIT_BYTES, TIME_LIMIT_S
from tests.fuzz.inputs import KINDS
from tests.reliability.attacks import CLASSES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
COUNTS = Path(__file__).parent / "counts.json"

HEAD = """\
# Reliability

<!-- Written by python -m tests.reliability --record from its counts; do not edit. -->

What `cluster-emu` keeps when it is killed, interrupted, short of room on the disk, or given broken
input, and how often this was tried. [SECURITY.md](../SECURITY.md) says what is promised about files
from strangers.

## What is promised

- **Results are whole or absent.** A command writes its result beside its place and moves it there
  at the end. The manifest `result.json` has the digest of every file. `plot` refuses a folder whose
  files do not belong together, and names the file.
- **An interrupted run can be shown.** A run that Ctrl-C ends has its tables until then; `hosts`,
  `vms` and `links` end at the last observation before. `plot`, `report` and `view` show it. Not
  kept is a run that a second signal ends, or one in its first tick or while it is saved.
- **One folder has one writer.** A second command on the same `--out` is refused and told who
  writes.
- **The same command gives the same bytes.** `batch` continues after any end. The other commands
  start again, with `--overwrite` where an unfinished result is. The tables then equal those of a
  run that nothing disturbed. Only `wall_time_s` in `run.json` differs.
- **No process outlives its parent.** The processes of `--jobs` end with the command, also after
  `kill -9`.
- **Every input ends.** Exit status 0 is a result. 2 is bad input: a message names file, field,
  value and what is allowed, and nothing has been written. 1 is a result with failed runs in it, or
  a lack that is no fault of the input.

## What was tried

"""

FOOT = f"""
A mutated input survives if it ends with status 0, 1 or 2 within {TIME_LIMIT_S:.0f} s and
{MEMORY_LIMIT_BYTES // 2**30} GiB of address space. It must cause no traceback, print no control
characters, leave no files after an exit status 2, write nothing outside the folders that were
named, and start no process. A command survives if no process outlives it, if no reader takes a
mixture of two results for one, and if the same command then writes the same bytes as one that
nothing disturbed. Processes get 30 s to end, as a loaded machine is slow. The table says how many
needed more than 2 s.

## How to try it

```
python -m tests.fuzz.campaign --inputs 20000 --seed 7 --keep findings
python -m tests.reliability --only kills --times 20
python -m tests.reliability --record
```

The first runs mutated inputs. It keeps the smallest input of every different defect, with the
command to repeat it. The second kills twenty commands. The third runs everything, for an hour or
so, and writes this page. All choices come from the seed. Without the right to mount a file system,
limits on the size of files take the place of full disks. The slow tests run 2,000 inputs and a few
of each of the others.
"""


def read_counts() -> dict[str, Any]:
    """Return the recorded counts."""
    found: dict[str, Any] = json.loads(COUNTS.read_text("utf-8"))
    return found


def page(counts: dict[str, Any]) -> str:
    """Return the page of recorded counts."""
    rows = [_row("mutated inputs", _kinds(), counts["inputs"])] if "inputs" in counts else []
    rows += [
        _row(one.title, one.what, counts[name]) for name, one in CLASSES.items() if name in counts
    ]
    header = "| class | what is done | tried | survived | findings | seed | date |"
    table = "\n".join([header, "| --- | --- | --- | --- | --- | --- | --- |", *rows])
    parts = [HEAD, table, "\n", _findings(counts), _by_kind(counts), FOOT]
    return "".join(parts)


def _kinds() -> str:
    return f"a good input of one of {len(KINDS)} kinds is changed in one to three places"


def _row(title: str, what: str, found: dict[str, Any]) -> str:
    return (
        f"| {title} | {what} | {found['tried']:,} | {found['survived']:,} | {_in_words(found)} | "
        f"{found['seed']} | {found['date']} |"
    )


def _in_words(found: dict[str, Any]) -> str:
    if "by_finding" in found:
        kinds = found["by_finding"]
        hangs = f"{kinds.get('hang', 0)} hangs"
        return ", ".join([f"{kinds.get('traceback', 0)} tracebacks", hangs, *_others(kinds)])
    late, longest_s = found["orphans_after_2_s"], found["orphans_max_s"]
    mixed = sum("mixed" in one for one in found["problems"])
    return f"{mixed} mixed folders, {late} orphans after 2 s (longest {longest_s:.1f} s)"


def _others(kinds: dict[str, int]) -> list[str]:
    return [f"{n} {kind}" for kind, n in kinds.items() if kind not in ("traceback", "hang")]


def _findings(counts: dict[str, Any]) -> str:
    """Return what was not survived, in a list; nothing where all was."""
    lines = [
        *(
            f"- {name}: {n} inputs"
            for name, n in counts.get("inputs", {}).get("findings", {}).items()
        ),
        *(f"- {one}" for name in CLASSES for one in counts.get(name, {}).get("problems", ())),
    ]
    if not lines:
        return ""
    mended = [f"\n{one}" for one in counts.get("inputs", {}).get("mended", ())]
    return "\n".join(["\nNot survived:\n", *lines, *mended, ""])


def _by_kind(counts: dict[str, Any]) -> str:
    """Return how many inputs of each kind there were, and how they ended."""
    if "inputs" not in counts:
        return ""
    found = counts["inputs"]
    kinds = ", ".join(f"{n:,} of {kind}" for kind, n in found["by_kind"].items())
    ends = ", ".join(f"{n:,} with {status}" for status, n in found["by_exit_status"].items())
    return f"\nThe mutated inputs were {kinds}. They ended {ends}.\n"
