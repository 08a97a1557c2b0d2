"""Dirty curves of libvirt's VMs: `virsh domdirtyrate-calc` with several periods, one by one.

libvirt gives a whole number of MiB/s for each period, found from a sample of the VM's pages. The
file that is written is of the form that `curve.read_curve` reads.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from cluster_emu.errors import ClusterEmuError, ScenarioError

PAGE_BYTES = 4096
MIB = 2**20
SAMPLES_PER_GIB = 512
"""Pages that QEMU looks at per GiB of memory by default."""
LEAST_PERIOD_S, MOST_PERIOD_S = 1, 60
"""What libvirt and QEMU allow."""
MEASURED = 2
"""libvirt's number for a measurement that has ended."""
PATIENCE_S = 30.0
POLL_S = 0.2


class VirshError(ClusterEmuError):
    """virsh is not there, or a command of it failed."""


def record_dirty(
    uri: str,
    domain: str,
    periods_s: Sequence[int],
    *,
    repeat: int = 1,
    progress: Callable[[float, float], None] = lambda done, total: None,
    patience_s: float = PATIENCE_S,
) -> dict[str, Any]:
    """Measure the dirty pages of a VM over several periods, one after the other.

    Args:
        uri: the hypervisor, as ``virsh --connect`` takes it.
        domain: name, id or UUID of the VM.
        periods_s: whole seconds, 1 to 60.
        repeat: how often each period is measured.
        progress: called with the seconds measured and all of them.
        patience_s: how long a measurement may take beyond its period.

    Raises:
        ScenarioError: if a period is not allowed.
        VirshError: if virsh is not there or fails.
    """
    for period_s in periods_s:
        if not LEAST_PERIOD_S <= period_s <= MOST_PERIOD_S:
            allowed = f"whole seconds from {LEAST_PERIOD_S} to {MOST_PERIOD_S}"
            raise ScenarioError("--periods", period_s, allowed)
    virsh = shutil.which("virsh")
    if virsh is None:
        raise VirshError("virsh: not found; it is part of libvirt's clients")
    command = [virsh, "--connect", uri]
    total = _memory_bytes(command, domain) // PAGE_BYTES
    sampled = min(max(total * PAGE_BYTES * SAMPLES_PER_GIB // 2**30, 1), total)
    scale = MIB / PAGE_BYTES * sampled / total
    rounds = [period_s for _ in range(repeat) for period_s in periods_s]
    dirty, steps = [], []
    for number, period_s in enumerate(rounds):
        progress(sum(rounds[:number]), sum(rounds))
        rate = _measured(command, domain, period_s, patience_s)
        dirty.append(min(rate * period_s * scale, float(sampled)))
        steps.append(period_s * scale)
    return {
        "status": "measured",
        "source": f"virsh domdirtyrate-calc {domain}",
        "page-size": PAGE_BYTES,
        "n-total-pages": total,
        "n-sampled-pages": sampled,
        "periods": [1000 * period_s for period_s in rounds],
        "n-dirty-pages": dirty,
        "dirty-resolution-pages": steps,
    }


def _virsh(command: Sequence[str], *words: str) -> str:
    try:
        done = subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VirshError(f"virsh {words[0]}: no answer in 60 s") from error
    except OSError as error:
        raise VirshError(f"virsh: {error.strerror}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
        raise VirshError(f"virsh {words[0]}: {said}")
    return done.stdout


def _memory_bytes(command: Sequence[str], domain: str) -> int:
    said = _virsh(command, "dominfo", "--domain", domain)
    found = re.search(r"^Used memory:\s*(\d+)\s*KiB", said, re.M)
    if found is None or int(found[1]) * 1024 < PAGE_BYTES:
        raise VirshError("virsh dominfo: no line 'Used memory: N KiB'")
    return int(found[1]) * 1024


def _measured(command: Sequence[str], domain: str, period_s: int, patience_s: float) -> int:
    """Return MiB dirtied per s over a period."""
    words = ("--domain", domain, "--seconds", str(period_s))
    _virsh(command, "domdirtyrate-calc", *words)
    deadline = time.monotonic() + period_s + patience_s
    while time.monotonic() < deadline:
        said = _virsh(command, "domstats", "--dirtyrate", "--domain", domain)
        stats = dict(re.findall(r"^\s*dirtyrate\.(\w+)=(-?\d+)\s*$", said, re.M))
        if int(stats.get("calc_status", 0)) == MEASURED:
            took_s = int(stats.get("calc_period", period_s))
            if took_s == period_s and "megabytes_per_second" in stats:
                return int(stats["megabytes_per_second"])
        time.sleep(POLL_S)
    raise VirshError(
        f"virsh domstats: no dirty rate {patience_s:g} s after a measurement of {period_s} s"
    )
