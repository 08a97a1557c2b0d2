"""What the migration of a VM is expected to cost, before any byte of it is sent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import FloatColumn, VMColumns

MOST_ROUNDS = 29
"""Live rounds at most, as Xen had it (max_iters of xc_domain_save.c)."""
STOP_BYTES = 50 * 4096
"""Live rounds end where less than this is left, as Xen had it (50 pages of 4 KiB)."""


class MigrationCost(NamedTuple):
    """The expected cost of migrations, each column of shape [these VMs].

    Args:
        sent_bytes: bytes on the wire.
        time_s: time from the first byte to the last.
    """

    sent_bytes: FloatColumn
    time_s: FloatColumn


def expected_cost(
    vms: VMColumns, numbers: NDArray[np.intp], bytes_per_s: FloatColumn | float
) -> MigrationCost:
    """Return the expected cost of migrating VMs by pre-copy at a constant rate.

    With memory M, rate B and dirty rate D (bytes per second), round i sends what was written while
    round i - 1 was sent: V_i = M r^i with r = D / B. The first n rounds are live; round n, the
    first with V_n <= `STOP_BYTES` or the one after `MOST_ROUNDS`, is stop-and-copy:

        bytes = sum over i = 0..n of M r^i,    time = bytes / B.

    No round sends more than the whole memory, so r counts as 1 where D > B. The formula is that of
    Liu, Jin, Xu and Liao, HPDC 2011.

    Args:
        vms: the columns of all VMs.
        numbers: which VMs, [these VMs].
        bytes_per_s: the rate of each migration, [these VMs], or one rate for all; above 0.
    """
    memory = vms.memory_bytes[numbers].astype(np.float64)
    dirty_bytes_per_s = vms.dirty_pages_per_s[numbers] * vms.page_bytes[numbers]
    ratio = np.minimum(dirty_bytes_per_s / bytes_per_s, 1.0)
    # One row per round, V_0 to V_n at most. As V_i falls, round i is sent if V_(i-1) was too much.
    volume = memory * ratio ** np.arange(MOST_ROUNDS + 1)[:, np.newaxis]
    is_sent = np.ones(volume.shape, dtype=np.bool_)
    is_sent[1:] = volume[:-1] > STOP_BYTES
    total = np.sum(volume, axis=0, where=is_sent)
    return MigrationCost(total, total / bytes_per_s)
