"""Runs thousands of mutated inputs and reports every different defect with a small input.

    python -m tests.fuzz.campaign --inputs 20000 --seed 1 --out counts.json

Each input runs through the command line in one of a few worker processes, with at most
`TIME_LIMIT_S` and `MEMORY_LIMIT_BYTES`. The same seed gives the same inputs. Of every defect the
smallest input that shows it is kept in a folder, with the command and what was mutated.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz import saved
from tests.fuzz.inputs import MOST_MUTATIONS, Input, make_input
from tests.fuzz.verdict import Finding, place_of

TIME_LIMIT_S = 20.0
"""Seconds of processor time, or of waiting without any, after which an input counts as a hang."""
IDLE_SHARE = 0.05
"""A process that uses less of its time than this waits for something that does not come."""
MEMORY_LIMIT_BYTES = 6 * 2**30
INPUTS_PER_WORKER = 2000
"""After so many inputs a worker is replaced: what its libraries keep must not add up."""
WORKER = ("-m", "tests.fuzz.worker")
"""What a worker process runs."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a worker says of an input.

    Args:
        kind: the kind of the input.
        status: the exit status; None if it did not end by itself.
        changes: what was mutated, in words.
        found: the defects that it showed.
    """

    kind: str
    status: int | None
    changes: tuple[str, ...]
    found: tuple[Finding, ...]


@dataclass
class Report:
    """What a campaign has seen.

    Args:
        seed: the seed of its inputs.
        tried: the number of inputs of each kind.
        statuses: how many ended with each exit status, "none" for those that did not end so.
        found: the findings by name: each with the numbers of the inputs that showed it.
        examples: the first answer with each finding.
        wall_s: how long it took.
        slowest: the longest times, and the number of the input.
    """

    seed: int
    tried: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    found: dict[str, list[int]] = field(default_factory=dict)
    examples: dict[str, tuple[Finding, Answer]] = field(default_factory=dict)
    wall_s: float = 0.0
    slowest: list[tuple[float, int]] = field(default_factory=list)

    def enter(self, number: int, answer: Answer) -> None:
        """Count an input and its findings."""
        self.tried[answer.kind] += 1
        self.statuses["none" if answer.status is None else str(answer.status)] += 1
        for each in answer.found:
            self.found.setdefault(each.name, []).append(number)
            self.examples.setdefault(each.name, (each, answer))

    def document(self) -> dict[str, object]:
        """Return the counts as plain data."""
        bad = {number for numbers in self.found.values() for number in numbers}
        return {
            "seed": self.seed,
            "tried": sum(self.tried.values()),
            "survived": sum(self.tried.values()) - len(bad),
            "by_kind": dict(sorted(self.tried.items())),
            "by_exit_status": dict(sorted(self.statuses.items())),
            "findings": {name: len(numbers) for name, numbers in sorted(self.found.items())},
            "by_finding": dict(Counter(name.partition(":")[0] for name in self.found)),
        }


class Worker:
    """A worker process, and what it is at.

    Args:
        seed: the seed of the inputs.
        folder: a folder of its own.
        results: where `saved.make_all` made results.
    """

    def __init__(self, seed: int, folder: Path, results: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        words = (str(seed), str(folder), str(results), str(MEMORY_LIMIT_BYTES))
        self.process = subprocess.Popen(
            [sys.executable, *WORKER, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._seed = seed
        self._kept: Collection[int] | None = None
        self.number = -1
        self.since = 0.0
        self.done = 0
        self.is_ready = False
        self._cpu_s = 0.0

    def begin(self, number: int, kept: Collection[int] | None = None) -> None:
        """Give it the next input; its time begins when the process has loaded what it needs."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if self.done == 0:
            self.process.stdout.readline()
        self.number, self.since, self._kept = number, time.monotonic(), kept
        self._cpu_s = self._used_cpu_s()
        self.done += 1
        request = json.dumps([number, None if kept is None else sorted(kept)])
        self.process.stdin.write(f"{request}\n")
        self.process.stdin.flush()

    def answer(self) -> Answer:
        """Return what it says of its input; it may have died of it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            ended = self.process.wait()
            finding = Finding("killed", f"worker ended with {ended}", self.log_tail())
            return self._without_end(finding)
        given = json.loads(line)
        found = tuple(Finding(*each) for each in given["findings"])
        return Answer(given["kind"], given["status"], tuple(given["changes"]), found)

    def _without_end(self, finding: Finding) -> Answer:
        made = make_input(self._seed, self.number, self._kept)
        return Answer(made.kind, None, tuple(made.changes), (finding,))

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def log_tail(self) -> str:
        """Return the last lines that its libraries wrote, such as the stack of a slow input."""
        return self.log.read_text("utf-8", errors="replace")[-6000:]

    def is_late(self) -> bool:
        """Return whether its input has used too much processor time, or waits and uses none.

        On a loaded machine an input may take long though it uses little.
        """
        waited_s = time.monotonic() - self.since
        used_s = self._used_cpu_s() - self._cpu_s
        if waited_s <= TIME_LIMIT_S or self.is_compiling():
            return False
        is_idle = used_s < IDLE_SHARE * waited_s
        return is_idle or used_s > TIME_LIMIT_S or waited_s > 10 * TIME_LIMIT_S

    def _used_cpu_s(self) -> float:
        """Return the processor time that the process has used so far, in s."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8")
        except OSError:
            return 0.0  # it has ended
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def is_compiling(self) -> bool:
        """Return whether it was compiling a kernel when its stack was last written.

        Compiled code is kept, so an input waits for it once on a machine; that is no hang.
        """
        return "numba/core" in self.log_tail().rpartition("Timeout (")[2]

    def hang(self) -> Answer:
        """End the process, whose input takes too long; return that as its answer."""
        self.end()
        log = self.log_tail().rpartition("Timeout (")[2]
        # The stack has its innermost frame first.
        frames = re.findall(r'File "([^"]+)", line (\d+) in (\S+)', log)
        trace = "\n".join(f'File "{p}", line {n}, in {f}' for p, n, f in reversed(frames))
        return self._without_end(Finding("hang", place_of(trace), log))


def run_campaign(
    numbers: Collection[int],
    seed: int,
    folder: Path,
    *,
    workers: int = 1,
    kept: Collection[int] | None = None,
    show: bool = False,
) -> Report:
    """Run inputs by their numbers and return what happened.

    Args:
        numbers: the numbers of the inputs.
        seed: their seed.
        folder: an empty folder for working files.
        workers: how many processes run them.
        kept: the mutations to apply, see `make_input`.
        show: whether to write progress to stderr.
    """
    report = Report(seed)
    results = folder / "results"
    if not results.exists():
        saved.make_all(results)
    started = time.monotonic()
    crowd = _Crowd(seed, folder, results, workers)
    try:
        for number, seconds, answer in crowd.run(iter(numbers), kept):
            new = [each for each in answer.found if each.name not in report.found]
            report.enter(number, answer)
            report.slowest = sorted([*report.slowest, (seconds, number)], reverse=True)[:10]
            if show:
                _show_progress(report, number, new, started)
    finally:
        crowd.end()
    report.wall_s = time.monotonic() - started
    return report


def _show_progress(report: Report, number: int, new: list[Finding], started: float) -> None:
    for each in new:
        print(f"input {number}: {each.name}", file=sys.stderr)
    count = sum(report.tried.values())
    if count % 500 == 0:
        seconds = time.monotonic() - started
        print(f"{count} inputs in {seconds:.0f} s, {len(report.found)} defects", file=sys.stderr)


class _Crowd:
    """Workers that share the inputs; one that dies or hangs is replaced."""

    def __init__(self, seed: int, folder: Path, results: Path, count: int) -> None:
        self._seed, self._folder, self._results = seed, folder, results
        self._made = 0
        self._workers = [self._new() for _ in range(count)]

    def _new(self) -> Worker:
        self._made += 1
        return Worker(self._seed, self._folder / f"worker-{self._made}", self._results)

    def run(
        self, numbers: Iterator[int], kept: Collection[int] | None
    ) -> Iterator[tuple[int, float, Answer]]:
        """Yield each input's number and seconds, and what was said of it."""
        busy = []
        for worker in self._workers:
            if (number := next(numbers, None)) is not None:
                worker.begin(number, kept)
                busy.append(worker)
        while busy:
            for worker in self._ready(busy):
                seconds = time.monotonic() - worker.since
                answer = worker.answer() if worker.is_ready else worker.hang()
                yield worker.number, seconds, answer
                busy.remove(worker)
                if worker.process.poll() is not None or worker.done >= INPUTS_PER_WORKER:
                    worker.end()
                    place = self._workers.index(worker)
                    self._workers[place] = worker = self._new()
                if (number := next(numbers, None)) is not None:
                    worker.begin(number, kept)
                    busy.append(worker)

    def _ready(self, busy: list[Worker]) -> list[Worker]:
        """Wait until workers have answered, ended or taken too long; return them."""
        with selectors.DefaultSelector() as selector:
            for worker in busy:
                assert worker.process.stdout is not None
                selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(timeout=1.0)]
        for worker in busy:
            worker.is_ready = worker in ready
        return ready + [each for each in busy if not each.is_ready and each.is_late()]

    def end(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.end()


def smallest(name: str, number: int, seed: int, folder: Path) -> list[int]:
    """Return the fewest mutations of an input that still show a finding of that name.

    Those of an input that never ends are all kept, since each attempt takes as long again.
    """
    kept = list(range(MOST_MUTATIONS))
    if name.startswith("hang"):
        return kept
    for each in list(kept):
        fewer = [other for other in kept if other != each]
        if name in run_campaign([number], seed, folder, kept=fewer).found:
            kept = fewer
    return kept


def keep(made: Input, finding: Finding, place: Path, results: Path, again: str) -> None:
    """Write an input to a folder, with what it shows and how to run it."""
    made.write(place, results)
    words = shlex.join(made.words)
    about = (
        f"{finding.name}\n\nin this folder: cluster-emu {words}\nor: {again}\n\n"
        f"mutated: {'; '.join(made.changes)}\n\n{finding.details}\n"
    )
    (place / "FINDING.txt").write_text(about, "utf-8", errors="backslashreplace")


def main() -> int:
    """Run a campaign; return 1 if it found anything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--inputs", type=int, default=20_000, help="how many inputs to run")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the inputs")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--workers", type=int, default=1, help="how many processes run them")
    parser.add_argument("--out", type=Path, help="a file for the counts, as JSON")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that showed a defect")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        numbers = range(given.first, given.first + given.inputs)
        report = run_campaign(numbers, given.seed, folder, workers=given.workers, show=True)
        for place, (name, shown) in enumerate(sorted(report.found.items())):
            finding, answer = report.examples[name]
            again = (
                f"python -m tests.fuzz.campaign --seed {given.seed} --first {shown[0]} --inputs 1"
            )
            print(f"\n{name} ({len(shown)} inputs, first {shown[0]})\n  {again}")
            made = make_input(given.seed, shown[0])
            if given.keep is not None:
                kept = smallest(name, shown[0], given.seed, folder)
                made = make_input(given.seed, shown[0], kept)
                target = given.keep / f"{given.seed}-{shown[0]}-{place}"
                keep(made, finding, target, folder / "results", again)
                print(f"  kept in {target}")
            print(f"  cluster-emu {shlex.join(made.words)[:300]}")
            print(f"  mutated: {'; '.join(answer.changes)[:500]}")
            print("  " + "\n  ".join(finding.details.strip().splitlines()[-4:]))
    document = report.document()
    if given.out is not None:
        given.out.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    print(f"\n{document['tried']} inputs in {report.wall_s:.0f} s, {len(report.found)} defects")
    print(f"exit statuses: {document['by_exit_status']}")
    print("slowest:", ", ".join(f"{s:.1f} s (input {n})" for s, n in report.slowest))
    return 1 if report.found else 0


if __name__ == "__main__":
    sys.exit(main())
