"""What is done to a command that runs, and what must be true afterwards."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.reliability.checks import (
    ORPHANS_LIMIT_S,
    ORPHANS_WITHIN_S,
    again,
    difference,
    mixture,
)
from tests.reliability.commands import (
    COMMANDS,
    Undisturbable,
    digests,
    start,
    wait_for_moment,
    write_inputs,
)
from tests.reliability.disks import Disk

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OUT = "out"


@dataclass
class Trial:
    """One attack.

    Args:
        what: the command and what was done to it.
        problems: what was not as it must be; empty if the command survived.
        orphans_s: how long processes outlived the command.
    """

    what: str
    problems: list[str] = field(default_factory=list)
    orphans_s: float = 0.0

    def expect(self, problem: str) -> None:
        """Note a problem, if it is one."""
        if problem:
            self.problems.append(problem)

    def expect_no_orphans(self, seconds: float) -> None:
        """Note how long processes outlived the command; forever is a problem."""
        self.orphans_s = seconds
        if seconds > ORPHANS_LIMIT_S:
            self.problems.append(f"processes ran {ORPHANS_LIMIT_S:.0f} s after the command")


Attack = Callable[[Random, str, Undisturbable, Path], Trial]


def _prepare(random: Random, command: str, known: Undisturbable, folder: Path) -> bool:
    """Write the inputs, and in half of the cases an older result; return whether there is one."""
    write_inputs(folder)
    has_older = random.random() < 0.5
    if has_older:
        shutil.copytree(known.result(command, seed=1), folder / OUT)
    return has_older


def _wholes(command: str, known: Undisturbable, has_older: bool) -> list[Path]:
    """Return the undisturbed results that may be there afterwards."""
    return [known.result(command, seed) for seed in ((0, 1) if has_older else (0,))]


def kill(random: Random, command: str, known: Undisturbable, folder: Path) -> Trial:
    """Kill a command with signal 9 at a random moment."""
    has_older = _prepare(random, command, known, folder)
    undisturbed = known.of(command)
    words = (*undisturbed.words, "--out", OUT, *(["--overwrite"] if has_older else []))
    running = start(words, folder)
    moment = wait_for_moment(running, folder / OUT, undisturbed, random)
    running.end(signal.SIGKILL)
    running.wait(30)
    trial = Trial(f"{command}, killed {moment}{', over an older result' if has_older else ''}")
    trial.expect_no_orphans(running.orphans_end_after_s(ORPHANS_LIMIT_S))
    trial.expect(mixture(folder / OUT, _wholes(command, known, has_older)))
    trial.expect(again(command, undisturbed, folder / OUT, folder))
    return trial


def interrupt(random: Random, command: str, known: Undisturbable, folder: Path) -> Trial:
    """Send SIGINT, SIGTERM or SIGHUP at a random moment."""
    has_older = _prepare(random, command, known, folder)
    number = random.choice(SIGNALS)
    undisturbed = known.of(command)
    words = (*undisturbed.words, "--out", OUT, *(["--overwrite"] if has_older else []))
    running = start(words, folder)
    moment = wait_for_moment(running, folder / OUT, undisturbed, random)
    sent = running.process.poll() is None
    running.end(number)
    status, stderr = running.wait(60)
    name = signal.Signals(number).name
    trial = Trial(f"{command}, {name} {moment}{', over an older result' if has_older else ''}")
    # Before the command's own handlers are set, which is while Python starts, the signal ends it.
    allowed = (0, 128 + number, -number) if sent else (0,)
    trial.expect("" if status in allowed else f"exit status {status}: {stderr[-500:]}")
    trial.expect("" if "Traceback" not in stderr else _tracebacks(stderr, status))
    trial.expect_no_orphans(running.orphans_end_after_s(ORPHANS_LIMIT_S))
    trial.expect(mixture(folder / OUT, _wholes(command, known, has_older)))
    trial.expect(again(command, undisturbed, folder / OUT, folder))
    return trial


def _tracebacks(stderr: str, status: int) -> str:
    """Return a traceback that a signal caused; Python itself prints one while it starts."""
    is_start = status == -signal.SIGINT and "cluster_emu/study" not in stderr
    return "" if is_start else f"a traceback: {stderr[-800:]}"


def fill_disk(random: Random, command: str, known: Undisturbable, folder: Path) -> Trial:
    """Let the disk be full at a random moment, or files end at a random size."""
    undisturbed = known.of(command)
    write_inputs(folder)
    with Disk.of_any_kind(random, known.result(command), folder) as disk:
        has_older = disk.has_room_for_two and random.random() < 0.5
        out = disk.folder / OUT
        if has_older:
            shutil.copytree(known.result(command, seed=1), out)
        words = (*undisturbed.words, "--out", str(out), *(["--overwrite"] if has_older else []))
        running = start(words, folder, program=disk.program)
        moment = disk.fill(running, random, undisturbed.wall_s)
        status, stderr = running.wait(120)
        older = ", over an older result" if has_older else ""
        trial = Trial(f"{command}, {disk.kind} {moment}{older}")
        trial.expect(
            "" if status in (0, 1, 2) else f"exit status {status}: {stderr[-500:]}",
        )
        trial.expect("" if "Traceback" not in stderr else f"a traceback: {stderr[-800:]}")
        trial.expect("" if status == 0 or stderr.strip() else "ended without a message")
        trial.expect_no_orphans(running.orphans_end_after_s(ORPHANS_LIMIT_S))
        wholes = _wholes(command, known, has_older)
        if status == 0:
            trial.expect(difference(digests(out), undisturbed.files))
        disk.empty()
        trial.expect(mixture(out, wholes))
        if status:
            trial.expect(_leftovers(out))
        trial.expect(again(command, undisturbed, out, folder))
    return trial


def _leftovers(out: Path) -> str:
    """Return the temporary files that an error has left behind."""
    left = [path.name for path in out.rglob(".*") if not path.name.endswith(".lock")]
    return f"left behind: {sorted(left)[:5]}" if left else ""


def write_twice(random: Random, command: str, known: Undisturbable, folder: Path) -> Trial:
    """Start two commands with different seeds on one folder at almost the same time."""
    write_inputs(folder)
    overwrite = random.random() < 0.7
    both = [known.of(command, seed) for seed in (0, 1)]
    extra = ("--out", OUT, *(["--overwrite"] if overwrite else []))
    first = start((*both[0].words, *extra), folder)
    delay_s = random.choice((0.0, random.uniform(0.0, 0.5), random.uniform(0.0, both[0].wall_s)))
    time.sleep(delay_s)
    second = start((*both[1].words, *extra), folder)
    ends = [first.wait(300), second.wait(300)]
    trial = Trial(f"two {command}, {delay_s:.2f} s apart")
    for status, stderr in ends:
        trial.expect("" if status in (0, 2) else f"exit status {status}: {stderr[-500:]}")
        trial.expect("" if "Traceback" not in stderr else f"a traceback: {stderr[-800:]}")
        refused = "--out" in stderr or "folder" in stderr
        trial.expect("" if status != 2 or refused else f"refused without --out: {stderr[-300:]}")
    winners = [one.files for one, (status, _) in zip(both, ends, strict=True) if status == 0]
    trial.expect("" if winners else f"neither wrote a result: {ends[0][1][-300:]}")
    found = digests(folder / OUT)
    if winners and found not in winners:
        trial.expect(f"the folder is neither's: {difference(found, winners[-1])}")
    for running in (first, second):
        trial.expect_no_orphans(max(trial.orphans_s, running.orphans_end_after_s(ORPHANS_LIMIT_S)))
    return trial


@dataclass(frozen=True)
class Class:
    """A class of attacks.

    Args:
        title: what it is called in the table.
        what: what is done, in a sentence.
        attack: the function that does it once.
        full: how often the full campaign does it.
        quick: how often the slow tests do it.
    """

    title: str
    what: str
    attack: Attack
    full: int
    quick: int


CLASSES: dict[str, Class] = {
    "kills": Class(
        "kill -9",
        "a command is killed at a random moment, in half of the cases over an older result",
        kill,
        100,
        4,
    ),
    "disks": Class(
        "full disks",
        "the disk is full at a random moment, or files end at a random size (`ulimit -f`)",
        fill_disk,
        20,
        3,
    ),
    "signals": Class(
        "signals",
        "a command gets SIGINT, SIGTERM or SIGHUP at a random moment",
        interrupt,
        30,
        3,
    ),
    "writers": Class(
        "two writers",
        "two commands with different seeds write to one folder at once",
        write_twice,
        50,
        2,
    ),
}


@dataclass
class Counts:
    """What became of the trials of a class.

    Args:
        tried: how many there were.
        problems: the trials that were not survived, each with what was wrong.
        orphans_late: how many commands were outlived by more than two seconds.
        orphans_max_s: the longest time for which a process outlived its command.
    """

    tried: int = 0
    problems: list[str] = field(default_factory=list)
    orphans_late: int = 0
    orphans_max_s: float = 0.0

    def enter(self, trial: Trial) -> None:
        """Count a trial."""
        self.tried += 1
        self.orphans_late += trial.orphans_s > ORPHANS_WITHIN_S
        self.orphans_max_s = max(self.orphans_max_s, trial.orphans_s)
        if trial.problems:
            self.problems.append(f"{trial.what}: {'; '.join(trial.problems)}")

    @property
    def survived(self) -> int:
        """How many trials had no problem."""
        return self.tried - len(self.problems)


def attack_all(
    name: str,
    times: int,
    seed: int,
    known: Undisturbable,
    folder: Path,
    *,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> Counts:
    """Make the trials of a class, through all commands in turn.

    Args:
        name: the class, a key of `CLASSES`.
        times: how many trials.
        seed: the seed of the moments and choices.
        known: the undisturbed results.
        folder: an empty folder for working files.
        on_trial: called after each trial.
    """
    counts = Counts()
    for number in range(times):
        command = list(COMMANDS)[number % len(COMMANDS)]
        place = folder / f"{name}-{number}"
        trial = CLASSES[name].attack(Random(f"{name}/{seed}/{number}"), command, known, place)
        counts.enter(trial)
        on_trial(trial)
        shutil.rmtree(place, ignore_errors=True)
    return counts
