"""A day of PlanetLab traces by CloudSim's rules, beside CloudSim's own figures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from cluster_emu.errors import ScenarioError, TraceError
from cluster_emu.traces import DemandTraces
from cluster_emu.traces.formats.planetlab import read_planetlab
from cluster_emu.validation.cloudsim._kernels import Floats
from cluster_emu.validation.cloudsim.day import HOSTS, CloudSimDay, simulate_day
from cluster_emu.validation.cloudsim.policies import policy_named
from cluster_emu.validation.cloudsim.published import (
    PublishedFigures,
    published_figures,
    traces_digest,
)
from cluster_emu.validation.cloudsim.quirks import Quirks

SAMPLES = 288
"""Samples that CloudSim reads of each file: a day."""

ORDERS = ("upper", "sorted")


@dataclass(frozen=True, slots=True)
class CloudSimAgreement:
    """A day and, where CloudSim 4.0 was run on the same traces, its figures.

    Args:
        day: our figures.
        published: CloudSim's; None where it was not run on these traces and hosts.
        traces: number of traces, and so of VMs.
        hosts: number of hosts.
        order: order of the traces.
        traces_sha256: digest of the traces in this order, see `traces_digest`.
    """

    day: CloudSimDay
    published: PublishedFigures | None
    traces: int
    hosts: int
    order: str
    traces_sha256: str

    def document(self) -> dict[str, Any]:
        """Return all figures without the events; CloudSim's are under "cloudsim_4_0"."""
        names = [field.name for field in fields(self.day) if field.name != "events"]
        return {
            **{name: getattr(self.day, name) for name in names},
            "traces": self.traces,
            "hosts": self.hosts,
            "order": self.order,
            "traces_sha256": self.traces_sha256,
            "cloudsim_4_0": self.published.model_dump(exclude_none=True)
            if self.published
            else None,
        }

    def rows(self) -> list[tuple[str, float, float | None]]:
        """Return name, our figure and CloudSim's, for each figure that it has, too."""
        return [
            (name, getattr(self.day, name), getattr(self.published, name, None))
            for name in PublishedFigures.model_fields
        ]


def validate_cloudsim(
    folder: Path,
    policy: str,
    *,
    hosts: int = HOSTS,
    order: str = "upper",
    limit: int | None = None,
    quirks: Quirks | None = None,
) -> CloudSimAgreement:
    """Run a folder of PlanetLab traces through CloudSim's benchmark, a VM per file.

    Args:
        folder: one file per VM, a whole number from 0 to 100 per line. The first 288 lines count.
        policy: a name of `POLICIES`.
        hosts: number of hosts.
        order: order of the VMs: by file name in upper case, which gives CloudSim's published
            figures, or by file name in byte order.
        limit: take the first so many traces; all by default.
        quirks: CloudSim's oddities; all by default.

    Raises:
        TraceError: naming the file and the line, if a trace cannot be used.
        UnknownNameError: if there is no such policy.
        ScenarioError: if another argument is not allowed, or the VMs do not fit on the hosts.
    """
    policy_named(policy)  # before the traces are read
    if order not in ORDERS:
        raise ScenarioError("order", order, f"one of {', '.join(ORDERS)}")
    samples = ordered_samples(read_planetlab(folder), folder, order)
    if limit is not None and not 1 <= limit <= len(samples):
        allowed = f"a whole number from 1 to {len(samples)}, the number of traces"
        raise ScenarioError("limit", limit, allowed)
    samples = samples[:limit]
    digest = traces_digest(samples)
    day = simulate_day(samples, policy, hosts=hosts, quirks=quirks)
    published = published_figures(digest, hosts, policy) if quirks in (None, Quirks()) else None
    return CloudSimAgreement(day, published, len(samples), hosts, order, digest)


def ordered_samples(traces: DemandTraces, folder: Path, order: str) -> Floats:
    """Return the first 288 samples of each trace in an order, shape [traces, 288].

    Raises:
        TraceError: if a trace is shorter.
    """
    for name, count in zip(traces.names, traces.sample_counts.tolist(), strict=True):
        if count < SAMPLES:
            wanted = f"a whole number from 0 to 100 in each of {SAMPLES} lines"
            raise TraceError(folder / name, count + 1, "end of the file", wanted)
    numbers = list(range(traces.trace_count))
    if order == "upper":
        numbers.sort(key=lambda number: traces.names[number].upper())
    return np.ascontiguousarray(traces.values[numbers, :SAMPLES])
