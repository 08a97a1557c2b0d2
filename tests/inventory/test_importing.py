"""Every importer: deterministic, plain, without secrets, with overrides, and no traceback."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_emu import evacuate, load_scenario
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.inventory import import_inventory, inventory_readers, save
from cluster_emu.inventory.quantities import bytes_of, cpus_of, parse_quantity
from tests.inventory.dumps import DUMPS, files_of

Emu = Callable[..., Any]


def test_every_importer_has_two_dumps() -> None:
    kinds = [kind for kind, _ in DUMPS.values()]
    assert all(kinds.count(kind) >= 2 for kind in inventory_readers.names())


@pytest.mark.parametrize("name", DUMPS)
def test_same_files_give_the_same_bytes_in_a_new_process_order(name: str, tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    first, second = (import_inventory(DUMPS[name][0], files_of(name), out) for _ in range(2))
    assert first.text == second.text
    save(first, out)
    assert load_scenario(out) == first.scenario


@pytest.mark.parametrize("name", DUMPS)
def test_no_secret_is_copied(name: str, tmp_path: Path) -> None:
    assert any("SECRET" in file.read_text() for file in files_of(name)) or "metrics" in name
    imported = import_inventory(DUMPS[name][0], files_of(name))
    everything = imported.text + repr(imported)
    assert "SECRET" not in everything


@pytest.mark.parametrize("name", DUMPS)
def test_first_host_with_vms_is_emptied_by_name(name: str, tmp_path: Path) -> None:
    imported = import_inventory(DUMPS[name][0], files_of(name))
    scenario = imported.scenario.with_fields({"run.fidelity": "scalar"})
    movable = {vm.host for vm in imported.inventory.vms.values() if vm.migratable and vm.host} - {
        vm.host for vm in imported.inventory.vms.values() if not vm.migratable
    }
    host = min(movable)
    result = evacuate(scenario, hosts=[host], replications=1)
    assert set(result.vms["source_name"]) == {host}
    assert set(result.vms["vm_name"]) <= set(imported.inventory.vms)


# --- overrides -----------------------------------------------------------------------------------

OVERRIDES = """
[[hosts]]
match = "worker-[12]"
rack = "other"
link_bps = "25 Gbit/s"

[[vms]]
match = "prod/db-*"
label = "app=db"
dirty_bytes_per_s = "1 MiB"
memory_used_bytes = "2 GiB"

[[vms]]
match = ["prod/web-1", "prod/web-2"]
profile = "oltp"

[[vms]]
match = "nothing"
migratable = false

[scenario]
workload = { demand = "constant:share=0.7" }
"""


def kubevirt(out: Path) -> Any:
    return import_inventory("kubevirt", files_of("kubevirt-v1"), out)


def test_overrides_win_and_a_second_import_leaves_them_alone(tmp_path: Path) -> None:
    out, beside = tmp_path / "mine.toml", tmp_path / "mine.overrides.toml"
    save(kubevirt(out), out)
    assert beside.read_text().startswith("# What you know better")
    beside.write_text(OVERRIDES)
    imported = kubevirt(out)
    save(imported, out)
    assert beside.read_text() == OVERRIDES
    scenario = load_scenario(out)
    assert scenario.rack_names == ("other", "r2")
    assert scenario.topology.parameters["host_bps"][0] == "25 Gbit/s"
    assert scenario.workload.demand.parameters["share"] == 0.7
    assert scenario.workload.write_intensity.name == "constant"
    profiles = {name: group.profile for group in scenario.vms for name in group.names}
    assert profiles["prod/web-1"] is not None and profiles["prod/web-1"].name == "oltp"
    used = {name: group.memory_used_bytes for group in scenario.vms for name in group.names}
    assert used["prod/db-1"] == 2 * 2**30
    assert any("vms.2 is about nothing" in note for note in imported.inventory.notes)
    guessed = [one for one in imported.inventory.guesses if "dirty" in one.what]
    assert not any("prod/db-2" in one.names for one in guessed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[vms]]\nmatchh = 1", "vms.0.matchh"),
        ('[[vms]]\nmemory_bytes = "2 GX"', "vms.0.memory_bytes"),
        ('[[hosts]]\nlink_bps = "fast"', "hosts.0.link_bps"),
        ("x = ", "line 1"),
        ("[scenario]\nrun = { duration = 1 }", "run.duration"),
    ],
)
def test_wrong_override_is_named_with_its_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.overrides.toml").write_text(text)
    with pytest.raises(ScenarioError, match=re.escape(message)) as error:
        kubevirt(tmp_path / "mine.toml")
    assert "mine.overrides.toml" in str(error.value)


def test_scenario_changed_by_hand_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    save(kubevirt(out), out)
    save(kubevirt(out), out)
    out.write_text(out.read_text().replace("4 h", "5 h"))
    with pytest.raises(ScenarioError, match="changed by hand"):
        save(kubevirt(out), out)
    save(kubevirt(out), out, overwrite=True)
    assert '"4 h"' in out.read_text()


# --- quantities ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("4Gi", 4 * 2**30),
        ("2G", 2 * 10**9),
        ("1e9", 10**9),
        ("128974848", 128974848),
        (128974848, 128974848),
        ("129M", 129 * 10**6),
        ("123Mi", 123 * 2**20),
        ("128974848000m", 128974848),
        ("1.5Gi", 3 * 2**29),
        ("1E", 10**18),
        ("4 GiB", 4 * 2**30),
        ("4GB", 4 * 10**9),
        ("512 kB", 512_000),
        ("+2Ki", 2048),
        (1.5e9, 1_500_000_000),
    ],
)
def test_bytes_in_every_form(value: object, number: int) -> None:
    assert bytes_of(value) == number


def test_unit_of_the_field_counts_only_without_a_suffix() -> None:
    assert bytes_of("4194304", 1024) == bytes_of(4194304, 1024) == 4 * 2**30
    assert bytes_of("4Gi", 1024) == 4 * 2**30
    assert cpus_of("500m") == 0.5
    assert cpus_of(2) == 2.0


@pytest.mark.parametrize(
    "value",
    ["", "x", "4Xi", "--1", "1e999999999", "9" * 50, True, None, [], {}, float("nan"), "1 2", "٣"],
)
def test_no_quantity(value: object) -> None:
    assert parse_quantity(value) is None
    assert bytes_of(value) is None


# --- hostile and mutated dumps -------------------------------------------------------------------

HOSTILE = ["\x1b[31m", "a\nb", '"', "\\", "'''", "x" * 5000, "\u202e", "\ud800", "[*]", "a,b", ""]


def mutated(text: str, rng: random.Random) -> str:
    """Return a dump with some of it damaged, as JSON where it is JSON."""
    if text.lstrip()[:1] not in "{[" or rng.random() < 0.15:
        place = rng.randrange(len(text))
        return text[:place] + rng.choice([*HOSTILE, "{", "]", "<", "=", "-1"]) + text[place + 5 :]
    try:
        data = json.loads(text)
    except ValueError:
        return mutated(f" x{text}", rng)
    for _ in range(rng.randint(1, 6)):
        data = damaged(data, rng)
    return json.dumps(data)


def damaged(data: Any, rng: random.Random) -> Any:
    if isinstance(data, dict) and data and rng.random() < 0.93:
        key = rng.choice(list(data))
        changed = {**data, key: damaged(data[key], rng)}
        if rng.random() < 0.1:
            changed[rng.choice(HOSTILE)] = changed.pop(key)
        return changed
    if isinstance(data, list) and data and rng.random() < 0.93:
        place = rng.randrange(len(data))
        return [*data[:place], damaged(data[place], rng), *data[place + 1 :]]
    simple = [None, True, -1, 0, 1e300, 2**70, [], {}, [data], {"x": data}, "4Gi", *HOSTILE]
    return rng.choice(simple)


def run_mutations(count: int, folder: Path) -> int:
    worked = 0
    names = list(DUMPS)
    for seed in range(count):
        rng = random.Random(seed)
        name = names[seed % len(names)]
        files = []
        hit = rng.randrange(len(files_of(name)))
        for number, file in enumerate(files_of(name)):
            text = file.read_text()
            target = folder / name / file.parent.name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(
                mutated(text, rng) if number == hit else text,
                encoding="utf-8",
                errors="surrogatepass",
            )
            files.append(target)
        try:
            imported = import_inventory(DUMPS[name][0], files)
        except ClusterEmuError:
            continue
        worked += 1
        assert "SECRET" not in imported.text, (name, seed)
    return worked


def test_a_hundred_mutated_dumps_end_in_a_scenario_or_a_message(tmp_path: Path) -> None:
    assert run_mutations(100, tmp_path) >= 50


@pytest.mark.slow
def test_five_hundred_mutated_dumps(tmp_path: Path) -> None:
    assert run_mutations(500, tmp_path) >= 250


# --- the command ---------------------------------------------------------------------------------


def test_command_writes_says_what_was_guessed_and_is_used(emu: Emu, tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    done = emu("import", "kubevirt", *files_of("kubevirt-v1"), "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "link speed of hosts: 10 Gbit/s" in done.stdout
    assert "1: phase Succeeded" in done.stdout
    drained = emu("evacuate", out, "--host", "worker-1", "--replications", 1)
    assert "3 VMs leave host worker-1" in drained.stdout
    refused = emu("evacuate", out, "--host", "worker-2", "--replications", 1)
    assert refused.exit_code == 2
    assert "VM prod/pinned-1" in refused.stderr


def test_check_writes_nothing(emu: Emu, tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    done = emu("import", "kubevirt", *files_of("kubevirt-v1"), "--out", out, "--check", "--json")
    report = json.loads(done.stdout)
    assert report["hosts"] == 5 and report["written"] == []
    assert "Host worker-5 takes no VM: cordoned." in report["findings"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kubevirtt", "x.json", "--check"), "did you mean 'kubevirt'"),
        (("kubevirt", "x.json", "--check"), "x.json"),
        (("kubevirt", "x.json"), "--out"),
    ],
)
def test_wrong_words_end_with_2(emu: Emu, words: tuple[str, ...], message: str) -> None:
    done = emu("import", *words)
    assert done.exit_code == 2
    assert message in done.stderr
