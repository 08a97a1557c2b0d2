"""An input: what is typed, and the files it names; each is made from a seed and a number alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from cluster_emu.numerals import MOST_REPLICATIONS
from tests.fuzz import good, graphs, hostile, parts, saved
from tests.fuzz.mutations import mutate_bytes, mutate_tree, short
from tests.fuzz.writing import json_document, toml_document, toml_value

MOST_MUTATIONS = 3
OUT = "out"
SAVED = "saved"


@dataclass
class Input:
    """A command line and the files it names.

    Args:
        kind: what is mutated.
        words: what is typed after ``cluster-emu``.
        files: contents by path below the working folder. A name in bytes is one that is not UTF-8;
            None is a folder, and a text is a kind of special file, "fifo" or the target of a link.
        writes_to: the paths that the command may write to.
        changes: what was mutated, in words.
        copies: folders of saved results by their name below the working folder.
        result_seeds: the seeds of what is changed in the saved result, once it is written.
    """

    kind: str
    words: list[str] = field(default_factory=list)
    files: dict[str | bytes, bytes | str | None] = field(default_factory=dict)
    writes_to: list[str] = field(default_factory=lambda: [OUT])
    changes: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    result_seeds: list[int] = field(default_factory=list)

    def write(self, folder: Path, saved_results: Path) -> None:
        """Write the files to a folder; `saved_results` holds what `saved.make_all` made."""
        folder.mkdir(parents=True)
        for name, result in self.copies.items():
            shutil.copytree(saved_results / result, folder / name, symlinks=True)
        for seed in self.result_seeds:
            self.changes.append(saved.mutate(Random(seed), folder / SAVED))
        root = os.fsencode(folder)
        for name, content in self.files.items():
            path = os.path.join(root, os.fsencode(name))  # noqa: PTH118 a name need not be UTF-8
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            if os.path.lexists(path) and content is not None:
                os.unlink(path)  # noqa: PTH108
            if content is None:
                os.makedirs(path, exist_ok=True)  # noqa: PTH103
            elif content == "fifo":
                os.mkfifo(path)
            elif isinstance(content, str):
                os.symlink(content, path)  # noqa: PTH211
            else:
                with open(path, "wb") as file:  # noqa: PTH123
                    file.write(content)


Apply = Callable[[Random], str]


class _Mutations:
    """Applies the mutations of an input, each with random numbers of its own.

    Args:
        seed: what the input is made from.
        kept: the numbers of the mutations to apply; None for all of them.
    """

    def __init__(self, seed: str, kept: Collection[int] | None) -> None:
        self._seed = seed
        self._kept = kept
        self._next = 0

    def apply(self, change: Apply, target: Input) -> None:
        """Apply a mutation, unless it is left out, and note it in the input."""
        number, self._next = self._next, self._next + 1
        if self._kept is None or number in self._kept:
            target.changes.append(change(Random(f"{self._seed}/{number}")))


def make_input(seed: int, number: int, kept: Collection[int] | None = None) -> Input:
    """Return an input; the same seed and number always give the same one.

    Args:
        seed: the seed of the campaign.
        number: the number of the input.
        kept: which of its mutations to apply, to find out which matter; None for all.
    """
    name = f"{seed}-{number}"
    random = Random(name)
    kinds, weights = zip(*((make, weight) for make, weight in KINDS.values()), strict=True)
    make = random.choices(kinds, weights=weights)[0]
    kind = next(key for key, (each, _) in KINDS.items() if each is make)
    made = Input(kind)
    make(random, made, _Mutations(name, kept))
    return made


def _count(random: Random) -> int:
    return random.choices((1, 2, MOST_MUTATIONS), weights=(6, 2, 1))[0]


# --- what is typed -------------------------------------------------------------------------------


def _command(random: Random, made: Input, scenario: str = "scenario.toml") -> None:
    """Type a command for a scenario: run most often; with and without results and JSON."""
    command = random.choices(
        ("run", "compare", "evacuate", "advise", "scenarios"), weights=(12, 2, 2, 1, 1)
    )[0]
    made.words = [command, scenario]
    if command == "compare":
        made.words += ["--strategies", "pre-copy,ma", "--replications", "2"]
    if command == "evacuate":
        made.words += ["--host", "0", "--replications", "1"]
    if command == "advise":
        made.words += ["--host", "0", "--replications", "1", "--parallel", "1,2"]
        made.words += ["--policies", "none,nova", "--strategies", "pre-copy,qemu"]
    if random.random() < (0.35 if command == "run" else 0.15):
        made.words += ["--out", OUT]
        if random.random() < 0.2 and command != "scenarios":
            made.copies[OUT] = "run"
            made.words += ["--overwrite"] if random.random() < 0.8 else []
        if command == "run" and random.random() < 0.3:
            made.words.append("--csv")
    if random.random() < 0.4:
        made.words.append("--json")


def _companions(random: Random, made: Input) -> None:
    """Add the good files that a scenario may name."""
    made.files |= {
        "net.graphml": graphs.document(good.graph(random)),
        "writes.json": json_document(good.recording()).encode(),
    }
    if "traces" not in made.copies:
        made.files |= {f"traces/{k}": v for k, v in good.traces(random, "planetlab").items()}


def _scenario_file(random: Random, made: Input, data: dict[str, Any]) -> None:
    _companions(random, made)
    made.files["scenario.toml"] = toml_document(data).encode("utf-8", "surrogatepass")


# --- kinds of inputs -----------------------------------------------------------------------------


def _scenario_values(random: Random, made: Input, mutations: _Mutations) -> None:
    data = good.scenario(random)
    for _ in range(_count(random)):
        mutations.apply(lambda own: mutate_tree(own, data), made)
    _scenario_file(random, made, data)
    _command(random, made)


def _scenario_fields(random: Random, made: Input, mutations: _Mutations) -> None:
    """Set fields that the scenario does not give, by their names in the models."""
    data = good.scenario(random)
    for _ in range(_count(random)):
        mutations.apply(lambda own: parts_of_models(own, data), made)
    _scenario_file(random, made, data)
    _command(random, made)


def parts_of_models(random: Random, data: dict[str, Any]) -> str:
    """Set a field of a section to a hostile value; return which."""
    section, name = random.choice(parts.fields_of_scenarios())
    table: Any = data
    for step in section:
        if isinstance(table, dict):
            empty = [{}] if step in parts.LISTS else {}
            table = table.setdefault(step, empty)
        if isinstance(table, list):
            table = table[0] if table else {}
    if not isinstance(table, dict):
        return "nothing changed"
    table[name] = hostile.value(random)
    return f"{'.'.join((*section, name))} = {short(table[name])}"


def _scenario_text(random: Random, made: Input, mutations: _Mutations) -> None:
    _scenario_file(random, made, good.scenario(random))
    _mutate_file("scenario.toml", random, made, mutations)
    _command(random, made)


def _mutate_file(name: str, random: Random, made: Input, mutations: _Mutations) -> None:
    def change(own: Random) -> str:
        content = made.files[name]
        assert isinstance(content, bytes)
        made.files[name], words = mutate_bytes(own, content)
        return f"{name}: {words}"

    for _ in range(_count(random)):
        mutations.apply(change, made)


def _part_parameters(random: Random, made: Input, mutations: _Mutations) -> None:
    """Mutate a part of any family at its place in a scenario, as a table or as text."""
    data = good.scenario(random)
    family = random.choice(list(PLACES))
    part = parts.good_part(random, family)
    if family == "topologies":
        hosts = {"fat-tree": 2}.get(part["name"], 4)
        data["hosts"][0]["count"] = hosts
    if family in ("fault-kinds", "triggers") and random.random() < 0.5:
        data["migrations"] = []
    for _ in range(_count(random)):
        mutations.apply(lambda own: parts.mutate_part(own, family, part), made)
    as_text = random.random() < 0.4
    value = parts.as_text(part) if as_text else part
    if as_text and random.random() < 0.3:
        mutations.apply(lambda own: f"{family} as {short(value)}", made)
    path, wrap = PLACES[family]
    value = wrap(value)
    if random.random() < 0.3:
        _scenario_file(random, made, data)
        _command(random, made)
        made.words += ["--set", f"{path}={_typed(value)}"]
        return
    table: Any = data
    *steps, last = path.split(".")
    for step in steps:
        index = int(step) if step.isdigit() else step
        table = table[index] if isinstance(index, int) else table.setdefault(index, {})
    table[last] = value
    _scenario_file(random, made, data)
    _command(random, made)
    if family == "strategies" and random.random() < 0.3:
        made.words = ["strategies", parts.as_text(part)]
        if random.random() < 0.5:
            made.words += ["--history", str(hostile.number(random))[:4000]]


def _typed(value: Any) -> str:
    """Return a value as it is typed after ``--set PATH=``; the system forbids NUL there."""
    words = value if isinstance(value, str) else toml_value(value)
    return words.replace("\x00", "")


def _detector(value: Any) -> list[Any]:
    return [{"name": "consolidation", "overload": value}]


def _consolidation(key: str) -> Callable[[Any], list[Any]]:
    return lambda value: [{"name": "consolidation", key: value}]


def _filter_scheduler(key: str) -> Callable[[Any], list[Any]]:
    return lambda value: [
        {"name": "drain", "hosts": [0], "placement": {"name": "filter-scheduler", key: [value]}}
    ]


def _arrivals(key: str) -> Callable[[Any], dict[str, Any]]:
    flavour = {"cpu_capacity": 1, "memory_bytes": "1 MiB", "profile": "idle"}
    others = {"process": "batch", "lifetime": "fixed:lifetime_s=1", "flavours": [flavour]}
    return lambda value: others | {key: value}


def _as_is(value: Any) -> Any:
    return value


def _alone(value: Any) -> list[Any]:
    return [value]


PLACES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "strategies": ("transfer.strategy", _as_is),
    "encoders": ("transfer.encoders", _alone),
    "stop-rules": ("transfer.stop", _as_is),
    "policies": ("transfer.policy", _as_is),
    "queue-orders": ("manager.order", _as_is),
    "topologies": ("topology", _as_is),
    "triggers": ("manager.triggers", _alone),
    "overload-detectors": ("manager.triggers", _consolidation("overload")),
    "underload-detectors": ("manager.triggers", _consolidation("underload")),
    "vm-selections": ("manager.triggers", _consolidation("selection")),
    "placements": ("manager.triggers", _consolidation("placement")),
    "placement-filters": ("manager.triggers", _filter_scheduler("filters")),
    "placement-scorers": ("manager.triggers", _filter_scheduler("scorers")),
    "demand-models": ("workload.demand", _as_is),
    "arrival-processes": ("arrivals", _arrivals("process")),
    "lifetime-distributions": ("arrivals", _arrivals("lifetime")),
    "intensity-mappings": ("workload.write_intensity", _as_is),
    "trace-readers": ("workload.trace_format", _as_is),
    "write-sources": ("vms.0.profile", _as_is),
    "memory-models": ("run.fidelity", _as_is),
    "fault-kinds": ("faults", _alone),
    "power-models": ("hosts.0.power", _as_is),
}
"""Where in a scenario a part of each family belongs, and what it is wrapped in there."""


MANY_REPLICATIONS = 5


def _study(random: Random, made: Input, mutations: _Mutations) -> None:
    _scenario_file(random, made, good.scenario(random))
    study = good.study(random)
    if random.random() < 0.5:
        study["replications"], study["strategies"] = 1, ["pre-copy"]
    by_value = random.random() < 0.7
    if by_value:
        for _ in range(_count(random)):
            mutations.apply(lambda own: mutate_tree(own, study), made)
    asked = study.get("replications")
    if isinstance(asked, int) and MANY_REPLICATIONS < asked <= MOST_REPLICATIONS:
        study["replications"] = MANY_REPLICATIONS  # more is work that was asked for, no hang
    made.files["study.toml"] = toml_document(study).encode("utf-8", "surrogatepass")
    if not by_value:
        _mutate_file("study.toml", random, made, mutations)
    made.words = ["batch", "study.toml", "--out", OUT]
    if random.random() < 0.1:
        made.words, made.writes_to = ["batch", "study.toml"], ["results"]
    if random.random() < 0.3:
        made.words.append("--json")


def _topology_file(random: Random, made: Input, mutations: _Mutations) -> None:
    data = good.scenario(random)
    data["topology"] = {"name": "graphml", "path": "net.graphml"}
    _scenario_file(random, made, data)
    draw = random.random()
    if draw < 0.5:
        graph = good.graph(random)
        for _ in range(_count(random)):
            mutations.apply(lambda own: graphs.mutate(own, graph), made)
        made.files["net.graphml"] = graphs.document(graph)
    elif draw < 0.8:
        _mutate_file("net.graphml", random, made, mutations)
    else:
        name = random.choice(("net.graphml.gz", "net.graphml.bz2", "net.graphml", "net.xml"))
        data["topology"]["path"] = name
        made.files["scenario.toml"] = toml_document(data).encode()
        mutations.apply(lambda own: _special_file(own, made, name), made)
    made.words = ["run", "scenario.toml"]


def _special_file(random: Random, made: Input, name: str) -> str:
    what, content = graphs.special(random)
    made.files[name] = content
    return f"{name} is {what}"


def _traces(random: Random, made: Input, mutations: _Mutations) -> None:
    style = random.choice(("planetlab", "timed", "csv"))
    data = good.scenario(random)
    reader = random.choice(("planetlab", "timed", "timed:step_s=5", "planetlab:step_s=60"))
    usual = "planetlab" if style == "planetlab" else "timed"
    data["workload"] = {
        "demand": random.choice(("trace", {"name": "trace", "interpolation": "linear"})),
        "traces": "traces",
        "trace_format": usual if random.random() < 0.8 else reader,
    }
    _scenario_file(random, made, data)
    made.files = {k: v for k, v in made.files.items() if not str(k).startswith("traces/")}
    files = {f"traces/{name}": content for name, content in good.traces(random, style).items()}
    made.files |= files
    if random.random() < 0.7:
        _mutate_file(random.choice(list(files)), random, made, mutations)
    else:
        mutations.apply(lambda own: _odd_entry(own, made), made)
    made.words = ["run", "scenario.toml"]


def _odd_entry(random: Random, made: Input) -> str:
    """Put something into the trace folder that is no ordinary file with an ordinary name."""
    name: str | bytes
    content: bytes | str | None
    name, content = random.choice(
        (
            ("traces/fifo", "fifo"),
            ("traces/folder", None),
            ("traces/loop", "loop"),
            ("traces/nowhere", "/nowhere/at/all"),
            ("traces/device", "/dev/zero"),
            ("traces/empty", b""),
            (b"traces/\xff\xfe", b"50\n"),
            ("traces/\x1b[31m", b"50\n"),
            ("traces/[red]", b"x50\n"),
            ("traces/=1+1", b"50\n60\n"),
            ("traces/" + "x" * 255, b"50\n"),
            ("traces/one", b"5" * 100_000 + b"\n"),
            ("traces/digits", "²\n³\n".encode()),
            ("traces/times", b"0 1\n1e-300 2\n1e300 3\n"),
            ("traces/same", b"0 1\n0 2\n"),
        )
    )
    made.files[name] = content
    return f"{short(name)} is {short(content)}"


def _recording(random: Random, made: Input, mutations: _Mutations) -> None:
    data = good.scenario(random)
    replay = {"name": "replay", "file": "writes.json", "per": random.choice(("time", "round"))}
    data["vms"][0]["profile"] = replay
    if random.random() < 0.5:
        data["run"]["fidelity"] = "pages"
    _scenario_file(random, made, data)
    _mutate_json("writes.json", good.recording(), random, made, mutations)
    made.words = ["run", "scenario.toml"]


def _validation(random: Random, made: Input, mutations: _Mutations) -> None:
    _mutate_json("cases.json", good.validation(), random, made, mutations)
    made.words = ["validate", "scalar", "--data", "cases.json"]
    made.words += ["--json"] if random.random() < 0.5 else []
    made.writes_to = []


def _mutate_json(name: str, data: Any, random: Random, made: Input, mutations: _Mutations) -> None:
    by_value = random.random() < 0.7
    if by_value:
        for _ in range(_count(random)):
            mutations.apply(lambda own: mutate_tree(own, data), made)
    made.files[name] = json_document(data).encode("utf-8", "surrogatepass")
    if not by_value:
        _mutate_file(name, random, made, mutations)


def _saved_result(random: Random, made: Input, mutations: _Mutations) -> None:
    """Read a saved result in which something was changed: to draw it, or to continue it."""
    result = random.choices(saved.RESULTS, weights=saved.WEIGHTS)[0]
    made.copies[SAVED] = result
    made.writes_to = [OUT]
    if result == "batch" and random.random() < 0.6:
        made.words = ["batch", "saved/study.toml", "--out", "saved/results"]
        made.writes_to = ["saved/results"]
    else:
        folder = "saved/results" if result == "batch" else "saved"
        made.words = ["plot", folder, "--out", OUT]
        if random.random() < 0.2:
            made.words, made.writes_to = ["plot", folder], ["saved"]
    for _ in range(_count(random)):
        mutations.apply(lambda own: _later(own, made), made)


def _later(random: Random, made: Input) -> str:
    """Choose what to change in a saved result when its files are there."""
    made.result_seeds.append(random.randrange(2**32))
    return f"a file of {made.copies[SAVED]}"


def _typed_words(random: Random, made: Input, mutations: _Mutations) -> None:
    """Mutate what is typed: options, names and paths."""
    _scenario_file(random, made, good.scenario(random))
    _command(random, made)
    if random.random() < 0.3:
        made.words = list(random.choice(OTHER_COMMANDS))

    def change(own: Random) -> str:
        option = own.choice(OPTIONS)
        word = own.choice((hostile.text(own), str(hostile.neighbour(own, 1)), _number_text(own)))
        word = word.replace("\x00", "").encode("utf-8", "replace").decode()[:4000]
        if option == "--set":
            word = f"{own.choice(PATHS)}={word}"
        if option == "a word":
            place = own.randrange(1, len(made.words)) if len(made.words) > 1 else 0
            made.words[place] = word
        else:
            made.words += [option, word]
        return f"{option} {short(word)}"

    for _ in range(_count(random)):
        mutations.apply(change, made)
    chosen = [made.words[i + 1] for i, word in enumerate(made.words[:-1]) if word == "--out"]
    made.writes_to = [OUT, "results", *chosen[-1:]]
    if made.words[:2] == ["plot", "."]:  # it adds its figures there
        made.writes_to.append(".")


def _number_text(random: Random) -> str:
    value = hostile.number(random)
    return hex(value) if isinstance(value, int) and value.bit_length() > 10_000 else str(value)


OPTIONS = (
    *("--set", "--set", "--set", "a word", "a word", "--out", "--out", "--seed", "--strategy"),
    *("--strategies", "--host", "--rack", "--parallel", "--max-downtime", "--uncertain"),
    *("--policy", "--policies", "--smallest-difference", "--traces", "--format", "--history"),
    *("--data", "--no-such-option"),
)
PATHS = (
    *("run.tick_s", "run.duration_s", "run.fidelity", "vms.0.memory_bytes", "vms.0.count"),
    *("vms.0.profile", "vms.9.count", "vms.-1.count", "vms", "hosts", "hosts.0.count", "name"),
    *("topology", "topology.hosts", "transfer.strategy", "transfer.stop", "transfer.policy"),
    *("transfer.encoders", "manager.triggers", "migrations", "migrations.0.vm", "faults"),
    *("", ".", "..", "a.b.c", "run", "run.", "__class__", "workload.traces", "topology.path"),
    *("run.tick_s.x", "description", "background", "high_availability.retry_s"),
)
OTHER_COMMANDS = (
    ("scenarios",),
    ("scenarios", "single", "--out", OUT),
    ("scenarios", "scenario.toml", "--out", OUT),
    ("list",),
    ("list", "stop-rules", "qemu"),
    ("strategies", "time-series"),
    ("strategies", "history-majority", "--out", OUT),
    ("validate", "scalar", "--data", "scenario.toml"),
    ("plot", "."),
    ("batch", "scenario.toml", "--out", OUT),
    ("run", "scenario.toml", "--traces", "traces"),
)


def _names(random: Random, made: Input, mutations: _Mutations) -> None:
    """Give things names that are paths, markup, formulas or control characters elsewhere."""
    data = good.scenario(random)

    def change(own: Random) -> str:
        name = own.choice(hostile.WORDS)
        key = own.choice(("name", "description", "group", "key", "strategy"))
        if key == "group":
            data["vms"][0][own.choice(("affinity", "anti_affinity"))] = name
        elif key == "key":
            data[name] = 1
        elif key == "strategy":
            data["transfer"]["strategy"] = name
        else:
            data[key] = name
        return f"{key} {short(name)}"

    for _ in range(_count(random)):
        mutations.apply(change, made)
    _scenario_file(random, made, data)
    _command(random, made)
    if random.random() < 0.4:
        made.words = ["scenarios", "scenario.toml", "--out", OUT]
    elif made.words[0] == "run" and random.random() < 0.5:
        made.words = ["run", "scenario.toml", "--out", OUT, "--csv"]
        made.copies.pop(OUT, None)


KINDS: dict[str, tuple[Callable[[Random, Input, _Mutations], None], int]] = {
    "scenario values": (_scenario_values, 22),
    "scenario fields": (_scenario_fields, 12),
    "scenario text": (_scenario_text, 8),
    "part parameters": (_part_parameters, 22),
    "study": (_study, 6),
    "topology file": (_topology_file, 8),
    "traces": (_traces, 5),
    "recording": (_recording, 4),
    "validation data": (_validation, 5),
    "saved result": (_saved_result, 5),
    "typed words": (_typed_words, 8),
    "names": (_names, 4),
}
"""How to make an input of each kind, and how many of a hundred or so are of it."""
