"""The picture of a cluster at any instant of a finished run, from its tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster_emu.observation.run_states import RunStates
from cluster_emu.results.run_result import RunResult
from cluster_emu.view.frame import ClusterFrame, RunningMove
from cluster_emu.view.timeline import under_way


def busiest_instant_s(migrations: pd.DataFrame) -> float:
    """Return the middle of the longest interval with the most migrations running; 0 with none."""
    counts = under_way(migrations)
    if counts.max() <= 0:
        return 0.0
    begin = counts.index.to_numpy(dtype=np.float64)
    duration = np.append(np.diff(begin), 0.0)
    duration[counts.to_numpy() < counts.max()] = -1.0
    longest = int(duration.argmax())
    return float(begin[longest] + duration[longest] / 2)


def frame_at(result: RunResult, time_s: float) -> ClusterFrame:
    """Return the cluster's state at `time_s`; for many instants of one run see `Replay`.

    Places, migrations and routes are exact. CPU demand and which hosts are on are those of the last
    observation before; a migration's load is its mean over the round it is in.

    Args:
        result: the run.
        time_s: any instant of it.

    Raises:
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """
    return Replay(result).frame(time_s)


class Replay:
    """A finished run from which the picture at any instant can be had, one after the other.

    Args:
        result: the run.

    Raises:
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """

    def __init__(self, result: RunResult) -> None:
        self._result = result
        self._states = RunStates(result)

    @property
    def end_s(self) -> float:
        """The last instant that is known of."""
        observed_s = self._result.tables["hosts"]["time_s"].max()
        return float(np.nanmax([self._result.migrations["end_s"].max(), observed_s]))

    def frame(self, time_s: float) -> ClusterFrame:
        """Return the cluster's state at `time_s`."""
        states, state = self._states, self._states.at(time_s)
        links, migrations = states.links, states.migrations
        vm_queued = np.zeros(states.vm_count, dtype=np.bool_)
        vm_queued[migrations.vm[state.queued]] = True
        vm_queued[migrations.vm[state.sending]] = True
        return ClusterFrame(
            time_s=time_s,
            graph=states.graph,
            utilisation=state.utilisation,
            switched_on=state.switched_on,
            host_memory_bytes=states.host_memory_bytes,
            vm_host=state.vm_host,
            vm_memory_bytes=states.vm_memory_bytes,
            vm_queued=vm_queued,
            link_source=links.source,
            link_target=links.target,
            link_capacity_bytes_per_s=links.capacity_bytes_per_s,
            link_load_bytes_per_s=state.link_load_bytes_per_s,
            moves=tuple(
                RunningMove.along(
                    int(migrations.vm[number]),
                    int(migrations.source[number]),
                    migrations.routes[number].tolist(),
                    links,
                )
                for number in state.sending.tolist()
            ),
        )
