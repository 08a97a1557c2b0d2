"""Small files that are parsed together give what each gives by itself, errors as well."""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random

import numpy as np
import pytest

from cluster_emu.errors import TraceError
from cluster_emu.traces import small_files
from cluster_emu.traces.files import TraceFile, open_file
from cluster_emu.traces.rows import Column, csv_rows
from cluster_emu.traces.small_files import csv_rows_of
from tests._support.recorded import assert_same_series, made_up, read

COLUMNS = (Column("time", least=0), Column("who", "text"), Column("use", least=0, optional=True))
OPTIONS = {"delimiter": ";", "quoted": True, "header_lines": 1}
Parsed = list[tuple[str, list[int], list[list[object]]]]


def opened(path: Path) -> TraceFile:
    file = open_file(path)
    assert file is not None
    return file


def text_of(random: Random) -> str:
    lines = ["time;who;use"]
    for number in range(random.randrange(5)):
        lines.append(random.choice(["%d;a;1.5", '%d;"b";', "%d;c;2", '"%d";d;3']) % number)
        if random.random() < 0.1:
            lines.append(random.choice(["", "1;a", "x;y;z", '1;"a;2', "1;a\rb;2", "1;é;0.5"]))
    end = random.choice(["\n", "\r\n"])
    return end.join(lines) + random.choice([end, ""])


def parsed(files: list[TraceFile], together: bool) -> Parsed | str:
    try:
        if together:
            rows = list(csv_rows_of(files, COLUMNS, **OPTIONS))
        else:
            rows = [(file, each) for file in files for each in csv_rows(file, COLUMNS, **OPTIONS)]
    except TraceError as error:
        return str(error)
    return [
        (file.path, each.lines.tolist(), each.table.to_pandas().fillna(-1.0).values.tolist())
        for file, each in rows
    ]


@pytest.mark.parametrize("seed", range(150))
def test_together_as_one_by_one(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    files = []
    for number in range(random.randrange(1, 6)):
        path = tmp_path / f"{number}.csv"
        content = text_of(random).encode()
        path.write_bytes(gzip.compress(content) if random.random() < 0.1 else content)
        files.append(opened(path))
    assert parsed(files, True) == parsed(files, False)


def test_usual_files_are_parsed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    real = small_files.csv_rows

    def counting(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(small_files, "csv_rows", counting)
    (source,) = made_up("materna_01.csv")
    for number in range(40):
        (tmp_path / f"{number}.csv").write_bytes(source.read_bytes())
    vms, _ = read([tmp_path])
    assert calls == 1
    wanted = read([source])[0]["materna_01"]
    assert len(vms) == 40
    for vm, series in vms.items():
        assert np.array_equal(series.times_s, wanted.times_s)
        assert_same_series(
            series,
            type(wanted)(
                vm, *(getattr(wanted, name) for name in ("times_s", "durations_s", "quantities"))
            ),
        )
