"""The package's own traces, for scenarios that name none."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.formats.planetlab import PlanetLabReader
from cluster_emu.traces.replay import demand_traces


@cache  # every run of a study needs them, and they are read-only
def own_traces() -> DemandTraces:
    """Return the made-up traces shipped with the package (written by tools/make_traces.py)."""
    folder = files("cluster_emu.traces") / "own_day"
    reader = PlanetLabReader()
    found = trace_at([folder], reader, label="cluster_emu's own made-up traces")
    return demand_traces(found, reader)
