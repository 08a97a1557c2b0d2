"""The commands that write results, on a small cluster, and the bytes that each of them writes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cluster_emu.study.grid.cell_store import MANIFEST

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from cluster_emu.cli import main; sys.exit(main())"
MARK = "CLUSTER_EMU_RELIABILITY"
"""A variable of the environment that a command and all processes below it have."""

SCENARIO = """\
name = "under fire"
topology = { name = "star", hosts = 4, host_bps = "1 Gbit/s" }
run = { duration_s = "20 min", tick_s = "1 s", control_interval_s = "5 s" }
hosts = [{ count = 4, cpu_capacity = 16, memory_bytes = "8 GiB" }]
vms = [{ count = 12, cpu_capacity = 2, memory_bytes = "64 MiB", profile = "web" }]
workload = { demand = "diurnal" }
transfer = { strategy = "pre-copy" }
migrations = [{ vm = 0, target = 3, at_s = 1.0 }, { vm = 1, target = 3, at_s = 100.0 }]
"""
STUDY = """\
name = "under-fire"
scenario = "scenario.toml"
strategies = ["pre-copy", "qemu"]
replications = 3
fields = { "run.duration_s" = "5 min" }
axes = { "vms.0.page_bytes" = [4096, 8192] }
"""
SHORT = ("--set", "run.duration_s=2 min")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", "scenario.toml"),
    "batch": ("batch", "study.toml", "--jobs", "2"),
    "compare": (
        *("compare", "scenario.toml", "--strategies", "pre-copy,qemu"),
        *("--replications", "4", "--jobs", "2", *SHORT),
    ),
    "evacuate": (
        *("evacuate", "scenario.toml", "--host", "0", "--replications", "6", "--jobs", "2", *SHORT),
    ),
    "advise": (
        *("advise", "scenario.toml", "--host", "0", "--replications", "2", "--jobs", "2", *SHORT),
        *("--policies", "none,nova", "--strategies", "pre-copy,qemu", "--parallel", "1,2"),
    ),
}
"""What is typed; all but `run` start two more processes."""

RESUMES = ("batch",)
"""Commands that continue an unfinished result; the others replace it with --overwrite."""

Digests = dict[str, str]


def write_inputs(folder: Path) -> None:
    """Write the scenario and the study that the commands name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(SCENARIO, "utf-8")
    (folder / "study.toml").write_text(STUDY, "utf-8")


@dataclass
class Running:
    """A command that runs.

    Args:
        process: its process.
        mark: what it and every process below it have in their environment.
        started: when it began, by the monotonic clock.
    """

    process: subprocess.Popen[str]
    mark: str
    started: float = field(default_factory=time.monotonic)

    def end(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the command alone, not to the processes below it."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, timeout_s: float) -> tuple[int, str]:
        """Return exit status and stderr; what still runs after `timeout_s` is killed."""
        try:
            _, stderr = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            stderr = ""
            self.process.wait()
        return self.process.returncode, stderr

    def orphans(self) -> list[int]:
        """Return the processes below the command that still run."""
        return [pid for pid in _marked(self.mark) if pid != self.process.pid]

    def orphans_end_after_s(self, limit_s: float) -> float:
        """Wait until no process below the command runs; return how long that took.

        Infinity after `limit_s`; the processes are killed then.
        """
        began = time.monotonic()
        while self.orphans():
            if time.monotonic() - began > limit_s:
                for pid in self.orphans():
                    os.kill(pid, signal.SIGKILL)
                return float("inf")
            time.sleep(0.02)
        return time.monotonic() - began


def _marked(mark: str) -> Iterator[int]:
    """Yield the processes that have this mark and are no zombies."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            is_marked = wanted in (entry / "environ").read_bytes().split(b"\0")
            state = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue  # it has ended, or belongs to somebody else
        if is_marked and state != "Z":
            yield int(entry.name)


def start(
    words: tuple[str, ...], folder: Path, *, program: tuple[str, ...] = (sys.executable, "-c", MAIN)
) -> Running:
    """Start a command in a folder.

    Args:
        words: what is typed.
        folder: the working folder.
        program: what runs the command.
    """
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [*program, *words],
        cwd=folder,
        env={**os.environ, MARK: mark, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Running(process, mark)


def digests(folder: Path) -> Digests:
    """Return the digest of every file of a result by its path, without wall times and locks.

    Nor do the journal and the manifest of a study count: the one has its cells in the order in
    which they ended, and may have cells of an earlier study, the other what every cell took.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and ".sqlite" not in name and not name.endswith((".lock", MANIFEST)):
            try:
                content = _without_wall_times(path)
            except FileNotFoundError:
                continue  # it is being written
            found[name] = hashlib.sha256(content).hexdigest()
    return found


def _without_wall_times(path: Path) -> bytes:
    """Return a file's content without what differs from run to run by its nature."""
    content = path.read_bytes()
    if path.name not in ("run.json", "result.json"):
        return content
    try:
        document = json.loads(content)
        document.pop("wall_time_s", None)
        document.pop("arguments", None)  # the number of processes is one of them
        for each in document.values():
            if isinstance(each, dict):
                each.pop("run.json", None)
                each.pop("cells.sqlite", None)
                each.pop(MANIFEST, None)
    except (ValueError, AttributeError):
        return content
    return json.dumps(document, sort_keys=True).encode()


@dataclass(frozen=True)
class Undisturbed:
    """What a command writes when nothing happens to it.

    Args:
        words: what is typed, without ``--out``.
        wall_s: how long it took.
        files: the digests of its result.
    """

    words: tuple[str, ...]
    wall_s: float
    files: Digests


class Undisturbable:
    """The undisturbed results of all commands, under two seeds; each is made when first needed.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[str, int], Undisturbed] = {}

    def of(self, command: str, seed: int = 0) -> Undisturbed:
        """Return what a command writes under a seed."""
        if (command, seed) not in self._made:
            place = self.folder / f"{command}-{seed}"
            write_inputs(place)
            words = (*COMMANDS[command], "--seed", str(seed))
            running = start((*words, "--out", "out"), place)
            status, stderr = running.wait(300)
            if status:
                raise RuntimeError(f"{' '.join(words)} ended with {status}: {stderr}")
            wall_s = time.monotonic() - running.started
            self._made[command, seed] = Undisturbed(words, wall_s, digests(place / "out"))
        return self._made[command, seed]

    def result(self, command: str, seed: int = 0) -> Path:
        """Return the folder of an undisturbed result."""
        self.of(command, seed)
        return self.folder / f"{command}-{seed}" / "out"


def wait_for_moment(
    running: Running, folder: Path, undisturbed: Undisturbed, random: Random
) -> str:
    """Wait until a random moment of a command that runs; return which, in words.

    Half of the moments are random times; the others come when so many files are there, which is
    while results are written.
    """
    if random.random() < 0.5:
        delay_s = random.uniform(0.0, undisturbed.wall_s)
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(timeout=delay_s)
        return f"after {delay_s:.2f} s"
    wanted = random.randrange(1, 2 * len(undisturbed.files))
    seen: set[str] = set()
    while running.process.poll() is None and len(seen) < wanted:
        seen |= {os.fspath(path) for path in _entries(folder)}
        time.sleep(0.001)
    return f"when {wanted} files had been seen"


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from folder.rglob("*")
    except OSError:
        return  # a folder that was there is gone
