"""What holds between a run's tables, the links' bytes and the guests' time, faults or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.transfer.records import Phase

NEAR = 1e-9
PAGES_OF_PHASE = {
    Phase.PRE_COPY: "pages_sent_precopy",
    Phase.STOP_AND_COPY: "pages_sent_stop",
    Phase.POST_COPY: "pages_sent_postcopy",
}
AMPLE_CPU = 100
"""Cores of hosts on which VMs lose time to nothing but migrations."""


def check_accounts(model: ClusterModel) -> None:
    """Check the tables of a run that is over against each other and against the network."""
    result = model.result()
    for _, row in result.migrations.iterrows():
        check_rounds(row, result.rounds[result.rounds["migration"] == row["migration"]])
    check_link_bytes(model, result.migrations, result.tables["background"])
    if model.spec.hosts[0].cpu_capacity == AMPLE_CPU:
        check_service(result.tables["service"], result.migrations, model.lifecycle is None)


def check_rounds(migration: pd.Series, own: pd.DataFrame) -> None:
    """A migration's rounds add up to it, follow one another, and lie within its time."""
    assert own["bytes"].sum() == pytest.approx(migration["bytes"], rel=1e-9, abs=1e-6)
    assert own["encode_cpu_s"].sum() == pytest.approx(migration["encode_cpu_s"], abs=NEAR)
    for phase, column in PAGES_OF_PHASE.items():
        assert own.loc[own["phase"] == phase, "sent"].sum() == migration[column]
    live = own[own["phase"] == Phase.PRE_COPY]
    assert migration["rounds"] == len(live)
    assert (own["end_s"] >= own["start_s"] - NEAR).all()
    assert (live["start_s"].to_numpy()[1:] >= live["end_s"].to_numpy()[:-1] - NEAR).all()
    if len(own):
        assert own["start_s"].min() >= migration["start_s"] - NEAR
        assert own["end_s"].max() <= migration["end_s"] + NEAR


def check_link_bytes(
    model: ClusterModel, migrations: pd.DataFrame, background: pd.DataFrame
) -> None:
    """Every link has carried exactly what migrations and background flows sent over it."""
    factory = model.manager.scheduler._factory
    expected = np.zeros(len(model.loop.capacities))
    for row in migrations.itertuples():
        route = factory.router.route(row.source, row.target, row.migration)
        expected[list(route)] += row.bytes
    for flow, row in zip(model._background._flows, background.itertuples(), strict=True):
        expected[list(flow.route)] += row.bytes
        assert row.bytes <= row.wanted_bytes * (1 + NEAR) + 1
        assert row.bytes_without_migrations <= row.wanted_bytes * (1 + NEAR) + 1
    assert model.loop.bytes_carried() == pytest.approx(expected, rel=1e-6, abs=5.0)


def check_service(service: pd.DataFrame, migrations: pd.DataFrame, all_want_a_core: bool) -> None:
    """VMs were paused for as long as migrations say; those that want a core lost as much of it."""
    paused_s = migrations["downtime_s"].fillna(0.0)
    lost_s = paused_s + migrations["guest_lost_s"] + migrations["fault_stall_s"]
    vms = range(len(service))
    told = {"paused_s": paused_s, "cpu_lost_to_migration_s": lost_s}
    if not all_want_a_core:
        del told["cpu_lost_to_migration_s"]
    for column, told_s in told.items():
        per_vm = told_s.groupby(migrations["vm"]).sum().reindex(vms, fill_value=0.0)
        assert service[column].to_numpy() == pytest.approx(per_vm.to_numpy(), abs=1e-6)
    assert (service["cpu_lost_to_overload_s"] <= NEAR).all()
