"""What happens to a VM that ends, or is resized, in every phase of its life and of a migration.

The migration is that of `faults/test_crash_phases.py`: VM 0 leaves host 0 for host 1 at 0 s. It
prepares until 2 s, pre-copies until 3 s, is paused until 4.25 s, and finishes at 5.25 s. In
post-copy it is paused at 2 s, resumes at 3.25 s, and pages are pushed until 4.25 s. These are the
rows of the table in docs/churn.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.one_vm import QUIET, one_vm
from tests._support.small_scenarios import PAGE
from tests.faults.test_crash_phases import PHASE, TIMES, phases_of_all

FLAVOUR = {"cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "profile": QUIET}
NEVER = {
    "process": "batch:size=1,first_s=1000",
    "lifetime": "fixed:lifetime_s=1",
    "flavours": [FLAVOUR],
}
"""Arrivals that only end and resize the VMs of the start."""

LIVE = ("preparing", "pre-copy", "suspending", "device state", "resuming", "post-copy")


def lives(arrivals: dict[str, Any], *, faults: Any = (), **more: Any) -> Scenario:
    strategy = more.pop("strategy", "pre-copy")
    return one_vm(list(faults), strategy, arrivals={**NEVER, **arrivals}, **more)


def after(given: Scenario) -> tuple[ClusterModel, pd.DataFrame, pd.DataFrame]:
    """Run with all checks; return the model and its tables lifecycle and migrations."""
    model = run_checked(ClusterModel(given, rng=1))
    tables = model.result().tables
    return model, tables["lifecycle"].set_index("vm"), tables["migrations"]


def memory_of(model: ClusterModel) -> list[int]:
    """Return the pages that each host has reserved."""
    return (model.state.hosts.memory_reserved_bytes // PAGE).tolist()


# --- ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("strategy", "when"), phases_of_all(*LIVE))
def test_a_vm_that_ends_ends_its_migration(strategy: str, when: str) -> None:
    at_s = TIMES[strategy][when]
    model, vms, migrations = after(
        lives({"initial_lifetime": f"fixed:lifetime_s={at_s}"}, strategy=strategy)
    )
    phase = PHASE.get(when, when)
    assert vms.outcome[0] == "ended"
    assert vms.reason[0] == f"ended in phase {phase} of a migration"
    assert vms.ended_s[0] == at_s
    row = migrations.iloc[0]
    assert (row.outcome, row.why) == ("cancelled", f"VM ended in phase {phase}")
    assert row.end_s == pytest.approx(at_s)
    assert len(migrations) == 1
    assert memory_of(model) == [0, 0, 0]
    assert model.vms == []


def test_a_vm_that_ends_while_its_migration_finishes_has_migrated() -> None:
    model, vms, migrations = after(lives({"initial_lifetime": "fixed:lifetime_s=4.5"}))
    assert vms.outcome[0] == "ended"
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.end_s[0] == pytest.approx(4.5)
    assert memory_of(model) == [0, 0, 0]


def test_a_vm_that_ends_leaves_the_queue_of_migrations() -> None:
    model, _vms, migrations = after(
        lives(
            {"initial_lifetime": "fixed:lifetime_s=1.5"},
            manager={"max_per_cluster": 1},
        ).with_fields(
            {
                "vms": [
                    {"count": 1, **FLAVOUR, "host": 0},
                    {"count": 1, **FLAVOUR, "host": 0},
                ],
                "migrations": [{"vm": 1, "target": 1}, {"vm": 0, "target": 1}],
            }
        )
    )
    assert migrations.why.tolist() == ["VM ended in phase preparing", "VM ended in phase queued"]
    assert memory_of(model) == [0, 0, 0]


def test_a_vm_that_ends_while_its_migration_is_to_be_tried_again_is_not_tried_again() -> None:
    crash = {"kind": "host-crash", "host": 1, "at_s": 2.6}
    model, vms, migrations = after(
        lives({"initial_lifetime": "fixed:lifetime_s=8"}, faults=[crash])
    )
    assert vms.outcome[0] == "ended"
    assert migrations.outcome.tolist() == ["failed"]
    assert migrations.why[0].endswith("; not tried again, the VM has ended")
    assert model.manager.scheduler.idle


def test_a_vm_that_ends_while_it_is_down_is_not_restarted() -> None:
    crash = {"kind": "host-crash", "host": 0, "at_s": 1.0}
    model, vms, _ = after(
        lives(
            {"initial_lifetime": "fixed:lifetime_s=8"},
            faults=[crash],
            migrations=[{"vm": 0, "target": 1, "at_s": 90}],
        )
    )
    assert (vms.outcome[0], vms.reason[0]) == ("ended", "ended while it was down")
    assert model.state.vms.restarts.tolist()[0] == 0
    assert model.result().summary["vm_down_s"] == pytest.approx(7.0)
    assert memory_of(model) == [0, 0, 0]


def test_a_vm_that_ends_while_it_waits_for_a_restart_is_forgotten() -> None:
    """No host is up from 1 s on, and the delay of 20 s is over at its end at 30 s."""
    crash = {"kind": "host-crash", "hosts": [0, 1, 2], "at_s": 1.0}
    model, vms, _ = after(lives({"initial_lifetime": "fixed:lifetime_s=30"}, faults=[crash]))
    assert (vms.outcome[0], vms.ended_s[0]) == ("ended", 30.0)
    assert model._restarts.waiting == ()


def test_a_lost_vm_stays_lost_at_the_end_of_its_life() -> None:
    crash = {"kind": "host-crash", "host": 0, "at_s": 3.6}
    model, vms, migrations = after(
        lives({"initial_lifetime": "fixed:lifetime_s=8"}, faults=[crash], strategy="post-copy")
    )
    assert migrations.why[0].startswith("VM lost")
    assert vms.outcome[0] == "lost"
    assert np.isnan(vms.ended_s[0])
    assert model.lifecycle is not None
    assert model.lifecycle.figures(100.0)["mean_vms_in_system"] == pytest.approx(0.036)


def arrive(size: int, **more: Any) -> dict[str, Any]:
    return {"process": f"batch:size={size},first_s=1", "lifetime": "fixed:lifetime_s=10", **more}


ONE_EACH = {"hosts": [{"count": 3, "cpu_capacity": 8, "memory_bytes": 1000 * PAGE}]}
"""Hosts that have memory for one VM each."""


def test_a_vm_ends_while_it_waits_if_its_lifetime_counts_from_its_arrival() -> None:
    """VM 0 and its migration hold two of three places; one of two VMs that arrive waits."""
    _model, vms, _ = after(
        lives(
            arrive(2, lifetime_from="arrival"),
            migrations=[{"vm": 0, "target": 1, "at_s": 0.5}],
            transfer={"prepare_s": 50.0},
        ).with_fields(ONE_EACH)
    )
    assert vms.outcome.tolist() == ["running", "ended", "ended"]
    assert vms.first_host.tolist() == [0, 2, -1]
    assert vms.waited_s.tolist() == [0.0, 0.0, 10.0]
    assert vms.reason[2] == "ended while it waited"
    assert vms.ended_s[2] == 11.0


def test_a_vm_that_ends_while_it_boots_gives_its_memory_back() -> None:
    model, vms, _ = after(
        lives(
            arrive(1, boot_s=20, lifetime_from="arrival"),
            migrations=[{"vm": 0, "target": 1, "at_s": 90}],
        )
    )
    assert (vms.outcome[1], vms.reason[1]) == ("ended", "ended while it booted")
    assert np.isnan(vms.started_s[1])
    assert sum(memory_of(model)) == 1000


# --- resizes ------------------------------------------------------------------------------------


def resize(at_s: float, pages: int | None = None, cpu: float | None = None, vm: int = 0) -> Any:
    size = {"memory_bytes": pages and pages * PAGE, "cpu_capacity": cpu}
    return {"at_s": at_s, "vm": vm, **{key: one for key, one in size.items() if one is not None}}


def test_a_vm_that_runs_is_resized_at_once_if_its_host_has_the_memory() -> None:
    late = [{"vm": 0, "target": 1, "at_s": 90}]
    model, vms, _ = after(
        lives({"resizes": [resize(5, 4000, 2), resize(10, 4001)]}, migrations=late).with_fields(
            {"hosts": [{"count": 3, "cpu_capacity": 8, "memory_bytes": 4000 * PAGE}]}
        )
    )
    assert (vms.resizes[0], vms.resizes_refused[0]) == (1, 1)
    assert (vms.cpu_capacity[0], vms.memory_bytes[0]) == (2.0, 4000 * PAGE)
    wanted = model.result().tables["service"].cpu_wanted_s[0]
    assert wanted == pytest.approx(5 * 1 + 95 * 2)


def test_a_resized_vm_migrates_with_its_new_memory() -> None:
    late = [{"vm": 0, "target": 1, "at_s": 20}]
    _, _, migrations = after(lives({"resizes": [resize(5, 3000)]}, migrations=late))
    assert migrations.memory_pages[0] == 3000
    assert migrations.pages_sent_precopy[0] == 3000


def test_a_resize_begins_a_migration_again_that_has_sent_nothing() -> None:
    model, vms, migrations = after(lives({"resizes": [resize(1, 2000)]}))
    row = migrations.iloc[0]
    assert (row.outcome, row.memory_pages, row.pages_sent_precopy) == ("completed", 2000, 2000)
    assert row.start_s == pytest.approx(3.0)  # it prepares once more
    assert vms.resizes[0] == 1
    assert memory_of(model) == [0, 2000, 0]


def test_a_resize_cancels_a_migration_whose_target_has_no_memory_for_it() -> None:
    model, _vms, migrations = after(
        lives({"resizes": [resize(1, 1500)]}).with_fields(
            {
                "hosts": [
                    {"count": 1, "cpu_capacity": 8, "memory_bytes": 2000 * PAGE},
                    {"count": 2, "cpu_capacity": 8, "memory_bytes": 1000 * PAGE},
                ]
            }
        )
    )
    assert migrations.outcome.tolist() == ["cancelled"]
    assert migrations.why[0] == "VM 0 was resized, and host 1 has no memory for that"
    assert memory_of(model) == [1500, 0, 0]


@pytest.mark.parametrize(("strategy", "when"), phases_of_all(*LIVE[1:], "finishing"))
def test_a_vm_whose_memory_is_copied_is_resized_after_that(strategy: str, when: str) -> None:
    at_s = TIMES[strategy][when]
    model, vms, migrations = after(lives({"resizes": [resize(at_s, 700)]}, strategy=strategy))
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.memory_pages[0] == 1000
    assert vms.resizes[0] == 1
    assert memory_of(model) == [0, 700, 0]


def test_a_vm_that_is_down_is_resized_when_it_runs_again() -> None:
    crash = {"kind": "host-crash", "host": 0, "at_s": 1.0}
    late = [{"vm": 0, "target": 2, "at_s": 90}]
    model, vms, _ = after(
        lives(
            {"resizes": [resize(5, 700)]}, faults=[crash], migrations=late, run={"duration_s": 80}
        )
    )
    assert vms.resizes[0] == 1
    assert memory_of(model) == [0, 700, 0]


def test_a_vm_that_waits_is_resized_and_may_fit_then() -> None:
    _model, vms, _ = after(
        lives(
            {
                **arrive(1, resizes=[resize(5, 500, vm=1)]),
                "flavours": [{**FLAVOUR, "memory_bytes": 1001 * PAGE}],
            },
            migrations=[{"vm": 0, "target": 1, "at_s": 90}],
        ).with_fields(ONE_EACH)
    )
    assert (vms.placed_s[1], vms.waited_s[1], vms.resizes[1]) == (5.0, 4.0, 1)


def test_a_vm_that_boots_is_resized_at_once() -> None:
    model, vms, _ = after(
        lives(
            arrive(1, boot_s=5, resizes=[resize(3, 500, vm=1)], lifetime="fixed:lifetime_s=500"),
            run={"duration_s": 4.0},
        )
    )
    assert vms.outcome[1] == "booting"
    assert vms.resizes[1] == 1
    assert sum(memory_of(model)) == 1500


def test_a_vm_that_has_ended_or_is_to_come_cannot_be_resized() -> None:
    _, vms, _ = after(
        lives(
            arrive(1, resizes=[resize(0.5, 500, vm=1), resize(50, 500, vm=1)]),
        )
    )
    assert vms.outcome[1] == "ended"
    assert (vms.resizes[1], vms.resizes_refused[1]) == (0, 2)


def test_an_unfit_size_is_refused_with_its_field() -> None:
    with pytest.raises(Exception, match=r"arrivals\.resizes\.0\.vm = 7.*a number below 1"):
        ClusterModel(lives({"resizes": [resize(1, 500, vm=7)]}), rng=1)
