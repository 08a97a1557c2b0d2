"""Traces in the neutral form, which `cluster-emu trace convert` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic.dataclasses import dataclass

from cluster_emu.traces.contract import Roles, trace_readers
from cluster_emu.traces.detection import SAMPLES
from cluster_emu.traces.files import TraceFile, numbered
from cluster_emu.traces.neutral import METADATA, VERSION
from cluster_emu.traces.recorded_format import RecordedFormat
from cluster_emu.traces.recording import FACTS, QUANTITIES, Recording, samples_batch
from cluster_emu.traces.rows import Column, parquet_rows

VMS = "vms"
_TEXTS = [name for name, (kind, _) in FACTS.items() if kind == pa.string()]
_NUMBERS = [name for name in FACTS if name not in _TEXTS]
SAMPLE_COLUMNS = (
    Column("vm", "text"),
    Column("time_s", least=-1e13, most=1e13),
    Column("duration_s", least=0, optional=True),
    *(Column(name, least=0, optional=True) for name in QUANTITIES),
)
VM_COLUMNS = (
    Column("vm", "text"),
    *(Column(name, optional=True) for name in _NUMBERS),
    *(Column(name, "text", optional=True) for name in _TEXTS),
)


@trace_readers.register("neutral")
@dataclass(frozen=True, kw_only=True)
class NeutralReader(RecordedFormat):
    """The neutral form: samples.parquet and vms.parquet."""

    name: ClassVar[str] = "neutral"
    title: ClassVar[str] = "neutral form"
    summary: ClassVar[str] = "what cluster-emu trace convert writes: samples and vms in Parquet"
    source: ClassVar[str] = "docs/traces.md"

    def role(self, file: TraceFile) -> str | None:
        """Return "samples" or "vms", by the metadata and the columns."""
        schema = file.parquet_schema
        if schema is None or METADATA not in (schema.metadata or {}):
            return None
        return SAMPLES if "time_s" in schema.names else VMS

    def recording(self, files: Roles) -> Recording:
        """Begin to read the files."""
        facts: dict[str, dict[str, Any]] = {}
        one_file = len(files.get(SAMPLES, ())) == 1
        recording = Recording((), grouped=one_file, facts=lambda: facts)

        def samples() -> Iterator[Any]:
            for file in files.get(VMS, ()):
                self._note_vms(file, facts)
            yield from _samples(sorted(files.get(SAMPLES, ()), key=numbered))

        recording.samples = samples()
        for file in files.get(SAMPLES, ()):
            recording.clock = _checked(file)["clock"]
        return recording

    def _note_vms(self, file: TraceFile, facts: dict[str, dict[str, Any]]) -> None:
        for rows in parquet_rows(file, VM_COLUMNS, may_lack=FACTS):
            there = [name for name in FACTS if name in rows.table.schema.names]
            columns = [
                rows.texts(name).to_pylist() if name in _TEXTS else rows.numbers(name).tolist()
                for name in there
            ]
            values = zip(*columns, strict=True)
            for vm, row in zip(rows.texts("vm").to_pylist(), values, strict=True):
                pairs = zip(there, row, strict=True)
                facts[vm] = {
                    name: value
                    for name, value in pairs
                    if value is not None and not (isinstance(value, float) and np.isnan(value))
                }


def _checked(file: TraceFile) -> dict[str, Any]:
    """Return what a file of the neutral form says of itself.

    Raises:
        TraceError: if its metadata cannot be read, or it is of another version.
    """
    try:
        found: dict[str, Any] = json.loads(file.parquet_schema.metadata[METADATA])
        version, clock = found["version"], found["clock"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise file.error(0, str(error), "the neutral form of a trace") from error
    if version != VERSION or clock not in ("unix", "trace"):
        wanted = f"the neutral form of version {VERSION}, with a clock"
        raise file.error(0, f"version {version}, clock {clock}", wanted)
    return found


def _samples(files: Sequence[TraceFile]) -> Iterator[Any]:
    names = {name for file in files for name in file.column_names}
    wanted = [name for name in ("time_s", "duration_s", *QUANTITIES) if name in names]
    for file in files:
        for rows in parquet_rows(file, SAMPLE_COLUMNS, may_lack=("duration_s", *QUANTITIES)):
            there = rows.table.schema.names
            missing = np.full(len(rows.lines), np.nan)
            columns = {name: rows.numbers(name) if name in there else missing for name in wanted}
            yield samples_batch(rows.texts("vm").dictionary_encode(), **columns)
