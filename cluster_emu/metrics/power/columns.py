"""The power of all hosts at one instant, and the energy over time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import ALL, BoolColumn, FloatColumn, HostColumns, Rows
from cluster_emu.metrics.power.contract import PowerModel
from cluster_emu.metrics.power.even_lines import EvenLines

JOULES_PER_KWH = 3.6e6


class PowerColumns:
    """The power of all hosts, each with its own model.

    Args:
        models: one model per host; equal ones are evaluated together.
        boot_w: power of each host while it boots, None for that of an idle one; no host boots at
            another power if not given.
        shutdown_w: the same while it shuts down; no host takes time for that if not given.
    """

    def __init__(
        self,
        models: Sequence[PowerModel],
        boot_w: Sequence[float | None] | None = None,
        shutdown_w: Sequence[float | None] | None = None,
    ) -> None:
        self._models = list(dict.fromkeys(models))
        number = {model: i for i, model in enumerate(self._models)}
        self._model_of = np.array([number[model] for model in models], dtype=np.int64)
        self._sleep_w = np.array([model.sleep_w for model in models], dtype=np.float64)
        self._boot_w = None if boot_w is None else self._or_idle(boot_w)
        self._shutdown_w = None if shutdown_w is None else self._or_idle(shutdown_w)

    def _or_idle(self, watts: Sequence[float | None]) -> FloatColumn:
        """Return the power given for each host, that of an idle one where none is, [hosts]."""
        given = np.array([np.nan if one is None else one for one in watts], dtype=np.float64)
        return np.where(np.isnan(given), self.watts_if_on(np.zeros(len(given))), given)

    @cached_property
    def even_lines(self) -> tuple[NDArray[np.int64], list[EvenLines]] | None:
        """The number of each host's model, [hosts], and the models' lines; None if one has none."""
        lines = [getattr(model, "even_lines", None) for model in self._models]
        known = [each for each in lines if isinstance(each, EvenLines)]
        return (self._model_of, known) if len(known) == len(lines) else None

    def __call__(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return what `watts_if_on` returns."""
        return self.watts_if_on(utilisation, hosts)

    def watts_if_on(self, utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
        """Return the power that hosts draw if they are on, in watts, shape [hosts].

        Args:
            utilisation: share of CPU in use, 0..1, shape [hosts].
            hosts: which hosts; all of them if not given.
        """
        if len(self._models) == 1:
            return self._models[0].watts(utilisation)
        watts = np.empty(len(utilisation))
        model_of = self._model_of[hosts]
        for number, model in enumerate(self._models):
            its = model_of == number
            watts[its] = model.watts(utilisation[its])
        return watts

    def watts(
        self,
        utilisation: FloatColumn,
        switched_on: BoolColumn,
        hosts: Rows = ALL,
    ) -> FloatColumn:
        """Return the power of hosts in watts, a new array of shape [hosts].

        Args:
            utilisation: share of CPU in use, 0..1, shape [hosts].
            switched_on: which of them are on, shape [hosts]; the others draw their `sleep_w`.
            hosts: which hosts; all of them if not given.
        """
        watts = self.watts_if_on(utilisation, hosts)
        return np.where(switched_on, watts, self._sleep_w[hosts])

    def drawn_w(self, columns: HostColumns, hosts: Rows = ALL) -> FloatColumn:
        """Return the power that hosts draw as they are: on, off, booting or shutting down.

        A host that was woken while it shuts down draws the power of its shutdown first.

        Args:
            columns: the columns of all hosts, with their CPU shared.
            hosts: which hosts; all of them if not given.

        Returns:
            Watts, a new array of shape [hosts].
        """
        utilisation = columns.cpu_used[hosts] / columns.cpu_capacity[hosts]
        watts = self.watts(utilisation, columns.switched_on[hosts], hosts)
        if self._boot_w is not None:
            watts = np.where(columns.booting[hosts], self._boot_w[hosts], watts)
        if self._shutdown_w is not None:
            watts = np.where(columns.shutting_down[hosts], self._shutdown_w[hosts], watts)
        return watts


class EnergyMeter:
    """Sums up each host's energy; power holds from one reading to the next.

    Args:
        host_count: number of hosts.
    """

    def __init__(self, host_count: int) -> None:
        self.joules: FloatColumn = np.zeros(host_count)

    def add(self, watts: FloatColumn, duration_s: float | FloatColumn) -> None:
        """Add `duration_s` seconds, for all hosts or each of them, at `watts`, shape [hosts]."""
        self.joules += watts * duration_s

    @property
    def host_energy_kwh(self) -> FloatColumn:
        """Energy of each host so far, shape [hosts]."""
        return self.joules / JOULES_PER_KWH

    @property
    def energy_kwh(self) -> float:
        """Energy of all hosts so far."""
        return float(self.joules.sum()) / JOULES_PER_KWH
