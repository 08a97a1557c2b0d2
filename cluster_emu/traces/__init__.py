"""Recorded workloads: traces in files of many formats, as samples of VMs and as CPU demand."""

from cluster_emu.traces.contract import Replay, TraceFormat, TraceReader, trace_readers
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.traces.files import TraceFile
from cluster_emu.traces.recording import FACTS, QUANTITIES, Recording, samples_batch

__all__ = [
    "FACTS",
    "QUANTITIES",
    "DemandTraces",
    "Recording",
    "Replay",
    "TraceFile",
    "TraceFormat",
    "TraceReader",
    "samples_batch",
    "trace_readers",
]
