"""The samples of one VM after the other, in order of time, from files in any order.

Where the rows of a VM do not come together, duckdb sorts them on disk, so that a trace need not fit
in memory. The rules, all counted: rows are put in order of time; of several rows of a VM with one
time the last one in the files counts.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cluster_emu.errors import TraceError
from cluster_emu.traces.recording import QUANTITIES, Recording

SORT_MEMORY = "192MiB"
"""Memory in which duckdb sorts; what needs more is on disk meanwhile."""
BATCH_ROWS = 2**16

Floats = NDArray[np.float64]

OUT_OF_ORDER = "rows out of order, put in order"
DUPLICATES = "rows with the time of another row of their VM, of which the last one counts"


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one VM in order of time.

    Args:
        vm: its name.
        times_s: when each sample begins, increasing, shape [samples].
        durations_s: how long each is said to last; NaN where the trace does not say, same shape.
        quantities: what was measured, by column of `QUANTITIES`; NaN where it is missing.
    """

    vm: str
    times_s: Floats
    durations_s: Floats
    quantities: Mapping[str, Floats]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.times_s)

    def within(self, start_s: float, end_s: float) -> Series:
        """Return the samples that begin from `start_s` on and before `end_s`."""
        low, high = np.searchsorted(self.times_s, [start_s, end_s])
        return Series(
            self.vm,
            self.times_s[low:high],
            self.durations_s[low:high],
            {name: values[low:high] for name, values in self.quantities.items()},
        )


def series_of(recording: Recording) -> Iterator[Series]:
    """Yield the samples of every VM; what was put right is added to the recording's tally.

    VMs come in the order in which the files name them first.
    """
    groups = _consecutive_groups(recording) if recording.grouped else _sorted_groups(recording)
    for vm, table in groups:
        yield _in_order(vm, table, recording)


def _consecutive_groups(recording: Recording) -> Iterator[tuple[str, Any]]:
    held: list[Any] = []
    seen: set[str] = set()
    vm = ""
    for batch in recording.samples:
        for name, part in _split(batch):
            if held and name != vm:
                yield vm, pa.Table.from_batches(held)
                held = []
            if not held and name in seen:
                found = f"samples of VM {name} in several places"
                raise TraceError(recording.where, 0, found, "all samples of a VM together")
            vm = name
            seen.add(vm)
            held.append(part)
    if held:
        yield vm, pa.Table.from_batches(held)


def _split(batch: Any) -> Iterator[tuple[str, Any]]:
    """Yield the runs of rows of one VM, without the column of the VM."""
    if not batch.num_rows:
        return
    vms = batch.column("vm")
    if not pa.types.is_dictionary(vms.type):
        vms = vms.dictionary_encode()
    codes = vms.indices.to_numpy()
    rest = batch.drop_columns(["vm"])
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    start = 0
    for end in ends:
        yield vms.dictionary[int(codes[start])].as_py(), rest.slice(start, end - start)
        start = end


def _sorted_groups(recording: Recording) -> Iterator[tuple[str, Any]]:
    """Sort by VM on disk; a VM's rows stay in the order of the files."""
    import duckdb

    codes: dict[str, int] = {}
    raised: list[BaseException] = []

    def coded() -> Iterator[Any]:
        first = 0
        try:
            for batch in recording.samples:
                yield _coded(batch, codes, first)
                first += batch.num_rows
        except BaseException as error:  # duckdb would wrap it in its own
            raised.append(error)
            raise

    batches = coded()
    first = next(batches, None)
    if first is None:
        return

    def all_batches() -> Iterator[Any]:
        yield first
        yield from batches

    rows = pa.RecordBatchReader.from_batches(first.schema, all_batches())
    with (
        tempfile.TemporaryDirectory(prefix="cluster-emu-") as folder,
        duckdb.connect(
            config={"memory_limit": SORT_MEMORY, "temp_directory": folder, "threads": 2}
        ) as connection,
    ):
        connection.register("samples", rows)
        try:
            ordered = connection.sql("SELECT * FROM samples ORDER BY code, seq")
            yield from _by_code(ordered.to_arrow_reader(BATCH_ROWS), list(codes))
        except duckdb.Error:
            if raised:
                raise raised[0] from None
            raise


def _coded(batch: Any, codes: dict[str, int], first: int) -> Any:
    """Return a batch with a whole number for its VM and its place in the files."""
    vms = batch.column("vm")
    if not pa.types.is_dictionary(vms.type):
        vms = vms.dictionary_encode()
    known = [codes.setdefault(name, len(codes)) for name in vms.dictionary.to_pylist()]
    code = np.array(known, dtype=np.int64)[vms.indices.to_numpy()]
    seq = np.arange(first, first + batch.num_rows)
    arrays = [pa.array(code), pa.array(seq), *(c for c in batch.drop_columns(["vm"]).columns)]
    names = ["code", "seq", *(name for name in batch.schema.names if name != "vm")]
    return pa.RecordBatch.from_arrays(arrays, names)


def _by_code(batches: Iterator[Any], names: list[str]) -> Iterator[tuple[str, Any]]:
    held: list[Any] = []
    at = -1
    for batch in batches:
        codes = batch.column("code").to_numpy()
        rest = batch.drop_columns(["code", "seq"])
        start = 0
        for end in [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]:
            code = int(codes[start]) if len(codes) else at
            if held and code != at:
                yield names[at], pa.Table.from_batches(held)
                held = []
            at = code
            held.append(rest.slice(start, end - start))
            start = end
    if held:
        yield names[at], pa.Table.from_batches(held)


def _in_order(vm: str, table: Any, recording: Recording) -> Series:
    columns = {
        name: table.column(name).to_numpy().astype(np.float64, copy=False)
        for name in table.schema.names
    }
    durations_s = columns.pop("duration_s", None)
    if durations_s is None:
        durations_s = np.full(table.num_rows, np.nan)
    if recording.consecutive:
        start_s = float(recording.facts().get(vm, {}).get("start_s", 0.0))
        times_s = start_s + np.concatenate([[0.0], np.cumsum(durations_s[:-1])])
    else:
        times_s = columns.pop("time_s")
    quantities = {name: values for name, values in columns.items() if name in QUANTITIES}
    late = times_s < np.maximum.accumulate(times_s)
    if not late.any() and (np.diff(times_s) > 0.0).all():
        return Series(vm, times_s, durations_s, quantities)
    order = np.argsort(times_s, kind="stable")
    is_last = np.append(np.diff(times_s[order]) > 0.0, True)
    kept = order[is_last]
    tally = Counter({OUT_OF_ORDER: int(late.sum()), DUPLICATES: int((~is_last).sum())})
    recording.tally.update(+tally)
    return Series(
        vm,
        times_s[kept],
        durations_s[kept],
        {name: values[kept] for name, values in quantities.items()},
    )
