"""The migrations under way, as columns of a frame."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.source import PHASES
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import NOTHING_SENT, Phase

PRE_COPY_SPAN = 0.88
"""A VM gets this far on its way while its first copy is sent, and stays there for later rounds."""
STOPPED_AT = 0.94
RESUMED_AT = 0.6
"""Where the VM of a post-copy migration is at its resume; the rest of its memory follows."""

PLACE = {phase: place for place, phase in enumerate(PHASES)}


def move_arrays(model: LiveModel) -> dict[str, NDArray[np.generic]]:
    """Return the columns `move_...` of a frame; reading them changes nothing in the model."""
    active = sorted(model.manager.scheduler.active.items())
    rates = [move.flow.bytes_per_s for _, move in active]
    routes = [move.route for _, move in active]
    starts = np.zeros(len(active) + 1, dtype=np.int32)
    np.cumsum([len(route) for route in routes], out=starts[1:])
    records = [move.record for _, move in active]
    page_bytes = model.state.vms.page_bytes
    return {
        "move_number": np.array([number for number, _ in active], dtype=np.int32),
        "move_vm": np.array([record.vm for record in records], dtype=np.int32),
        "move_source": np.array([record.source for record in records], dtype=np.int32),
        "move_target": np.array([record.target for record in records], dtype=np.int32),
        "move_phase": np.array([PLACE[move.state.value] for _, move in active], dtype=np.uint8),
        "move_progress": np.array(
            [
                _progress_of(move, model.now_s, int(page_bytes[move.record.vm]))
                for _, move in active
            ],
            dtype=np.float32,
        ),
        "move_rate": np.array(rates, dtype=np.float32),
        "move_route_start": starts,
        "move_route": np.array([link for route in routes for link in route], dtype=np.int32),
    }


def sent_bytes(move: Migration, now_s: float) -> float:
    """Return the bytes on the wire until now, without letting any phase advance."""
    ahead = sum(span_s * rate for span_s, rate in move.flow.spans_ahead(now_s))
    return move.accounted_bytes + ahead


def _progress_of(move: Migration, now_s: float, page_bytes: int) -> float:
    memory = move.record.memory_pages * page_bytes
    share = sent_bytes(move, now_s) / memory if memory else 1.0
    return progress(move.state, share, move.resumes_early)


def progress(phase: str, share: float, resumes_early: bool = False) -> float:
    """Return how far a VM is on its way in the picture, 0 at the source to 1 at the target.

    It is a drawing, not a prediction: pre-copy sends pages again, so nobody knows how much is left.

    Args:
        phase: the phase of its migration.
        share: bytes sent, as a share of its memory.
        resumes_early: whether it runs at the target before all of its memory is there.
    """
    share = min(share, 1.0) if math.isfinite(share) else 1.0
    if phase in NOTHING_SENT:
        return 0.0
    if phase == Phase.STOP_AND_COPY:
        return PRE_COPY_SPAN * share if resumes_early else STOPPED_AT
    if phase == Phase.POST_COPY:
        return RESUMED_AT + (1 - RESUMED_AT) * share
    return 1.0 if phase == Phase.FINISHING else PRE_COPY_SPAN * share
