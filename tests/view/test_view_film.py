"""A run as a film."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cluster_emu import RunResult, ScenarioError
from cluster_emu.view import Replay, film, frame_at, has_ffmpeg, write_film
from cluster_emu.view.film import BUSY_SHARE, frame_times

NEEDS_FFMPEG = pytest.mark.skipif(
    not has_ffmpeg() and os.environ.get("CI") != "true", reason="ffmpeg was not found"
)


def migrations(*spans: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(spans, columns=["start_s", "end_s"])


def test_a_gif_has_as_many_pictures_as_were_asked_for(live_run: RunResult, tmp_path: Path) -> None:
    done: list[tuple[float, float]] = []
    path = write_film(
        live_run,
        tmp_path / "film.gif",
        fps=5,
        seconds=1.0,
        progress=lambda *counts: done.append(counts),
    )

    with Image.open(path) as image:
        assert image.n_frames == 5
        assert image.info["duration"] == 200
        pictures = []
        for number in range(image.n_frames):
            image.seek(number)
            pictures.append(np.asarray(image.convert("RGB"), dtype=np.int64))
    assert all((a != b).any() for a, b in pairwise(pictures))
    assert done == [(number, 5) for number in range(1, 6)]
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_run_gives_the_same_gif(live_run: RunResult, tmp_path: Path) -> None:
    first, second = (
        write_film(live_run, tmp_path / name, fps=2, seconds=1.0).read_bytes()
        for name in ("a.gif", "b.gif")
    )

    assert first == second


@NEEDS_FFMPEG
def test_an_mp4_plays_for_the_time_asked_for(live_run: RunResult, tmp_path: Path) -> None:
    path = write_film(live_run, tmp_path / "film.mp4", fps=5, seconds=1.0)

    entries = "stream=codec_name,nb_frames,r_frame_rate"
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "csv=p=0", path]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "h264,5/1,5"
    assert list(tmp_path.iterdir()) == [path]


def test_without_ffmpeg_mp4_is_refused(
    live_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "has_ffmpeg", lambda: False)

    with pytest.raises(ScenarioError, match="ffmpeg was not found"):
        write_film(live_run, tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "wanted", "field"),
    [
        ("film.avi", {}, "path"),
        ("film.gif", {"fps": 0}, "fps"),
        ("film.gif", {"seconds": 0.0}, "seconds"),
        ("film.gif", {"seconds": float("nan")}, "seconds"),
        ("film.gif", {"seconds": 1e9}, "seconds"),
    ],
)
def test_what_is_not_possible_is_refused(
    live_run: RunResult, tmp_path: Path, name: str, wanted: dict[str, float], field: str
) -> None:
    with pytest.raises(ScenarioError, match=field):
        write_film(live_run, tmp_path / name, **wanted)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_an_error_leaves_no_file(
    live_run: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_film(live_run, tmp_path / "film.gif", fps=2, seconds=1.0, progress=fail)
    assert not list(tmp_path.iterdir())


def test_rare_migrations_have_most_of_the_film() -> None:
    times_s = frame_times(migrations((100.0, 110.0), (500.0, 510.0)), 10_000.0, 1000)

    busy = ((times_s >= 100) & (times_s <= 110)) | ((times_s >= 500) & (times_s <= 510))
    assert busy.mean() == pytest.approx(BUSY_SHARE, abs=0.01)


def test_a_run_without_migrations_passes_evenly() -> None:
    np.testing.assert_allclose(frame_times(migrations(), 90.0, 10), np.linspace(0, 90, 10))


@given(
    spans=st.lists(
        st.tuples(st.floats(0, 1000), st.floats(0.001, 1000)).map(lambda t: (t[0], t[0] + t[1])),
        max_size=6,
    ),
    count=st.integers(2, 60),
)
@settings(max_examples=30)
def test_the_film_goes_from_the_begin_to_the_end(
    spans: list[tuple[float, float]], count: int
) -> None:
    times_s = frame_times(migrations(*spans), 2500.0, count)

    assert len(times_s) == count
    assert times_s[0] == pytest.approx(0.0, abs=1e-9)
    assert times_s[-1] == pytest.approx(2500.0)
    assert (np.diff(times_s) >= -1e-9).all()


def test_a_replay_gives_the_same_frames_as_single_ones(hybrid_run: RunResult) -> None:
    replay = Replay(hybrid_run)

    for time_s in (0.0, 3.3, 10.0, 25.0, replay.end_s):
        one, other = replay.frame(time_s), frame_at(hybrid_run, time_s)
        np.testing.assert_array_equal(one.vm_host, other.vm_host)
        np.testing.assert_array_equal(one.utilisation, other.utilisation)
        assert one.moves == other.moves
