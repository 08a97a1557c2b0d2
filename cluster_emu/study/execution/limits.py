"""What a run of a study may take of its machine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from cluster_emu.units import MemoryBytes, PositiveSeconds


class CellLimits(BaseModel):
    """Limits on one run; a run that reaches one is ended, and the study goes on without it.

    Args:
        time_s: wall time in seconds; None for no limit.
        memory_bytes: resident memory of the process that runs it, in bytes, the libraries that it
            has loaded included; None for no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_s: PositiveSeconds | None = None
    memory_bytes: MemoryBytes | None = None

    def __bool__(self) -> bool:
        return self.time_s is not None or self.memory_bytes is not None
