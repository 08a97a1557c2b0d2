"""A process that runs input after input: reads numbers on stdin, writes one line of JSON for each.

Its first line says that it is ready.

``python -m tests.fuzz.worker SEED FOLDER RESULTS MEMORY_BYTES``. Its address space is bounded. Its
parent ends it when an input takes too long. What libraries print goes to ``FOLDER/log``, as does
the stack of an input that takes long.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import shutil
import sys
from pathlib import Path

from tests.fuzz import sandbox
from tests.fuzz.inputs import make_input
from tests.fuzz.verdict import findings

STACK_AFTER_S = 15.0


def main() -> None:
    """Run the inputs whose numbers arrive, until there are no more."""
    seed, folder, results, memory_bytes = sys.argv[1:]
    root = Path(folder)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    log = (root / "log").open("w", encoding="utf-8")
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    # A command that reads from its terminal gets none.
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    hole = os.open(os.devnull, os.O_RDONLY)
    os.dup2(hole, 0)

    import cluster_emu.cli
    import cluster_emu.study
    import cluster_emu.view  # noqa: F401 loaded before the limit, as a command would have them

    limit = int(memory_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    caches = sandbox.caches()
    sandbox.prepare()
    sandbox.watch()
    answers.write("ready\n")
    answers.flush()
    for line in requests:
        number, kept = json.loads(line)
        faulthandler.dump_traceback_later(STACK_AFTER_S, repeat=True, file=log)
        answer = _answer(int(seed), number, kept, root, Path(results), caches)
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(
    seed: int,
    number: int,
    kept: list[int] | None,
    root: Path,
    results: Path,
    caches: tuple[str, ...],
) -> dict[str, object]:
    """Run one input and return what is to be said about it."""
    made = make_input(seed, number, kept)
    # Some levels below the root, so that a path with a few ".." still ends where it is found.
    room = root / "a" / "b"
    clear(room)
    folder = room / "c"
    made.write(folder, results)
    outcome = sandbox.run(made, folder)
    found = findings(made, outcome, folder, caches)
    return {
        "number": number,
        "kind": made.kind,
        "changes": made.changes,
        "status": outcome.status,
        "findings": [[each.kind, each.where, each.details] for each in found],
    }


def clear(folder: Path) -> None:
    """Remove a folder, also where something in it cannot be entered."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
