from __future__ import annotations

import json
import math

import pytest

from cluster_emu.errors import UnknownNameError
from cluster_emu.model import ClusterModel
from cluster_emu.observation.microscope import Microscope, MicroscopeData
from tests._support.small_scenarios import scenario

BUSY = {"name": "uniform", "writes_per_page_s": 0.4}


def model_of(
    strategy: str = "history-majority", stop: str = "xen-v2", fidelity: str = "pages"
) -> ClusterModel:
    return ClusterModel(
        scenario(
            pages=600,
            profile=BUSY,
            strategy=strategy,
            stop=stop,
            run={"tick_s": 0.05, "duration_s": 30.0, "fidelity": fidelity, "track_versions": False},
            transfer={"prepare_s": 0.1, "suspend_s": 0.1},
            migrations=[{"vm": 0, "target": 1, "at_s": 0.05}],
        ),
        rng=3,
    )


def played(model: ClusterModel) -> list[MicroscopeData]:
    model.step()
    model.step()
    microscope = Microscope(model, 0)
    found = [microscope.read()]
    while model.running:
        model.step()
        found.append(microscope.read())
    return found


@pytest.mark.parametrize("fidelity", ["pages", "mean-field", "scalar"])
def test_it_follows_a_migration_to_its_end(fidelity: str) -> None:
    model = model_of(fidelity=fidelity)
    found = played(model)
    assert [each["phase"] for each in found][:2] == ["preparing", "pre-copy"]
    assert found[-1]["phase"] == "completed"
    for each in found:
        json.dumps(each, allow_nan=False)
        if each["counts"] is not None:
            assert sum(each["counts"].values()) == pytest.approx(600, abs=0.1)
    assert found[-1]["counts"] is not None
    assert found[-1]["counts"]["clean"] == 600
    rows = model.result().rounds
    shown = [(row["round"], row["phase"], row["sent"]) for row in found[-1]["rounds"]]
    assert shown == list(zip(rows["round"], rows["phase"], rows["sent"], strict=True))


def test_the_waterfall_of_a_round_under_way_adds_up_to_its_end() -> None:
    model = model_of()
    seen: dict[int, tuple[float, float]] = {}
    for data in played(model):
        last = data["rounds"][-1] if data["rounds"] else None
        if data["in_round"] and last is not None:
            assert last["end_s"] is None
            rows = data["truth"]["rows"]
            sent = sum(row["pages"] or 0 for row in rows if row["decision"] == "send")
            skipped = sum(row["pages"] or 0 for row in rows if row["decision"] == "skip")
            assert (last["sent"], last["skipped"]) == (sent, skipped)
            seen[last["round"]] = (last["due"], sent)
    ended = {row.round: row for row in model.rounds if row.phase == "pre-copy"}
    assert len(seen) >= 3
    for number, (due, sent) in seen.items():
        assert due == ended[number].due
        assert sent <= ended[number].sent


def test_what_is_left_is_shown_beside_the_line_of_the_stop_rule() -> None:
    data = played(model_of())[-1]
    assert data["stop_pages"] == 50
    assert data["stop_words"].startswith("xen-v2: ")
    assert data["remaining"][0]["pages"] == 600
    assert data["remaining"][-1]["pages"] == 0
    times = [point["time_s"] for point in data["remaining"]]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("stop", "pages"),
    [
        ("xen-legacy:min_pages=7", 7),
        ("fixed-rounds:rounds=5", None),
        ("no-progress", None),
        ("clark:min_bytes=41040", 10),
        ("downtime-limit:downtime_limit_s=0.05", 50),
        # 0.05 s x 1,000 pages/s on the wire, in bytes of memory
        ("qemu:downtime_limit_s=0.05", 50 * 4104 / 4096),
    ],
)
def test_the_line_of_every_stop_rule(stop: str, pages: float | None) -> None:
    model = model_of(stop=stop)
    for _ in range(7):
        model.step()
    line = Microscope(model, 0).read()["stop_pages"]
    assert line == (None if pages is None else pytest.approx(pages))


def test_lumped_pages_are_counted_by_history() -> None:
    data = played(model_of(fidelity="mean-field"))[10]
    assert data["page_map"] is None
    assert all(len(row["history"]) == 4 for row in data["histories"])
    total = math.fsum(sum(row["counts"].values()) for row in data["histories"])
    assert total == pytest.approx(600, abs=0.2)


def test_the_words_name_the_row_that_decides() -> None:
    data = played(model_of())[8]
    deciding = [row["history"] for row in data["truth"]["rows"] if row["deciding"]]
    assert deciding
    assert f"Row {deciding[0]}" in data["in_words"]
    assert "600 pages" in data["in_words"]


def test_of_lumped_pages_the_row_that_has_decided_most_is_named() -> None:
    seen = 0
    for data in played(model_of(fidelity="mean-field")):
        rows = data["truth"]["rows"]
        assert not any(row["deciding"] for row in rows)
        busiest = [row for row in rows if row["busiest"]]
        if busiest and data["in_round"]:
            seen += 1
            most = max(row["pages"] or 0.0 for row in rows)
            assert busiest[0]["pages"] == most > 0
            assert f"Row {busiest[0]['history']}" in data["in_words"]
            assert "most pages of the round" in data["in_words"]
    assert seen > 3


def test_an_unknown_migration_is_refused() -> None:
    model = model_of()
    with pytest.raises(UnknownNameError, match="migration '3'"):
        Microscope(model, 3)
