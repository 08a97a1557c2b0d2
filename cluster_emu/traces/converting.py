"""Traces written in the neutral form: all VMs, or some of them, and all of the time or a part."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from cluster_emu.errors import TraceError
from cluster_emu.traces.contract import Replay
from cluster_emu.traces.describing import Survey
from cluster_emu.traces.neutral import SAMPLES_FILE, VMS_FILE, SampleWriter, write_vms
from cluster_emu.traces.series import Series, series_of


def write_neutral(
    found: Survey, folder: Path, replay: Replay, only: Collection[str] | None = None
) -> tuple[int, int]:
    """Write a trace in the neutral form; it is read a second time.

    Args:
        found: what the first reading found.
        folder: where samples.parquet and vms.parquet are written.
        replay: its `from_s` and `until_s` are the part of the time that is written.
        only: names of the VMs that are written; None for all.

    Returns:
        The numbers of VMs and samples written.

    Raises:
        TraceError: naming the file and the line, if something in it is not allowed; or if there is
            no sample to write.
    """
    about = {
        "clock": found.clock,
        "format": found.trace.format.name,
        "label": found.trace.label,
        "notes": found.recording.notes,
    }
    first_s = min((vm.first_s for vm in found.vms.values()), default=0.0)
    start_s = first_s + replay.from_s if replay.from_s else -np.inf
    until_s = np.inf if replay.until_s is None else first_s + replay.until_s
    recording = found.trace.recording()
    writer = SampleWriter(folder / SAMPLES_FILE, found.quantities, about)
    rows = []
    try:
        for series in series_of(recording):
            if only is not None and series.vm not in only:
                continue
            part = series.within(start_s, until_s)
            if len(part):
                writer.write(part)
                rows.append(_row(part, recording.facts().get(series.vm, {}), found.interval_s))
    finally:
        writer.close()
    if not rows:
        where = recording.where
        raise TraceError(where, 0, "no samples to write", "a trace and a window with samples")
    write_vms(folder / VMS_FILE, rows, about)
    return len(rows), sum(row["samples"] for row in rows)


def _row(series: Series, facts: Any, interval_s: float | None) -> dict[str, Any]:
    """Return the row of one VM in the table of VMs."""
    last_s = float(series.durations_s[-1])
    if not np.isfinite(last_s):
        last_s = interval_s or 0.0
    return {
        "vm": series.vm,
        **facts,
        "first_sample_s": float(series.times_s[0]),
        "samples_end_s": float(series.times_s[-1]) + last_s,
        "samples": len(series),
    }
