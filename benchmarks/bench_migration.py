"""How long migrations take to emulate: the pages engine alone, and a whole cluster.

    pytest benchmarks/bench_migration.py -s

Targets on two cores: a migration of a 1 GiB VM (262,144 pages, 30 rounds) in at most 0.15 s, shown
beside a plain numpy loop that draws every page in every round; the built-in cluster scenario in at
most 10 s and 500 MB. The tables give processor time, which neighbours on a machine disturb less.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

import numpy as np
import pytest

from cluster_emu.encoding import Encoding
from cluster_emu.memory.dirtying.sources import ProfileSource
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies import strategies
from cluster_emu.workload import load_profiles
from cluster_emu.workload.profiles import WriteProfile

PAGES = 262_144
ROUNDS = 30
PAGE_BYTES = 4104.0
BYTES_PER_S = 1.25e9
HISTORY = 5
PROFILES = ("idle", "web", "oltp", "cache", "kernel-build", "analytics", "stream", "memory-hog")


def engine_migration(profile: WriteProfile, strategy: str) -> int:
    """Run 30 live rounds and the stop set on 10 Gbit/s, as a migration drives them."""
    writer = ProfileSource(profile).writer(PAGES, RandomStreams(1), 0, 0)
    engine = PagesEngine(writer, strategies.create(strategy), Encoding(PAGE_BYTES))
    for _ in range(ROUNDS):
        engine.begin_round()
        engine.end_round(engine.plan(1.0 / BYTES_PER_S) / BYTES_PER_S)
    return len(engine.stop_set())


def numpy_migration(profile: WriteProfile) -> int:
    """Do the least one would write by hand: a Bernoulli draw per page and round, no real peek.

    History as bits of a byte; a round is taken to be as long as the one before says.
    """
    rng = np.random.default_rng(1)
    classes = profile.write_classes()
    counts = np.rint(np.array([each.share for each in classes]) * PAGES).astype(int)
    counts[-1] += PAGES - counts.sum()
    rates = np.array([each.writes_per_page_s for each in classes])
    class_of = rng.permutation(np.repeat(np.arange(len(classes)), counts))
    history = np.zeros(PAGES, dtype=np.uint8)
    due = np.ones(PAGES, dtype=np.bool_)
    length_s = PAGES * PAGE_BYTES / BYTES_PER_S
    few = np.bitwise_count(np.arange(1 << HISTORY, dtype=np.uint8)) < (HISTORY + 1) // 2
    for _ in range(ROUNDS):
        dirty = rng.random(PAGES) < -np.expm1(-rates * length_s)[class_of]
        np.add(history, history, out=history)
        history |= dirty
        history &= (1 << HISTORY) - 1
        send = due & ~dirty & few[history]
        due = (due & ~send) | dirty
        length_s = max(np.count_nonzero(send), 1) * PAGE_BYTES / BYTES_PER_S
    return int(np.count_nonzero(due))


@pytest.mark.parametrize("strategy", ["history-majority", "xen-legacy", "qemu"])
@pytest.mark.parametrize("profile", PROFILES)
def test_pages_engine(benchmark, profile, strategy):
    """One migration of a 1 GiB VM, thirty rounds."""
    described = load_profiles()[profile]
    stale = benchmark.pedantic(engine_migration, (described, strategy), rounds=3, warmup_rounds=1)
    assert 0 <= stale <= PAGES


@pytest.mark.parametrize("profile", ["web", "memory-hog"])
def test_plain_numpy(benchmark, profile):
    """The same by hand, to compare with."""
    described = load_profiles()[profile]
    stale = benchmark.pedantic(numpy_migration, (described,), rounds=3, warmup_rounds=1)
    assert 0 <= stale <= PAGES


def seconds(function, *arguments) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return median(times)


def test_pages_engine_beside_plain_numpy(capsys):
    """Both, one after the other on the same machine, as a ratio."""
    rows = []
    for name in PROFILES:
        profile = load_profiles()[name]
        plain_s = seconds(numpy_migration, profile)
        for strategy in ("history-majority", "xen-legacy", "qemu"):
            engine_s = seconds(engine_migration, profile, strategy)
            rows.append(
                f"{name:14}{strategy:18}{engine_s:9.3f}{plain_s:9.3f}{engine_s / plain_s:8.2f}"
            )
    with capsys.disabled():
        print(f"\n{'profile':14}{'strategy':18}{'engine s':>9}{'numpy s':>9}{'ratio':>8}")
        print("\n".join(rows))


RUN = """
import resource, sys, time
start = time.process_time()
from cluster_emu.model import ClusterModel
imported = time.process_time()
model = ClusterModel(sys.argv[1], rng=int(sys.argv[2]))
result = model.run()
done = time.process_time()
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
count = len(result.migrations)
print(f"{imported - start:.2f} {done - imported:.2f} {peak_mb:.0f} {count}")
"""


@pytest.mark.parametrize("scenario", ["single", "cluster"])
def test_a_whole_run_in_a_process_of_its_own(scenario, capsys):
    """Wall time and peak memory of a run, import included."""
    lines = []
    for seed in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", RUN, scenario, str(seed)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        imported_s, run_s, peak_mb, count = done.stdout.split()
        lines.append(f"{scenario:10}{seed:5}{imported_s:>10}{run_s:>8}{peak_mb:>9}{count:>12}")
    with capsys.disabled():
        heads = ("seed", 5), ("import s", 10), ("run s", 8), ("peak MB", 9), ("migrations", 12)
        print("\nscenario  " + "".join(f"{head:>{width}}" for head, width in heads))
        print("\n".join(lines))
