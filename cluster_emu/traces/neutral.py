"""The one form into which every trace can be converted: two Parquet files in a folder.

`samples.parquet` has one row per sample, VM after VM in order of time: vm, time_s, duration_s, and
those of `QUANTITIES` that the trace has. `vms.parquet` has one row per VM: vm, the columns of
`FACTS`, when its samples begin and end (`first_sample_s`, `samples_end_s`), and their number
(`samples`). `start_s` and `end_s` are null where the trace does not state the lifetime of a VM.
Both say in their metadata what times are counted from and where they come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.traces.recording import FACTS, QUANTITIES
from cluster_emu.traces.series import Series

SAMPLES_FILE = "samples.parquet"
VMS_FILE = "vms.parquet"
METADATA = b"cluster_emu_trace"
VERSION = 1
GROUP_ROWS = 2**17
"""Rows that are written together."""


def metadata(about: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return what the schema of both files says: the version of the form, and `about`."""
    return {METADATA: json.dumps({"version": VERSION, **about}, sort_keys=True).encode()}


class SampleWriter:
    """Writes samples, VM after VM, in groups of rows.

    Args:
        path: the file.
        quantities: the columns that any VM may have.
        about: what the metadata says.
    """

    def __init__(self, path: Path, quantities: Iterable[str], about: Mapping[str, Any]) -> None:
        self.quantities = [name for name in QUANTITIES if name in set(quantities)]
        numbers = [(name, pa.float64()) for name in ("time_s", "duration_s", *self.quantities)]
        fields = [("vm", pa.dictionary(pa.int32(), pa.string())), *numbers]
        self._schema = pa.schema(fields, metadata(about))
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._held: list[Series] = []
        self._rows = 0

    def write(self, series: Series) -> None:
        """Write the samples of one VM."""
        self._held.append(series)
        self._rows += len(series)
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what is held and end the file."""
        if self._held:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        held = self._held
        codes = np.repeat(np.arange(len(held), dtype=np.int32), [len(each) for each in held])
        vms = pa.DictionaryArray.from_arrays(codes, pa.array([each.vm for each in held]))
        columns = [
            np.concatenate([each.times_s for each in held]),
            np.concatenate([each.durations_s for each in held]),
        ]
        for name in self.quantities:
            parts = [each.quantities.get(name, np.full(len(each), np.nan)) for each in held]
            columns.append(np.concatenate(parts))
        arrays = [pa.array(column, pa.float64(), from_pandas=True) for column in columns]
        self._writer.write_table(pa.Table.from_arrays([vms, *arrays], schema=self._schema))
        self._held, self._rows = [], 0


def write_vms(path: Path, rows: list[dict[str, Any]], about: Mapping[str, Any]) -> None:
    """Write the table of VMs.

    Args:
        path: the file.
        rows: one per VM, with vm, some of `FACTS`, first_sample_s, samples_end_s and samples.
        about: what the metadata says.
    """
    fields = [(name, kind) for name, (kind, _) in FACTS.items()]
    schema = pa.schema(
        [
            ("vm", pa.string()),
            *fields,
            ("first_sample_s", pa.float64()),
            ("samples_end_s", pa.float64()),
            ("samples", pa.int64()),
        ],
        metadata(about),
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
