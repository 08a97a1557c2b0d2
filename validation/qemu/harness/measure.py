"""Measure live migrations between QEMU processes on this machine, over loopback sockets only.

    python measure.py --kernel VMLINUZ --out rows.csv PLAN.json

PLAN.json is a list of groups; the migrations of a group run together over one link:

    [{"link_rate": 16777216, "migrations": [
        {"id": "U1-r1", "mode": "uniform", "ram_mib": 128, "ws_pages": 8192, "alloc_pages": 16384,
         "rate_req": 1000, "downtime_limit_ms": 300, "start_s": 0.0}]}]

Without "link_rate" the sockets are not limited and "max_bandwidth" (byte/s) is. Further keys:
"capabilities" ("", "auto-converge", "postcopy-ram", "xbzrle"), "post_copy_at_s",
"throttle_initial", "throttle_increment", "cache_bytes", "hot_frac", "hot_share", "heavy",
"cancel_after_s". Rows are those of `cluster-emu validate qemu`, with the settings in columns.
Only processes that were started here are ended, and nothing but Unix sockets in a temporary
folder is listened on. With /dev/kvm writable, `--accel kvm` measures that instead of TCG.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
QEMU = "qemu-system-x86_64"
POLL_S = 0.02
READY_S = 180.0
_COLUMNS = """
id group cfg rep ram_mib ws_pages alloc_pages mode hot_frac hot_share rate_req rate_pre rate_during
dirtied_words_heavy regime max_bandwidth link_rate n_concurrent downtime_limit_ms capabilities
status converged total_time_ms downtime_ms blackout_ms setup_ms rounds ram_total_bytes
transferred_bytes duplicate_pages normal_pages page_size cancel_after_ms load1 start_epoch note
qemu_version accel writer_age_s post_copy_at_s throttle_initial throttle_increment cache_bytes
polls_json
"""
COLUMNS = _COLUMNS.split()
"""What `validate qemu` reads, and the settings that shipped rows lack."""


def missing(kernel: Path | None) -> list[str]:
    """Return what a measurement needs and this machine does not have, in words."""
    needed = []
    if shutil.which(QEMU) is None:
        needed.append(f"{QEMU} on the PATH (Debian: qemu-system-x86)")
    if shutil.which("gcc") is None:
        needed.append("gcc, and a static C library, for the guest's writer")
    if kernel is None or not kernel.is_file():
        needed.append("a Linux kernel image with a serial console (--kernel /boot/vmlinuz-...)")
    return needed


class Monitor:
    """QEMU's machine protocol (QMP) over a Unix socket; events are kept with their times."""

    def __init__(self, path: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._socket = socket.socket(socket.AF_UNIX)
        _until(lambda: path.exists(), 20.0, f"QEMU made no socket {path}")
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r")
        self._next()
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Run a command; return its result."""
        request = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._next()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")

    def _next(self) -> dict[str, Any]:
        found = json.loads(self._lines.readline())
        if "event" in found:
            self.events.append(found)
        return found

    def event_s(self, name: str) -> float:
        """Return the time of the last event of a name, in seconds of the wall clock."""
        self("query-status")  # events that have come are read on the way
        times = [
            one["timestamp"]["seconds"] + one["timestamp"]["microseconds"] / 1e6
            for one in self.events
            if one["event"] == name
        ]
        return times[-1] if times else float("nan")


class Guest:
    """Two QEMU processes: the one in which a guest runs, and the one that it migrates to."""

    def __init__(self, plan: dict[str, Any], folder: Path, kernel: Path, accel: str) -> None:
        self.plan, self.name = plan, str(plan["id"])
        self.folder = folder / self.name
        self.folder.mkdir()
        self._processes = []
        self._accel, self._kernel = accel, kernel
        self.target_socket = self.folder / "in"
        self.console = self.folder / "console"
        options = " ".join(
            f"d.{key}={plan[name]}"
            for key, name in (
                ("mode", "mode"),
                ("w", "ws_pages"),
                ("alloc", "alloc_pages"),
                ("rate", "rate_req"),
                ("hotfrac", "hot_frac"),
                ("hotshare", "hot_share"),
                ("heavy", "heavy"),
                ("spin", "spin"),
            )
            if name in plan
        )
        self._append = f"console=ttyS0 quiet panic=-1 no_timer_check {options}"
        self.source = self._boot("source", [])
        incoming = ["-incoming", f"unix:{self.target_socket}"]
        self.target = self._boot("target", incoming)
        self.ready_s = self._wait_for_writer()

    def _boot(self, name: str, more: list[str]) -> Monitor:
        path = self.folder / f"{name}.qmp"
        # with TCG, RAM that is no multiple of 256 KiB: QEMU 7.2 loses dirty bits otherwise
        kib = int(self.plan["ram_mib"]) * 1024 + (8 if self._accel == "tcg" else 0)
        command = [
            *(QEMU, "-M", "pc", "-accel", self._accel, "-m", f"{kib}k", "-smp", "1"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(self._kernel), "-initrd", str(self.folder.parent / "initrd")),
            *("-append", self._append, "-qmp", f"unix:{path},server=on,wait=off"),
            *("-serial", f"file:{self.console}.{name}", *more),
        ]
        self._processes.append(subprocess.Popen(command))
        return Monitor(path)

    def lines(self, name: str) -> list[str]:
        """Return what the guest has printed at one side."""
        path = Path(f"{self.console}.{name}")
        return path.read_text("ascii", "replace").splitlines() if path.exists() else []

    def _wait_for_writer(self) -> float:
        def is_ready() -> bool:
            return any(line.startswith("READY") for line in self.lines("source"))

        _until(is_ready, READY_S, f"{self.name}: the guest's writer did not start")
        return time.time()

    def writes_per_s(self, since: int = 0) -> float:
        """Return the writes per second that the guest has printed, from one of its lines on."""
        ticks = [line.split() for line in self.lines("source") if line.startswith("T ")][since:]
        spent_ms = sum(float(tick[3]) for tick in ticks)
        return sum(int(tick[2]) for tick in ticks) / spent_ms * 1000 if spent_ms else 0.0

    def close(self) -> None:
        """End both processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def migrate(guest: Guest, through: Path, link_rate: float | None, together: int) -> dict[str, Any]:
    """Migrate a guest and return its row."""
    plan, source, target = guest.plan, guest.source, guest.target
    capability = plan.get("capabilities", "")
    if capability:
        for side in (source, target):
            enabled = [{"capability": capability, "state": True}]
            side("migrate-set-capabilities", capabilities=enabled)
    parameters: dict[str, Any] = {
        "downtime-limit": plan.get("downtime_limit_ms", 300),
        "max-bandwidth": plan.get("max_bandwidth", 2**30),
    }
    optional = {
        "throttle_initial": "cpu-throttle-initial",
        "throttle_increment": "cpu-throttle-increment",
        "cache_bytes": "xbzrle-cache-size",
    }
    parameters |= {name: plan[key] for key, name in optional.items() if key in plan}
    source("migrate-set-parameters", **parameters)
    before = guest.writes_per_s()
    ticks = sum(line.startswith("T ") for line in guest.lines("source"))
    start_s = time.time()
    source("migrate", uri=f"unix:{through}")
    switch_s, cancel_s = plan.get("post_copy_at_s"), plan.get("cancel_after_s", 300.0)
    polls: list[list[float]] = []
    while True:
        found = source("query-migrate")
        ram, elapsed_s = found.get("ram", {}), time.time() - start_s
        if ram:
            figures = (ram["dirty-sync-count"], ram["remaining"], ram["transferred"])
            polls.append([round(elapsed_s, 3), *figures])
        if found.get("status") in ("completed", "failed", "cancelled"):
            break
        if switch_s is not None and elapsed_s >= switch_s:
            source("migrate-start-postcopy")
            switch_s = None
        if elapsed_s > cancel_s:
            source("migrate_cancel")
        time.sleep(POLL_S)
    time.sleep(0.2)  # QEMU fills in the times shortly after it has completed
    found = {**found, **source("query-migrate")}
    converged = found["status"] == "completed"
    ram = found.get("ram", {})
    blackout_s = target.event_s("RESUME") - source.event_s("STOP") if converged else float("nan")
    version = source("query-version")["qemu"]
    noted = [f"qemu {version['major']}.{version['minor']}.{version['micro']}"]
    if plan.get("post_copy_at_s") is not None:
        noted.append(f"post-copy asked for at {plan['post_copy_at_s']:.3f} s")
    noted += [f"{name}={plan[key]}" for key, name in optional.items() if key in plan]
    return {
        **plan,
        "group": plan.get("group", plan["mode"]),
        "cfg": guest.name.split("-")[0],
        "rep": 1,
        "rate_pre": round(before, 1),
        "rate_during": round(guest.writes_per_s(ticks), 1),
        "dirtied_words_heavy": plan.get("heavy", 0),
        "regime": "cap" if link_rate is None else "link",
        "max_bandwidth": parameters["max-bandwidth"],
        "link_rate": link_rate or "",
        "n_concurrent": together,
        "downtime_limit_ms": parameters["downtime-limit"],
        "capabilities": capability,
        "status": found["status"],
        "converged": int(converged),
        "total_time_ms": found.get("total-time", round(1000 * elapsed_s, 1)),
        "downtime_ms": found.get("downtime", ""),
        "blackout_ms": round(1000 * blackout_s, 2) if converged else "",
        "setup_ms": found.get("setup-time", 0),
        "rounds": ram.get("dirty-sync-count", polls[-1][1] if polls else 1),
        "ram_total_bytes": ram.get("total", int(plan["ram_mib"]) * 2**20),
        "transferred_bytes": ram.get("transferred", polls[-1][3] if polls else 0),
        "duplicate_pages": ram.get("duplicate", 0),
        "normal_pages": ram.get("normal", 0),
        "page_size": 4096,
        "cancel_after_ms": "" if converged else round(1000 * cancel_s),
        "load1": os.getloadavg()[0],
        "start_epoch": round(start_s, 3),
        "note": "; ".join(noted),
        "qemu_version": noted[0],
        "accel": guest._accel,
        "writer_age_s": round(start_s - guest.ready_s, 3),
        "polls_json": json.dumps(polls),
    }


def measure(group: dict[str, Any], folder: Path, kernel: Path, accel: str) -> list[dict[str, Any]]:
    """Run the migrations of a group together; return their rows."""
    plans, rate = group["migrations"], group.get("link_rate")
    guests: list[Guest] = []
    relay = None
    try:
        guests += [Guest(plan, folder, kernel, accel) for plan in plans]
        ways = [guest.target_socket for guest in guests]
        if rate is not None:
            ways = [guest.folder / "out" for guest in guests]
            pairs = [f"{guest.folder / 'out'}={guest.target_socket}" for guest in guests]
            relay_command = [sys.executable, HERE / "relay.py", str(rate), folder / "relay.json"]
            relay = subprocess.Popen([*relay_command, *pairs], stdout=subprocess.PIPE)
            assert relay.stdout is not None
            relay.stdout.readline()
        time.sleep(2.5)  # the guests print their rates before they migrate
        rows: dict[str, dict[str, Any]] = {}

        def run(guest: Guest, way: Path) -> None:
            time.sleep(float(guest.plan.get("start_s", 0.0)))
            rows[guest.name] = migrate(guest, way, rate, len(guests))

        threads = [
            threading.Thread(target=run, args=each) for each in zip(guests, ways, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [rows[guest.name] for guest in guests if guest.name in rows]
    finally:
        for guest in guests:
            guest.close()
        if relay is not None:
            relay.terminate()
            relay.wait(10)


def build_initrd(folder: Path) -> None:
    """Compile the writer and pack it as the only file of an initial RAM disk."""
    writer = folder / "writer"
    command = ["gcc", "-O2", "-static", "-w", "-o", writer, HERE / "writer.c", "-lm"]
    subprocess.run(command, check=True)
    archive = bytearray()
    for number, (name, mode, data) in enumerate(
        (("init", 0o100755, writer.read_bytes()), ("TRAILER!!!", 0, b"")), start=1
    ):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        archive += b"070701" + "".join(f"{field:08X}" for field in fields).encode()
        archive += name.encode() + b"\0"
        archive += bytes(-len(archive) % 4)
        archive += data
        archive += bytes(-len(archive) % 4)
    (folder / "initrd").write_bytes(archive)


def _until(is_so: Any, longest_s: float, otherwise: str) -> None:
    end_s = time.monotonic() + longest_s
    while not is_so():
        if time.monotonic() > end_s:
            raise RuntimeError(otherwise)
        time.sleep(0.02)


def main() -> None:
    """Measure a plan and write its rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("--kernel", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--accel", choices=("tcg", "kvm"), default="tcg")
    arguments = parser.parse_args()
    if needed := missing(arguments.kernel):
        parser.error("missing: " + "; ".join(needed))
    groups = json.loads(arguments.plan.read_text())
    with tempfile.TemporaryDirectory(prefix="qemu-") as name:
        folder = Path(name)
        build_initrd(folder)
        rows = [
            row
            for group in groups
            for row in measure(group, folder, arguments.kernel, arguments.accel)
        ]
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
