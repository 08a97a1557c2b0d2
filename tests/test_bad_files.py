"""Malformed scenarios, graphs, traces and studies through the command line, and the exact answer.

Each case is a good file with one thing changed. The whole message is compared, so this is also the
list of what users read: file, field or line, value, and what is allowed there.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from cluster_emu.cli import app
from cluster_emu.scenario import HostGroup, Scenario, VMGroup
from cluster_emu.study.grid.study_file import Study

RUN = """\
[run]
duration_s = "10 s"
tick_s = "1 s"
control_interval_s = "10 s"
stop_when_idle = true
"""
SCENARIO = f"""\
name = "small"
topology = {{ name = "star", hosts = 2, host_bps = "1 Gbit/s" }}

{RUN}
[[hosts]]
count = 2
cpu_capacity = 8
memory_bytes = "16 GiB"

[[vms]]
count = 1
cpu_capacity = 2
memory_bytes = "1 MiB"
profile = "idle"

[workload]
demand = {{ name = "constant", share = 0.5 }}

[transfer]
strategy = "pre-copy"

[[migrations]]
vm = 0
target = 1
"""

STRATEGIES = (
    "one of history-majority, hybrid, ma, matrix-bitmap, post-copy, pre-copy, qemu, stop-and-copy, "
    "time-series, xen-legacy, xen-v2"
)
SERIES_PARAMETERS = (
    "history, threshold, window, sticky_last, to_send, first_round, peek_batch_pages"
)
TRANSFER_FIELDS = "did you mean 'bandwidth_bps'?"
SIZE_UNITS = "a number, alone or with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"
TIME_UNITS = "a number, alone or with one of the units us, ms, s, min, m, h, d"
RATE_UNITS = "a number, alone or with one of the units bit/s, kbit/s, Mbit/s, Gbit/s, Tbit/s"
NO_DEFAULT = "a value, as it has no default"
AXIS = (
    "a list of values, or a table with range = { from, to, step }, "
    "logrange = { from, to, values }, or low and high"
)
HALF_A_CLASS = "[{ share = 0.5, writes_per_page_s = 1 }, { share = 0.4, writes_per_page_s = 1 }]"
AS_READ = "[{'share': 0.5, 'writes_per_page_s': 1}, {'share': 0.4, 'writes_per_page_s': 1}]"


class Case(NamedTuple):
    """What is changed in the good file, and what the message says after the file's name."""

    old: str
    new: str
    field: str
    value: str
    allowed: str


def one_of(fields: type[BaseModel]) -> str:
    """Return the names that a table of a file may have, as an error lists them."""
    return f"one of {', '.join(sorted(fields.model_fields))}"


SCENARIOS = {
    "unknown key": Case(
        '= "16 GiB"',
        '= "16 GiB"\nmemory_byts = 1',
        "hosts.0.memory_byts",
        "1",
        f"{one_of(HostGroup)}; did you mean 'memory_bytes'?",
    ),
    "misspelt key that leaves another missing": Case(
        "cpu_capacity = 8",
        "cpus_capacity = 8",
        "hosts.0.cpus_capacity",
        "8",
        f"{one_of(HostGroup)}; did you mean 'cpu_capacity'?",
    ),
    "unknown table": Case(
        "[workload]",
        "[worklod]",
        "worklod",
        "{'demand': {'name': 'constant', 'share': 0.5}}",
        f"one of {', '.join(sorted(Scenario.model_fields))}; did you mean 'workload'?",
    ),
    "wrong unit of memory": Case(
        '"16 GiB"', '"16 GiBit"', "hosts.0.memory_bytes", "'16 GiBit'", SIZE_UNITS
    ),
    "wrong unit of time": Case('"1 s"', '"1 sec"', "run.tick_s", "'1 sec'", TIME_UNITS),
    "wrong unit of a rate": Case('"1 Gbit/s"', '"1 GB"', "topology.host_bps", "'1 GB'", RATE_UNITS),
    "negative capacity": Case(
        "cpu_capacity = 8", "cpu_capacity = -8", "hosts.0.cpu_capacity", "-8", "a number > 0"
    ),
    "negative capacity of a link": Case(
        '"1 Gbit/s"', "-1e9", "topology.host_bps", "-1000000000.0", "a number > 0"
    ),
    "NaN": Case(
        "cpu_capacity = 8", "cpu_capacity = nan", "hosts.0.cpu_capacity", "nan", "a finite number"
    ),
    "infinity": Case('"10 s"\ntick', "inf\ntick", "run.duration_s", "inf", "a finite number"),
    "text for a number": Case(
        "cpu_capacity = 8",
        'cpu_capacity = "8 cores"',
        "hosts.0.cpu_capacity",
        "'8 cores'",
        "a number",
    ),
    "fraction of a VM": Case("count = 1", "count = 1.5", "vms.0.count", "1.5", "a whole number"),
    "no VM": Case("count = 1", "count = 0", "vms.0.count", "0", "a number > 0"),
    "share above 1": Case("0.5", "1.5", "workload.demand.share", "1.5", "a number <= 1"),
    "more memory than fits into numbers": Case(
        '"1 MiB"', '"9e9 TiB"', "vms.0.memory_bytes", "'9e9 TiB'", f"a number <= {2**60}"
    ),
    "VM larger than every host": Case(
        '"1 MiB"',
        '"17 GiB"',
        "vms.0.memory_bytes",
        str(17 * 2**30),
        f"at most the largest host's {16 * 2**30} bytes",
    ),
    "too many VMs": Case(
        'count = 1\ncpu_capacity = 2\nmemory_bytes = "1 MiB"',
        'count = 9\ncpu_capacity = 2\nmemory_bytes = "4 GiB"',
        "vms.0.count",
        "9",
        "what the hosts' memory holds, 8 with placement 'spread'",
    ),
    "host that does not exist": Case(
        '"idle"',
        '"idle"\nhost = 2',
        "vms.0.host",
        "2",
        f"the number of a host below 2 with {2**20} bytes of memory left",
    ),
    "more hosts than the topology has": Case(
        "count = 2",
        "count = 3",
        "hosts",
        "3",
        "2 hosts in all groups together, as many as the topology has",
    ),
    "tick that does not divide the control interval": Case(
        '"1 s"', '"3 s"', "run.tick_s", "3.0", "a time that divides run.control_interval_s = 10 s"
    ),
    "migration of a VM that does not exist": Case(
        "vm = 0", "vm = 7", "migrations.0.vm", "7", "a number below 1"
    ),
    "migration to a host that does not exist": Case(
        "target = 1", "target = 2", "migrations.0.target", "2", "a number below 2"
    ),
    "unknown strategy": Case(
        '"pre-copy"',
        '"pre-copi"',
        "transfer.strategy",
        "'pre-copi'",
        f"{STRATEGIES}; did you mean 'pre-copy'?",
    ),
    "unknown parameter of a strategy": Case(
        '"pre-copy"',
        '"time-series:treshold=3"',
        "transfer.strategy.treshold",
        "3",
        f"a parameter of strategy 'time-series': {SERIES_PARAMETERS}",
    ),
    "threshold above the history": Case(
        '"pre-copy"',
        '{ name = "time-series", history = 5, threshold = 6 }',
        "transfer.strategy.threshold",
        "6",
        "1 to 5 (the history)",
    ),
    "word that is none of the choices": Case(
        '"pre-copy"',
        '{ name = "history-majority", to_send = "sometimes" }',
        "transfer.strategy.to_send",
        "'sometimes'",
        "one of 'sticky' or 'literal'",
    ),
    "number for a strategy": Case(
        '"pre-copy"', "5", "transfer.strategy", "5", "a name, or a table with a name and parameters"
    ),
    "two caps on the rate": Case(
        "[transfer]",
        '[transfer]\nbandwidth_bps = "1 Gbit/s"\npage_time_s = "6.78 ms"',
        "transfer.page_time_s",
        "'6.78 ms'",
        "nothing where bandwidth_bps caps the rate already",
    ),
    "write shares that do not sum to 1": Case(
        '"idle"',
        f'{{ name = "inline", classes = {HALF_A_CLASS} }}',
        "vms.0.profile.classes",
        AS_READ,
        "shares, with that of zipf, that sum to 1 within 1e-06 (these sum to 0.9)",
    ),
    "unknown write profile": Case(
        '"idle"',
        '"idel"',
        "vms.0.profile",
        "'idel'",
        "one of analytics, cache, idle, inline, kernel-build, memory-hog, oltp, regions, replay, "
        "samples, stream, uniform, web; did you mean 'idle'?",
    ),
    "missing section": Case(
        RUN,
        "",
        "run",
        "nothing",
        NO_DEFAULT,
    ),
    "missing value": Case('name = "small"\n', "", "name", "nothing", NO_DEFAULT),
    "table for a list": Case(
        "[[migrations]]", "[migrations]", "migrations", "{'vm': 0, 'target': 1}", "a list"
    ),
    "not TOML at all": Case(
        SCENARIO,
        "{'name': 'small'}",
        "line 1",
        "\"{'name': 'small'}\"",
        "TOML (Invalid statement)",
    ),
    "not TOML in one line": Case(
        "[transfer]",
        "[transfer",
        "line 24",
        "'[transfer'",
        "TOML (Expected ']' at the end of a table declaration)",
    ),
}

NODES = (("a", "host"), ("b", "host"), ("s", "switch"))
EDGES = (("a", "s", 1e9), ("s", "b", 1e9))


def graphml(nodes: object = NODES, edges: object = EDGES) -> str:
    """Return a GraphML document; a capacity or kind that is None is left out."""
    lines = [
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
        '<key id="k" for="node" attr.name="kind" attr.type="string"/>',
        '<key id="c" for="edge" attr.name="capacity_bps" attr.type="double"/>',
        '<graph edgedefault="undirected">',
    ]
    for name, kind in nodes:
        lines.append(f'<node id="{name}"><data key="k">{kind}</data></node>')
    for left, right, capacity in edges:
        data = "" if capacity is None else f'<data key="c">{capacity}</data>'
        lines.append(f'<edge source="{left}" target="{right}">{data}</edge>')
    return "\n".join([*lines, "</graph>", "</graphml>"])


GRAPHS = {
    "disconnected": (
        graphml(edges=EDGES[:1]),
        "topology.nodes.b = 'cut off, 0 edges': allowed is a connected graph, every node reached "
        "from a",
    ),
    "edge without capacity": (
        graphml(edges=(EDGES[0], ("s", "b", None))),
        "topology.edges.b-s.capacity_bps = 'missing': allowed is a finite number of bit/s above 0",
    ),
    "negative capacity": (
        graphml(edges=(EDGES[0], ("s", "b", -1e9))),
        "topology.edges.b-s.capacity_bps = -1000000000.0: allowed is a finite number of bit/s "
        "above 0",
    ),
    "NaN for a capacity": (
        graphml(edges=(EDGES[0], ("s", "b", "NaN"))),
        "topology.edges.b-s.capacity_bps = nan: allowed is a finite number of bit/s above 0",
    ),
    "unknown kind of node": (
        graphml(nodes=(*NODES[:2], ("s", "router"))),
        "topology.nodes.s.kind = 'router': allowed is 'host' or 'switch'",
    ),
    "no host": (
        graphml(nodes=[(name, "switch") for name, _ in NODES]),
        "topology.nodes = '3 nodes, no host': allowed is at least one host",
    ),
    "not GraphML": (
        "hosts: 2",
        "topology.graphml = 'syntax error: line 1, column 0': allowed is a GraphML document",
    ),
}

GOOD_DAY = ["40"] * 288
WHOLE_NUMBER = "a whole number from 0 to 100"
TRACES = {
    "empty": (
        [],
        f", line 1: 'end of the file': allowed is one {WHOLE_NUMBER.removeprefix('a ')} per line",
    ),
    "not a number": ([*GOOD_DAY[:16], "idle"], f", line 17: 'idle': allowed is {WHOLE_NUMBER}"),
    "more than 100 %": ([*GOOD_DAY[:16], "130"], f", line 17: '130': allowed is {WHOLE_NUMBER}"),
    "negative": ([*GOOD_DAY[:16], "-1"], f", line 17: '-1': allowed is {WHOLE_NUMBER}"),
    "empty line": ([*GOOD_DAY[:16], "", "40"], f", line 17: '': allowed is {WHOLE_NUMBER}"),
}

STUDY = """\
name = "small"
scenario = "scenario.toml"
strategies = ["pre-copy"]
replications = 2

[axes]
"vms.0.page_bytes" = [4096, 8192]
"""
STUDIES = {
    "bad path of an axis": Case(
        "vms.0.page_bytes",
        "vms.0.page_byte",
        "vms.0.page_byte",
        "4096",
        f"{one_of(VMGroup)}; did you mean 'page_bytes'?",
    ),
    "path beyond a list": Case(
        "vms.0.page", "vms.3.page", "vms.3.page_bytes", "4096", "a path whose list index is below 1"
    ),
    "bad value on an axis": Case("8192", "0", "vms.0.page_bytes", "0", "a number > 0"),
    "value for a list": Case("[4096, 8192]", "4096", "axes.vms.0.page_bytes", "4096", AXIS),
    "unknown strategy": Case(
        "pre-copy",
        "precopy",
        "strategies.precopy",
        "'precopy'",
        f"{STRATEGIES}; did you mean 'pre-copy'?",
    ),
    "no strategy": Case('["pre-copy"]', "[]", "strategies", "[]", "a list of 1 or more"),
    "no replication": Case("= 2", "= 0", "replications", "0", "a number >= 1"),
    "unknown key": Case(
        "replications",
        "replication",
        "replication",
        "2",
        f"{one_of(Study)}; did you mean 'replications'?",
    ),
    "unknown scenario": Case(
        "scenario.toml",
        "nowhere.toml",
        "scenario",
        "'nowhere.toml'",
        "a file in the study's folder, or one of cloudsim-planetlab, cluster, evacuation, "
        "evacuation-large, paper, single",
    ),
    "not TOML": Case(
        "[axes]",
        "[axes",
        "line 6",
        "'[axes'",
        "TOML (Expected ']' at the end of a table declaration)",
    ),
}

Refusal = Callable[..., str]


@pytest.fixture
def refusal(tmp_path: Path) -> Refusal:
    """Return what types a command, checks that it is refused properly, and gives the message."""

    def typed(*words: object) -> str:
        out = tmp_path / "out"
        command = [str(word) for word in (*words, "--out", out, "--json")]
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2, result.stderr
        assert result.stdout == ""
        assert not out.exists()
        return str(result.stderr)

    return typed


def changed(folder: Path, name: str, good: str, old: str, new: str) -> Path:
    """Write the good text with one thing changed and return the file."""
    assert old in good
    file = folder / name
    file.write_text(good.replace(old, new, 1), encoding="utf-8")
    return file


def day_of(folder: Path, lines: list[str]) -> Path:
    """Make a trace folder whose second file has these lines; return it."""
    folder.mkdir()
    for name, content in (("vm_1", GOOD_DAY), ("vm_2", lines)):
        (folder / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", SCENARIOS.values(), ids=list(SCENARIOS))
def test_scenarios(refusal: Refusal, tmp_path: Path, case: Case) -> None:
    file = changed(tmp_path, "scenario.toml", SCENARIO, case.old, case.new)
    expected = f"cluster-emu: {file}: {case.field} = {case.value}: allowed is {case.allowed}\n"
    assert refusal("run", file) == expected
    if not case.field.startswith("transfer.strategy"):  # which compare replaces by its own
        assert refusal("compare", file, "--strategies", "ma,qemu") == expected


@pytest.mark.parametrize(("text", "message"), GRAPHS.values(), ids=list(GRAPHS))
def test_graphs(refusal: Refusal, tmp_path: Path, text: str, message: str) -> None:
    network = tmp_path / "network.graphml"
    network.write_text(text, encoding="utf-8")
    star = 'name = "star", hosts = 2, host_bps = "1 Gbit/s"'
    beside = 'name = "graphml", path = "network.graphml"'
    file = changed(tmp_path, "scenario.toml", SCENARIO, star, beside)
    assert refusal("run", file) == f"cluster-emu: {network}: {message}\n"


@pytest.mark.parametrize(("lines", "message"), TRACES.values(), ids=list(TRACES))
def test_traces(refusal: Refusal, tmp_path: Path, lines: list[str], message: str) -> None:
    folder = day_of(tmp_path / "20990101", lines)
    file = changed(tmp_path, "scenario.toml", SCENARIO, "", "")
    expected = f"cluster-emu: {folder / 'vm_2'}{message}\n"
    assert refusal("run", file, "--traces", folder) == expected
    assert refusal("compare", file, "--strategies", "ma,qemu", "--traces", folder) == expected


@pytest.mark.parametrize(("there", "found"), [(True, "an empty folder"), (False, "no such folder")])
def test_trace_folders(refusal: Refusal, tmp_path: Path, there: bool, found: str) -> None:
    folder = tmp_path / "20990101"
    if there:
        folder.mkdir()
    allowed = "a folder with one trace file per VM"
    expected = f"cluster-emu: {folder}: '{found}': allowed is {allowed}\n"
    assert refusal("run", "cluster", "--traces", folder) == expected
    demand = 'demand = "trace"\ntraces = "20990101"'
    old = 'demand = { name = "constant", share = 0.5 }'
    assert refusal("run", changed(tmp_path, "s.toml", SCENARIO, old, demand)) == expected


@pytest.mark.parametrize("case", STUDIES.values(), ids=list(STUDIES))
def test_studies(refusal: Refusal, tmp_path: Path, case: Case) -> None:
    changed(tmp_path, "scenario.toml", SCENARIO, "", "")
    file = changed(tmp_path, "study.toml", STUDY, case.old, case.new)
    expected = f"cluster-emu: {file}: {case.field} = {case.value}: allowed is {case.allowed}\n"
    assert refusal("batch", file) == expected


def test_the_scenario_of_a_study_is_blamed_for_its_own_faults(
    refusal: Refusal, tmp_path: Path
) -> None:
    scenario = changed(tmp_path, "scenario.toml", SCENARIO, "cpu_capacity = 8", "cpu_capacity = 0")
    study = changed(tmp_path, "study.toml", STUDY, "", "")
    expected = f"cluster-emu: {scenario}: hosts.0.cpu_capacity = 0: allowed is a number > 0\n"
    assert refusal("batch", study) == expected


def test_recorded_writes(refusal: Refusal, tmp_path: Path) -> None:
    recorded = 'profile = { name = "replay", file = "writes.json" }'
    file = changed(tmp_path, "scenario.toml", SCENARIO, 'profile = "idle"', recorded)
    writes = tmp_path / "writes.json"
    field = f"vms.0.profile.file = '{writes}'"
    readable = "a readable file (No such file or directory)"
    assert refusal("run", file) == f"cluster-emu: {file}: {field}: allowed is {readable}\n"
    writes.write_text('{"interval_s": -1, "dirty_pages": [[0]]}', encoding="utf-8")
    field = "vms.0.profile.interval_s = -1"
    assert refusal("run", file) == f"cluster-emu: {writes}: {field}: allowed is a number > 0\n"


def test_the_good_files_are_good(tmp_path: Path) -> None:
    file = changed(tmp_path, "scenario.toml", SCENARIO, "", "")
    study = changed(tmp_path, "study.toml", STUDY, "", "")
    (tmp_path / "network.graphml").write_text(graphml(), encoding="utf-8")
    network = f'topology={{ name = "graphml", path = "{tmp_path / "network.graphml"}" }}'
    day = day_of(tmp_path / "20990101", GOOD_DAY)
    for words in (
        ("run", file, "--set", network, "--traces", day, "--out", tmp_path / "run"),
        ("batch", study, "--out", tmp_path / "batch"),
    ):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.stderr


@pytest.mark.slow
def test_the_same_from_a_process_of_its_own(tmp_path: Path) -> None:
    file = changed(tmp_path, "scenario.toml", SCENARIO, "cpu_capacity = 8", "cpu_capacity = -8")
    out = tmp_path / "out"
    start = "import sys; from cluster_emu.cli import main; sys.exit(main())"
    for command in (["run", file], ["compare", file, "--strategies", "ma,qemu", "--jobs", "2"]):
        words = [str(word) for word in (*command, "--out", out)]
        done = subprocess.run(
            [sys.executable, "-c", start, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stdout == ""
        message = "hosts.0.cpu_capacity = -8: allowed is a number > 0"
        assert done.stderr == f"cluster-emu: {file}: {message}\n"
        assert not out.exists()
