"""The harness that measures migrations: its relay here, the whole where QEMU and a kernel are."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from cluster_emu.validation.qemu import read_migrations, validate_qemu
from tests.validation.qemu.test_rows import DATA

HARNESS = DATA.parent / "harness"
RATE = 4_000_000


@pytest.fixture(scope="module")
def measure():
    spec = spec_from_file_location("measure", HARNESS / "measure.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kernel():
    named = os.environ.get("CLUSTER_EMU_KERNEL")
    found = [Path(named)] if named else sorted(Path("/boot").glob("vmlinuz*"))
    return found[-1] if found else None


def test_what_is_missing_is_named(measure, monkeypatch, tmp_path):
    monkeypatch.setattr(measure.shutil, "which", lambda name: None)
    needed = "; ".join(measure.missing(tmp_path / "none"))
    for word in ("qemu-system-x86_64", "gcc", "kernel"):
        assert word in needed


def test_the_rows_have_what_validation_reads(measure, tmp_path):
    header = DATA.read_text().splitlines()[0].split(",")
    assert set(measure.COLUMNS) - set(header) == {
        *("qemu_version", "accel", "writer_age_s", "post_copy_at_s", "throttle_initial"),
        *("throttle_increment", "cache_bytes", "polls_json"),
    }


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_the_writer_is_packed_as_the_guest_s_init(measure, tmp_path):
    measure.build_initrd(tmp_path)
    archive = (tmp_path / "initrd").read_bytes()
    assert archive.startswith(b"070701")
    assert archive[110:115] == b"init\0"
    assert b"TRAILER!!!" in archive
    size = int(archive[54:62], 16)
    assert size == (tmp_path / "writer").stat().st_size


def test_the_relay_is_fair_and_as_fast_as_its_rate(tmp_path):
    """Two connections get the same rate; one that sends little leaves the rest to the other."""
    sinks, received = [], [0, 0]
    for number in range(2):
        sink = socket.socket(socket.AF_UNIX)
        sink.bind(str(tmp_path / f"to{number}"))
        sink.listen(1)
        sinks.append(sink)

    def take(number):
        end, _ = sinks[number].accept()
        while data := end.recv(65_536):
            received[number] += len(data)
        end.close()

    pairs = [f"{tmp_path / f'from{number}'}={tmp_path / f'to{number}'}" for number in range(2)]
    command = [sys.executable, HARNESS / "relay.py", str(RATE), tmp_path / "log.json", *pairs]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as relay:
        relay.stdout.readline()
        takers = [threading.Thread(target=take, args=(number,)) for number in range(2)]
        sizes, ends = (1_000_000, 3_000_000), [0.0, 0.0]

        def give(number):
            source = socket.socket(socket.AF_UNIX)
            source.connect(str(tmp_path / f"from{number}"))
            source.sendall(bytes(sizes[number]))
            source.close()
            takers[number].join()
            ends[number] = time.monotonic() - start

        for taker in takers:
            taker.start()
        start = time.monotonic()
        givers = [threading.Thread(target=give, args=(number,)) for number in range(2)]
        for giver in givers:
            giver.start()
        for giver in givers:
            giver.join()
        relay.terminate()
    for sink in sinks:
        sink.close()
    assert received == list(sizes)
    # 2 MB at half the rate each, then 2 MB more; a busy machine is slower, never faster
    assert ends[0] >= 0.8 * 2_000_000 / RATE
    assert ends[1] >= 0.9 * 4_000_000 / RATE
    assert ends[0] < ends[1]
    assert json.loads((tmp_path / "log.json").read_text())["rate"] == RATE


@pytest.mark.slow
def test_two_short_migrations_are_measured_and_emulated(measure, tmp_path):
    if needed := measure.missing(kernel()):
        pytest.skip("missing: " + "; ".join(needed))
    common = {"ram_mib": 128, "ws_pages": 4096, "alloc_pages": 8192, "rate_req": 500}
    plan = [
        {
            "link_rate": 33_554_432,
            "migrations": [
                {"id": "T1-r1a", "mode": "three", **common},
                {"id": "T1-r1b", "mode": "moving", **common, "start_s": 0.5},
            ],
        }
    ]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    out = tmp_path / "rows.csv"
    command = [sys.executable, HARNESS / "measure.py", "--kernel", kernel(), "--out", out]
    subprocess.run([*command, tmp_path / "plan.json"], check=True, timeout=600)
    rows = read_migrations(out)
    assert [one.mode for one in rows] == ["concurrent", "concurrent"]
    assert all(one.outcome.converged for one in rows)
    for one in validate_qemu(out, seeds=1).comparisons:
        measured, emulated = one.measured.outcome, one.emulated
        assert emulated.transferred_bytes == pytest.approx(measured.transferred_bytes, rel=0.1)
