"""Migrations in the scalar model compared with another simulator's, case by case."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cluster_emu.errors import ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.input_files import MOST_JSON_BYTES, read_input
from cluster_emu.json_input import check_keys
from cluster_emu.memory.base import FaultCosts, MemoryEngine, PostCopyMemory
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.network import FluidLoop
from cluster_emu.numerals import LEAST, MOST
from cluster_emu.strategies.pre_copy import PreCopy
from cluster_emu.transfer.flow import MigrationFlowGroup
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import MigrationRecord, Phase
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.transfer.stop_rules import DowntimeLimit, StopRuleController

Amount = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, ge=LEAST, le=MOST, allow_inf_nan=False)]

PAGE_BYTES = 4096
MOST_ROUNDS = 1_000
"""Live rounds after which a migration counts as one that never ends."""


class GivenVM(BaseModel):
    """A VM's migration in another simulator; bytes, byte/s and seconds.

    The field names are those of the file: `cap` is the bandwidth limit, `ws` the working set. The
    last ones say what it is, and are not compared.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    start: Amount
    ram: Positive
    cap: Positive
    dirty_rate: Amount
    ws: Amount
    links: tuple[Annotated[int, Field(ge=0)], ...]
    total: Amount
    downtime: Amount
    id: str = ""
    src: str = ""
    dst: str = ""
    rounds: Amount = 0
    bytes: Amount = 0


class GivenCase(BaseModel):
    """Simultaneous migrations over links of given capacities (`caps`), byte/s."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str
    note: str = ""
    caps: tuple[Positive, ...]
    vms: Annotated[tuple[GivenVM, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known_links(self) -> GivenCase:
        for vm in self.vms:
            if any(link >= len(self.caps) for link in vm.links):
                raise ValueError(f"links below {len(self.caps)}, the number of caps")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    meta: dict[str, Any] = {}
    cases: Annotated[tuple[GivenCase, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class ScalarAgreement:
    """How well the scalar model agrees with given results.

    Args:
        table: one row per VM: case, vm, total_time_s and downtime_s, ours and theirs.
    """

    table: pd.DataFrame

    @property
    def total_time_max_rel(self) -> float:
        """Largest difference in total time, relative to theirs."""
        ours, theirs = self.table["total_time_s"], self.table["given_total_time_s"]
        return float((np.abs(ours - theirs) / theirs).max())

    @property
    def downtime_max_abs_s(self) -> float:
        """Largest difference in downtime, in seconds."""
        return float(np.abs(self.table["downtime_s"] - self.table["given_downtime_s"]).max())

    def document(self) -> dict[str, float | int]:
        """Return the comparison in three figures."""
        return {
            "n": len(self.table),
            "total_time_max_rel": self.total_time_max_rel,
            "downtime_max_abs_s": self.downtime_max_abs_s,
        }


def validate_scalar(path: Path) -> ScalarAgreement:
    """Run the cases of a JSON file through our migrations in the scalar model.

    The protocol is that of SimGrid's plug-in: a round sends all memory, each further round what was
    dirtied in the one before, until the rest takes at most 30 ms at the rate of the last round.

    Args:
        path: ``{"cases": [{"id", "caps": [...], "vms": [{"start", "ram", "cap", "dirty_rate", "ws",
            "links", "total", "downtime"}, ...]}, ...]}``; bytes, byte/s and seconds. A VM may also
            have "id", "src", "dst", "rounds" and "bytes", a case a "note", and the file a "meta".

    Raises:
        ScenarioError: if the file cannot be read, a field is not allowed, or a migration does not
            end.
    """
    try:
        content = read_input(path, MOST_JSON_BYTES).removeprefix(BOM_UTF8)
        check_keys(content, path)
        given = _File.model_validate_json(content)
    except OSError as error:
        raise ScenarioError("file", str(path), f"a readable file ({error.strerror})") from error
    except ValidationError as error:
        raise from_validation(error, _File).at(file=path) from error
    try:
        rows = [row for case in given.cases for row in _rows(case)]
    except ScenarioError as error:
        raise error.at(file=path) from error
    return ScalarAgreement(pd.DataFrame(rows))


def _rows(case: GivenCase) -> Iterator[dict[str, float | int | str]]:
    """Run a case; yield a row per VM."""
    loop = FluidLoop(case.caps)
    flow_group = MigrationFlowGroup(loop)
    records = [_record(number) for number in range(len(case.vms))]
    for number, (vm, record) in enumerate(zip(case.vms, records, strict=True)):
        place = f"cases.{case.id}.vms.{number}"
        loop.call_at(vm.start, partial(_start, vm, place, record, flow_group))
    loop.run()
    for vm, record in zip(case.vms, records, strict=True):
        yield {
            "case": case.id,
            "vm": record.vm,
            "total_time_s": record.total_time_s,
            "downtime_s": record.downtime_s,
            "given_total_time_s": vm.total,
            "given_downtime_s": vm.downtime,
        }


def _record(number: int) -> MigrationRecord:
    return MigrationRecord(number, number, 0, 1, "validation", 0, PreCopy.name, 0, 0.0)


def _start(
    vm: GivenVM,
    place: str,
    record: MigrationRecord,
    flow_group: MigrationFlowGroup,
    now_s: float,
) -> None:
    record.queued_s = now_s
    migration = Migration(
        record,
        [],
        PreCopy(),
        StopRuleController(DowntimeLimit()),
        TransferSettings(page_header_bytes=0.0, bandwidth_bytes_per_s=vm.cap),
        _Memory(vm),
        _AlwaysBusy(),
        vm.links,
        flow_group,
        _Closing(vm, place),
    )
    migration.transition(Phase.READY)
    migration.start(now_s)


@dataclass(frozen=True, slots=True)
class _Memory:
    vm: GivenVM

    def engine(self, intensity: float) -> MemoryEngine:
        return ScalarEngine(self.vm.ram, PAGE_BYTES, self.vm.dirty_rate, self.vm.ws)

    def post_copy(self, engine: MemoryEngine) -> PostCopyMemory:
        return engine.post_copy(FaultCosts(0.0, 0, 1.0), bubbling=False, pivots=1)


class _AlwaysBusy:
    """A VM whose write intensity and CPU demand are always 1."""

    def level(self, now_s: float) -> float:
        return 1.0

    def demand(self, now_s: float) -> float:
        return 1.0

    def next_change(self, now_s: float) -> float:
        return float("inf")


@dataclass(slots=True)
class _Closing:
    """A listener without a cluster: it closes the record, and counts live rounds.

    Raises:
        ScenarioError: if the migration has had `MOST_ROUNDS` live rounds.
    """

    vm: GivenVM
    place: str
    rounds: int = 0

    def slowed(self, record: MigrationRecord, speed: float, now_s: float) -> None:
        pass

    def stalled(self, record: MigrationRecord, stall_s: float, demand: float) -> None:
        pass

    def offer_turn(self, record: MigrationRecord, now_s: float) -> bool:
        self.rounds += 1
        if self.rounds >= MOST_ROUNDS:
            allowed = f"a rate at which the migration ends within {MOST_ROUNDS:,} rounds"
            raise ScenarioError(f"{self.place}.dirty_rate", self.vm.dirty_rate, allowed)
        return True

    def resumed(self, record: MigrationRecord, now_s: float) -> None:
        pass

    def ended(self, record: MigrationRecord, outcome: Phase, why: str, now_s: float) -> None:
        record.close(now_s, outcome, why)
