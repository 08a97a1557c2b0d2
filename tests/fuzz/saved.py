"""Saved results with one thing changed: tables, reports, manifests, and stored cells of a study."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cluster_emu.cli import app
from cluster_emu.results.result_folder import MANIFEST
from tests.fuzz import good, hostile
from tests.fuzz.mutations import mutate_bytes, mutate_tree, short
from tests.fuzz.writing import json_document, toml_document

RESULTS = ("run", "compare", "evacuate", "batch", "advise")
WEIGHTS = (10, 3, 3, 8, 1)

SCENARIO: dict[str, Any] = {
    "name": "saved",
    "run": {"duration_s": 8, "tick_s": 1, "control_interval_s": 4, "stop_when_idle": True},
    "topology": {"name": "star", "hosts": 3, "host_bps": "1 Gbit/s"},
    "hosts": [{"count": 3, "cpu_capacity": 8, "memory_bytes": "1 GiB"}],
    "vms": [
        {"count": 2, "cpu_capacity": 2, "memory_bytes": "1 MiB", "profile": "web", "host": 0},
    ],
    "transfer": {"strategy": "pre-copy"},
    "migrations": [{"vm": 0, "target": 2, "at_s": 0.5}],
}
COMMANDS = {
    "run": ("run", "scenario.toml", "--csv"),
    "compare": ("compare", "scenario.toml", "--strategies", "ma,qemu", "--replications", "2"),
    "evacuate": ("evacuate", "scenario.toml", "--host", "0", "--replications", "1"),
    "batch": ("batch", "study.toml"),
    "advise": (
        *("advise", "scenario.toml", "--host", "0", "--replications", "1", "--parallel", "1"),
        *("--policies", "none", "--strategies", "ma,qemu"),
    ),
}


def make_all(folder: Path) -> None:
    """Run every command once and save its result in a subfolder of its name.

    That of `batch` has its study, its scenario and its results in the subfolder "results".
    """
    study = good.study(Random(0)) | {"replications": 1}
    for result, words in COMMANDS.items():
        place = folder / result
        is_batch = result == "batch"
        inputs = place if is_batch else folder
        inputs.mkdir(parents=True, exist_ok=True)
        (inputs / "scenario.toml").write_text(toml_document(SCENARIO), "utf-8")
        (inputs / "study.toml").write_text(toml_document(study), "utf-8")
        command = [str(inputs / each) if each.endswith(".toml") else each for each in words]
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()) as said,
        ):
            status = app(
                [*command, "--out", str(place / "results" if is_batch else place)],
                standalone_mode=False,
            )
        if status:
            raise RuntimeError(f"{' '.join(command)} ended with {status}: {said.getvalue()}")


def mutate(random: Random, folder: Path) -> str:
    """Change one thing in one file of a saved result; return what, in words.

    In most cases the manifest is made to fit the changed file, so that its reader is reached.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        return "nothing left to change"
    path = random.choice(files)
    words = _mutate_file(random, path)
    if path.name != MANIFEST and random.random() < 0.8:
        _fit_manifest(path.parent)
    return f"{path.relative_to(folder)}: {words}"


def _mutate_file(random: Random, path: Path) -> str:
    draw = random.random()
    if draw < 0.1:
        return _replace(random, path)
    change = CHANGES.get(path.suffix)
    if change is not None and draw < 0.75:
        try:
            return change(random, path)
        except (ValueError, OSError, pa.ArrowException, sqlite3.Error):
            pass  # an earlier mutation left no such file
    if not path.is_file():
        return "no file any more"
    content, words = mutate_bytes(random, path.read_bytes())
    path.write_bytes(content)
    return words


def _replace(random: Random, path: Path) -> str:
    """Put something else in the place of a file, or a file of another name."""
    siblings = sorted(each for each in path.parent.iterdir() if each.is_file())
    other = random.choice(siblings)
    what = random.choice(("gone", "a folder", "a FIFO", "a link outside", "another file", "empty"))
    if what == "another file" and other != path:
        shutil.copyfile(other, path)
        return f"is {other.name}"
    path.unlink()
    if what == "a folder":
        path.mkdir()
    if what == "a FIFO":
        os.mkfifo(path)
    if what == "a link outside":
        path.symlink_to("/nowhere/at/all")
    if what == "empty":
        path.touch()
    return what


def _table(random: Random, path: Path) -> str:
    """Change columns, types and values of a Parquet table."""
    table = pq.read_table(path)
    if not table.column_names:
        return "no columns"
    place = random.randrange(table.num_columns)
    name = table.column_names[place]
    count = table.num_rows
    changes: dict[str, Callable[[], pa.Table]] = {
        "without it": lambda: table.remove_column(place),
        "no rows": lambda: table.slice(0, 0),
        "one row": lambda: table.slice(0, 1),
        "all twice": lambda: pa.concat_tables([table, table]),
        "empty values": lambda: table.set_column(place, name, pa.nulls(count)),
        "another name": lambda: table.rename_columns(
            ["x" if each == name else each for each in table.column_names]
        ),
        "it twice": lambda: table.append_column(name, table.column(place)),
        "texts": lambda: _with(table, place, [hostile.text(random) for _ in range(count)]),
        "numbers": lambda: _with(
            table,
            place,
            [random.choice((*hostile.TINY, *hostile.HUGE, -1.0)) for _ in range(count)],
        ),
        "not finite": lambda: _with(
            table, place, [random.choice((float("nan"), float("inf")))] * count
        ),
        "whole numbers": lambda: _with(table, place, [2**63 - 1] * count),
        "truth values": lambda: _with(table, place, [True] * count),
        "lists": lambda: _with(table, place, [[1, 2]] * count),
        "tables": lambda: _with(table, place, [{"a": 1}] * count),
        "bytes": lambda: _with(table, place, [b"\xff"] * count),
        "none of them": lambda: pa.table({}),
    }
    what = random.choice(list(changes))
    pq.write_table(changes[what](), path)
    return f"column {name}: {what}"


def _with(table: pa.Table, place: int, values: list[Any]) -> pa.Table:
    return table.set_column(place, table.column_names[place], pa.array(values))


def _json(random: Random, path: Path) -> str:
    data = {"": json.loads(path.read_text("utf-8"))}
    words = mutate_tree(random, data)
    path.write_text(json_document(data.get("", data)), "utf-8", errors="surrogatepass")
    return words


def _csv(random: Random, path: Path) -> str:
    """Change one cell, or the number of cells, of a CSV table."""
    rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    row = random.choice(rows)
    place = random.randrange(len(row))
    what = random.choice(("value", "gone", "twice", "quote", "header only"))
    if what == "value":
        row[place] = random.choice((hostile.text(random), str(random.choice(hostile.HUGE))))
    if what == "gone":
        del row[place]
    if what == "twice":
        row.insert(place, row[place])
    if what == "quote":
        row[place] = '"' + row[place]
    if what == "header only":
        del rows[1:]
    path.write_text("\n".join(map(",".join, rows)), "utf-8", errors="surrogatepass")
    return f"cell {place}: {what}"


def _database(random: Random, path: Path) -> str:
    """Change a value of a SQLite database, or take a table away."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        tables = [name for (name,) in database.execute(names)]
        if not tables:
            return "no tables"
        table = random.choice(tables)
        columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
        column = random.choice(columns)
        what = random.choice(("value", "value", "value", "no rows", "no table", "another name"))
        if what == "value":
            value = random.choice((hostile.text(random), 2**63 - 1, -1, None, b"\xff", 1e308))
            row = f'SELECT rowid FROM "{table}" ORDER BY rowid LIMIT 1'
            change = f'UPDATE OR IGNORE "{table}" SET "{column}" = ? WHERE rowid = ({row})'
            with contextlib.suppress(sqlite3.IntegrityError, UnicodeEncodeError):
                database.execute(change, (value,))
            what = f"{column} = {short(value)}"
        elif what == "no rows":
            database.execute(f'DELETE FROM "{table}"')
        elif what == "no table":
            database.execute(f'DROP TABLE "{table}"')
        else:
            database.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "x"')
    return f"table {table}: {what}"


def _toml(random: Random, path: Path) -> str:
    content, words = mutate_bytes(random, path.read_bytes())
    path.write_bytes(content)
    return words


CHANGES: dict[str, Callable[[Random, Path], str]] = {
    ".parquet": _table,
    ".json": _json,
    ".csv": _csv,
    ".toml": _toml,
    ".sqlite": _database,
    ".sqlite3": _database,
    ".db": _database,
}


def _fit_manifest(folder: Path) -> None:
    """Make the digests in a manifest those of the files that are there now."""
    path = folder / MANIFEST
    if not path.is_file():
        return
    try:
        manifest = json.loads(path.read_text("utf-8"))
        for name in manifest["digests"]:
            if (folder / name).is_file():
                content = (folder / name).read_bytes()
                manifest["digests"][name] = hashlib.sha256(content).hexdigest()
        path.write_text(json.dumps(manifest), "utf-8")
    except (OSError, ValueError, KeyError, TypeError):
        return  # an earlier mutation changed the manifest
