"""How much of a host's utilisation history says something about the VMs it has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import IntColumn
from cluster_emu.consolidation.history import UtilisationTable


def known_instants(history: UtilisationTable) -> IntColumn:
    """Return how many of the newest instants of each host are known, [hosts].

    They begin with the first instant at which its VMs wanted CPU: what comes before it is nothing
    (no VM yet, or one that has not begun to work), and a spread over it would describe the start
    and not the load. CloudSim counts the same way.

    Args:
        history: utilisation, [instants, hosts], the oldest instant first.
    """
    wanted = history > 0
    begins = np.argmax(wanted, axis=0) if len(history) else np.zeros(history.shape[1], np.int64)
    return np.where(wanted.any(axis=0), len(history) - begins, 0)


def sorted_known(values: NDArray[np.float64], known: IntColumn) -> NDArray[np.float64]:
    """Return the known values of each host ascending, [instants, hosts]; infinite after these.

    Args:
        values: one value per instant and host, [instants, hosts], the oldest instant first.
        known: how many of the newest instants are known, [hosts].
    """
    instants = np.arange(len(values))[:, np.newaxis]
    return np.sort(np.where(instants >= len(values) - known, values, np.inf), axis=0)


def in_place(ascending: NDArray[np.float64], place: IntColumn) -> NDArray[np.float64]:
    """Return the value in one place of each host's column, [hosts].

    Args:
        ascending: values, [instants, hosts].
        place: row from 0 on, [hosts].
    """
    taken: NDArray[np.float64] = np.take_along_axis(ascending, place[np.newaxis], axis=0)[0]
    return taken
