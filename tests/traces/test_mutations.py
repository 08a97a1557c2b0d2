"""Damaged traces: a clear error or a load without a silent NaN, never a crash."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_emu.errors import TraceError
from cluster_emu.traces import Replay, trace_readers
from cluster_emu.traces.converting import write_neutral
from cluster_emu.traces.describing import described, survey
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.replay import demand_traces
from tests._support.recorded import MACHINES, TRACES, made_up, write_opendc, write_opendc_v1

FORMATS = [*TRACES, "alibaba machines", "opendc", "opendc-v1", "neutral"]
ODD = (
    *(b"", b"nan", b"inf", b"-1", b"1e999", b"-0", b"0x1f", b"1_0", b"\xff\xfe", b"\x00", b'"'),
    *(b"99999999999999999999999", b"\xd9\xa3", b"1,5", b";", b"{", b"null", b"\n", b"\r\n", b"#"),
    *(
        b"9" * 400,
        b"-9223372036854775808",
        b"9223372036854775807",
        b" 5 ",
        b"true",
        b">24",
        b"1e-320",
    ),
)


def files_of(format: str, folder: Path) -> list[Path]:
    """Write an unharmed trace into a folder and return its files."""
    match format:
        case "opendc":
            return write_opendc(folder)
        case "opendc-v1":
            return write_opendc_v1(folder)
        case "neutral":
            write_neutral(survey(trace_at(made_up(*TRACES["azure-2019"]))), folder, Replay())
            return [folder / "samples.parquet", folder / "vms.parquet"]
    names = MACHINES if format == "alibaba machines" else TRACES[format]
    for path in made_up(*names):
        (folder / path.name).write_bytes(path.read_bytes())
    return [folder / name for name in names]


def mutated(content: bytes, random: Random) -> bytes:
    """Return a content with one to three changes: of a byte, a field, a line or the length."""
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(content) + 1)
        lines = content.split(b"\n")
        number = random.randrange(len(lines))
        match random.randrange(8):
            case 0:
                content = content[:place] + random.randbytes(1) + content[place + 1 :]
            case 1:
                content = content[:place]
            case 2:
                content = content[:place] + random.choice(ODD) + content[place:]
            case 3:
                lines.insert(random.randrange(len(lines)), lines[number])
                content = b"\n".join(lines)
            case 4:
                del lines[number]
                content = b"\n".join(lines)
            case 5:
                random.shuffle(lines)
                content = b"\n".join(lines)
            case _:
                separator = b";" if b";" in lines[number] else b","
                fields = lines[number].split(separator)
                fields[random.randrange(len(fields))] = random.choice(ODD)
                lines[number] = separator.join(fields)
                content = b"\n".join(lines)
    return content


def check(format: str, seed: int, *, pack: bool) -> None:
    random = Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = files_of(format, folder)
        victim = random.choice(files)
        content = victim.read_bytes()
        if victim.suffix == ".gz" and not pack:
            content = gzip.compress(mutated(gzip.decompress(content), random))
        else:
            content = mutated(content, random)
        victim.write_bytes(content)
        forced = None
        if random.random() < 0.5:
            forced = trace_readers.create("alibaba-2018" if "alibaba" in format else format)
        try:
            found = trace_at([folder], forced)  # type: ignore[arg-type]
            read = survey(found)
            report = described(read)
            traces = demand_traces(found, Replay())
        except TraceError as error:
            assert str(folder) in str(error)
            return
        assert report.vms == len(read.vms) >= traces.trace_count >= 1
        assert np.isfinite(traces.values).all()
        for one in report.quantities.values():
            assert one.values + one.missing == report.samples
            assert one.mean is None or (np.isfinite(one.mean) and one.least >= 0.0)  # type: ignore[operator]


CASES = {"format": st.sampled_from(FORMATS), "seed": st.integers(0, 2**32), "pack": st.booleans()}
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@given(**CASES)
@settings(max_examples=100, **QUIET)  # type: ignore[arg-type]
def test_a_damaged_trace_gives_an_error_or_is_read_right(
    format: str, seed: int, pack: bool
) -> None:
    check(format, seed, pack=pack)


@pytest.mark.slow
@given(**CASES)
@settings(max_examples=1000, **QUIET)  # type: ignore[arg-type]
def test_a_thousand_damaged_traces_give_errors_or_are_read_right(
    format: str, seed: int, pack: bool
) -> None:
    check(format, seed, pack=pack)
