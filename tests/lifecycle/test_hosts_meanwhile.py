"""What happens to VMs that come and go when hosts fill, are drained or crash meanwhile.

The migration is that of `faults/test_crash_phases.py`. These are the cells of the second table of
docs/churn.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.lifecycle.test_ends_and_resizes import (
    ONE_EACH,
    after,
    arrive,
    lives,
    memory_of,
)

LATE = [{"vm": 0, "target": 1, "at_s": 99}]
"""VM 0 stays where it is."""


def crash(hosts: list[int], at_s: float, **more: Any) -> dict[str, Any]:
    return {"kind": "host-crash", "hosts": hosts, "at_s": at_s, **more}


def drain(host: int, at_s: float) -> dict[str, Any]:
    return {"triggers": [{"name": "drain", "hosts": [host], "at_s": at_s}]}


# --- a target fills -----------------------------------------------------------------------------


def test_nobody_takes_the_memory_that_a_migration_has_reserved() -> None:
    """Three places: VM 0, its target, and one for two that arrive at 1 s."""
    _, vms, migrations = after(
        lives(arrive(2, lifetime="fixed:lifetime_s=3"), faults=[]).with_fields(ONE_EACH)
    )
    assert migrations.outcome.tolist() == ["completed"]
    assert vms.first_host.tolist() == [0, 2, 2]
    assert vms.placed_s[2] == pytest.approx(4.0)  # when the first one ends
    assert vms.waited_s[2] == pytest.approx(3.0)


def test_the_end_of_a_migration_makes_room() -> None:
    _, vms, _ = after(lives(arrive(2, lifetime="fixed:lifetime_s=90")).with_fields(ONE_EACH))
    assert vms.placed_s[2] == pytest.approx(5.25)
    assert vms.first_host[2] == 0


def test_another_attempt_leaves_out_a_target_that_has_filled() -> None:
    """Host 1 crashes at 2.6 s and is back at 3 s; the VM that arrives at 4 s takes it."""
    arrivals = arrive(1, process="batch:first_s=4", placement="first-fit")
    _, vms, migrations = after(
        lives(arrivals, faults=[crash([1], 2.6, repair_s=0.4)]).with_fields(ONE_EACH)
    )
    assert vms.first_host[1] == 1
    assert migrations.target.tolist() == [1, 2]
    assert migrations.outcome.tolist() == ["failed", "completed"]


def test_a_restart_leaves_out_a_host_that_has_filled() -> None:
    """Host 0 crashes at 10 s; the VM that arrives takes host 1 before the restart at 30 s."""
    arrivals = arrive(1, process="batch:first_s=15", placement="first-fit")
    model, vms, _ = after(
        lives(
            {**arrivals, "lifetime": "fixed:lifetime_s=500"},
            faults=[crash([0], 10.0)],
            migrations=LATE,
            run={"duration_s": 60},
        ).with_fields(ONE_EACH)
    )
    assert vms.first_host[1] == 1
    assert model.state.vms.host.tolist() == [2, 1]


# --- a host is drained --------------------------------------------------------------------------


def test_no_vm_is_placed_on_a_drained_host_until_the_drain_ends() -> None:
    model, vms, _ = after(
        lives(arrive(2, lifetime="fixed:lifetime_s=500"), migrations=LATE, manager=drain(2, 0.0))
        .with_fields(ONE_EACH)
        .with_fields({"run.duration_s": 60})
    )
    assert vms.outcome.tolist() == ["running", "running", "waiting"]
    assert vms.first_host.tolist() == [0, 1, -1]
    assert memory_of(model) == [1000, 1000, 0]


def test_a_vm_that_boots_leaves_a_drained_host_when_it_runs() -> None:
    """It is placed on host 1 at 1 s; the drain begins at 10 s, and it runs from 25 s on."""
    arrivals = arrive(1, lifetime="fixed:lifetime_s=500", boot_s=24)
    model, vms, migrations = after(
        lives(arrivals, migrations=LATE, manager=drain(1, 10.0)).with_fields(ONE_EACH)
    )
    assert vms.first_host[1] == 1
    assert (migrations.vm[0], migrations.reason[0]) == (1, "drain")
    assert migrations.queued_s[0] == pytest.approx(30.0)  # the next control instant
    assert model.state.vms.host[1] != 1


def test_a_migration_leaves_a_drained_target_to_which_nothing_was_sent() -> None:
    _, vms, migrations = after(
        lives(
            {"initial_lifetime": "fixed:lifetime_s=50"},
            transfer={"prepare_s": 20.0},
            manager=drain(1, 10.0),
        )
    )
    assert migrations.target.tolist() == [2]
    assert vms.outcome[0] == "ended"


# --- a host crashes -----------------------------------------------------------------------------


def test_a_vm_that_boots_seeks_another_host_when_its_host_crashes() -> None:
    arrivals = arrive(1, lifetime="fixed:lifetime_s=500", boot_s=10)
    model, vms, _ = after(
        lives(arrivals, migrations=LATE, faults=[crash([1], 6.0)]).with_fields(ONE_EACH)
    )
    assert (vms.first_host[1], model.state.vms.host[1]) == (1, 2)
    assert vms.started_s[1] == pytest.approx(16.0)  # it boots anew
    assert vms.waited_s[1] == 0.0
    assert model.state.vms.restarts[1] == 0  # it had never run


def test_it_waits_before_vms_that_arrived_later() -> None:
    """Hosts 1 and 2 crash at 6 s; host 1 is back at 20 s, and VM 3 has waited from 1 s on."""
    arrivals = arrive(3, lifetime="fixed:lifetime_s=500", boot_s=10)
    faults = [crash([1], 6.0, repair_s=14.0), crash([2], 6.0)]
    _, vms, _ = after(lives(arrivals, migrations=LATE, faults=faults).with_fields(ONE_EACH))
    assert vms.outcome.tolist() == ["running", "running", "waiting", "waiting"]
    assert vms.waited_s[1] == pytest.approx(14.0)
    assert vms.started_s[1] == pytest.approx(30.0)


def test_without_a_queue_it_is_rejected() -> None:
    arrivals = arrive(2, lifetime="fixed:lifetime_s=500", boot_s=10, queue=False)
    _, vms, _ = after(
        lives(arrivals, migrations=LATE, faults=[crash([1, 2], 6.0)]).with_fields(ONE_EACH)
    )
    assert vms.outcome.tolist() == ["running", "rejected", "rejected"]
    assert set(vms.reason[1:]) == {"its host crashed while it booted, and no host has the memory"}


def test_vms_that_boot_wait_for_the_boot_of_their_host() -> None:
    """Hosts 1 and 2 are switched off at 0 s, as they are empty, and boot for 7 s."""
    _, vms, _ = after(
        lives(arrive(1, boot_s=2), migrations=LATE).with_fields({**ONE_EACH, "hosts.0.boot_s": 7.0})
    )
    assert vms.placed_s[1] == pytest.approx(1.0)
    assert vms.started_s[1] == pytest.approx(10.0)
    assert vms.ended_s[1] == pytest.approx(20.0)
