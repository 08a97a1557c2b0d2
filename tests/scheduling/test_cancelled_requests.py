"""A user cancels a migration: in which phases that is possible, and what follows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.errors import RequestRefusedError, ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.small_scenarios import PAGE, WIRE, scenario

BUSY = {"name": "uniform", "writes_per_page_s": 2.0}


def requests(count: int = 1, *, cancel_at_s: float | None, vm: int = 0, **more: Any) -> Scenario:
    """Return a scenario in which VMs leave host 0, and one of the requests is cancelled.

    The VMs have 1,000 pages, the link carries 1,000 pages/s. Migrations prepare for 1 s, suspend
    for 0.5 s, send their device state for 0.5 s and resume for 0.25 s.
    """
    asked: list[dict[str, Any]] = [{"vm": number, "target": 1} for number in range(count)]
    asked[vm]["cancel_at_s"] = cancel_at_s
    sizes = {"cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": BUSY, "host": 0}
    fields: dict[str, Any] = {
        "stop": "fixed-rounds:rounds=3",
        "transfer": {
            "prepare_s": 1.0,
            "suspend_s": 0.5,
            "device_state_bytes": 500 * WIRE,
            "resume_s": 0.25,
            "finish_s": 2.0,
        },
        "run": {"tick_s": 0.5, "control_interval_s": 0.5, "duration_s": 60.0},
    }
    return scenario(
        vms=[{**sizes, "count": count}],
        migrations=asked,
        manager={"max_per_cluster": 1},
        **{**fields, **more},
    )


def ran(given_scenario: Scenario) -> tuple[ClusterModel, pd.DataFrame]:
    model = run_checked(ClusterModel(given_scenario, rng=1))
    return model, model.result().migrations


def cancellations_refused(model: ClusterModel) -> list[str]:
    return [note for note in model.result().notes if note.startswith("cancellation")]


@pytest.mark.parametrize(
    ("at_s", "sent_pages", "rounds"),
    [(0.5, 0, 0), (1.5, 500, 1), (2.5, 1500, 2)],
    ids=["preparing", "the first round", "the second round"],
)
def test_a_migration_that_runs_is_stopped_at_once(
    at_s: float, sent_pages: int, rounds: int
) -> None:
    model, migrations = ran(requests(cancel_at_s=at_s, profile=None))
    (row,) = migrations.to_dict("records")
    assert (row["outcome"], row["why"]) == ("cancelled", "cancelled by the user")
    assert (row["end_s"], row["pages_sent_precopy"]) == (at_s, pytest.approx(sent_pages, abs=1))
    assert row["rounds"] == rounds
    assert (model.vms[0].host, model.vms[0].migrating) == (0, False)
    assert model.machines[1].memory_free_bytes == 2**40
    assert model.result().summary["cancelled"] == 1


def test_a_migration_that_waits_is_taken_out_of_the_queue_and_the_next_one_starts() -> None:
    queued, running = (
        ran(requests(3, cancel_at_s=0.25, vm=vm))[1].set_index("vm") for vm in (1, 0)
    )
    assert queued["outcome"].tolist() == ["completed", "cancelled", "completed"]
    assert pd.isna(queued["start_s"][1])
    assert queued["start_s"][2] == queued["end_s"][0] + 1.0
    assert running["outcome"].tolist() == ["cancelled", "completed", "completed"]
    assert running["start_s"][1] == 0.25 + 1.0


def test_a_vm_that_is_stopped_resumes_at_the_source() -> None:
    model, migrations = ran(requests(cancel_at_s=1.7605, strategy="stop-and-copy"))
    (row,) = migrations.to_dict("records")
    assert row["outcome"] == "cancelled"
    assert (row["pause_s"], row["downtime_s"]) == (1.0, 0.7605)
    assert row["pages_sent_stop"] == 260  # in the 0.2605 s after it was suspended
    assert model.state.vms.speed[0] == 1.0


@pytest.mark.parametrize(
    ("strategy", "at_s", "why"),
    [
        ("post-copy", 1.25, "the switchover to post-copy has begun"),
        ("post-copy", 2.5, "the VM has been switched over to post-copy"),
        ("stop-and-copy", 3.1, "the VM resumes at the target, which has all of its memory"),
        ("stop-and-copy", 4.0, "the VM runs at the target"),
    ],
)
def test_it_is_too_late_once_the_vm_cannot_stay(strategy: str, at_s: float, why: str) -> None:
    model, migrations = ran(requests(cancel_at_s=at_s, strategy=strategy))
    assert migrations["outcome"].tolist() == ["completed"]
    assert model.vms[0].host == 1
    assert cancellations_refused(model) == [
        f"cancellation at {at_s:g} s not carried out: migration 0 of VM 0 cannot be cancelled any "
        f"more: {why}"
    ]


def test_what_has_ended_is_not_cancelled_and_it_is_noted() -> None:
    model, migrations = ran(
        requests(cancel_at_s=30.0, run={"stop_when_idle": False, "duration_s": 60.0})
    )
    end_s = migrations["end_s"][0]
    assert cancellations_refused(model) == [
        "cancellation at 30 s not carried out: migration 0 of VM 0 has ended at "
        f"{end_s:g} s: completed"
    ]


def test_a_retry_that_waits_is_not_made() -> None:
    available = {"migration_retries": 3, "migration_retry_backoff_s": 10.0}
    crash = [{"kind": "host-crash", "host": 1, "at_s": 1.5}]
    more: dict[str, Any] = {"faults": crash, "high_availability": available, "hosts": 3}
    _, tried_again = ran(requests(cancel_at_s=None, **more))
    assert tried_again["outcome"].tolist() == ["failed", "completed"]
    _, migrations = ran(requests(cancel_at_s=5.0, **more))
    assert migrations["outcome"].tolist() == ["failed"]
    assert migrations["why"][0].endswith("; not tried again, cancelled by the user")
    _, second = ran(requests(cancel_at_s=12.25, **more))
    assert second["outcome"].tolist() == ["failed", "cancelled"]


def test_a_model_cancels_the_migration_of_a_vm() -> None:
    model = ClusterModel(requests(cancel_at_s=None), rng=1)
    with pytest.raises(RequestRefusedError, match="VM 0 has no migration"):
        model.cancel_migration(0)
    for _ in range(4):
        model.step()
    model.cancel_migration(0)
    assert model.result().migrations["outcome"].tolist() == ["cancelled"]
    assert model.result().migrations["end_s"].tolist() == [2.0]
    with pytest.raises(RequestRefusedError):
        model.cancel_migration(0)


def test_a_link_is_free_for_the_others_at_once() -> None:
    two = requests(2, cancel_at_s=2.0, profile=None).with_fields(
        {"manager.max_per_cluster": None, "vms.0.profile.writes_per_page_s": 0.0}
    )
    _, migrations = ran(two)
    # both send 500 pages in [1, 2] s, then VM 1 alone sends its other 500
    rounds = ran(two)[0].result().tables["rounds"].query("vm == 1 and round == 1")
    assert migrations["outcome"].tolist() == ["cancelled", "completed"]
    assert rounds["end_s"].tolist() == pytest.approx([2.5])


def test_it_can_only_be_cancelled_after_its_request() -> None:
    with pytest.raises(ScenarioError, match=r"migrations\.0.*a cancel_at_s after at_s = 0"):
        requests(cancel_at_s=0.0)
