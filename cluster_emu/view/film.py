"""A run as a film: the cluster from beginning to end, as MP4 or GIF."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.animation import FFMpegWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.results.run_result import RunResult
from cluster_emu.results.writing import UNFINISHED
from cluster_emu.view.cluster import cluster_height, draw_cluster
from cluster_emu.view.replay import Replay
from cluster_emu.view.style import BLACK, PURPLE, look, new_figure, tint
from cluster_emu.view.timeline import time_unit, under_way

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = (".mp4", ".gif")
FPS, SECONDS = 10, 20.0
MOST_FPS, MOST_FRAMES = 60, 20_000
DPI = 100
STRIP_INCHES = 0.75
BUSY_SHARE = 0.7
"""Part of the film that time with migrations under way gets, however rare it is."""

FAST = ["-preset", "veryfast", "-pix_fmt", "yuv420p"]
SAME_BYTES = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]

Progress = Callable[[float, float], None]
Floats = NDArray[np.float64]


def has_ffmpeg() -> bool:
    """Return whether the program ffmpeg, which makes MP4, was found."""
    return FFMpegWriter.isAvailable()


def write_film(
    result: RunResult,
    path: Path,
    *,
    fps: int = FPS,
    seconds: float = SECONDS,
    progress: Progress | None = None,
) -> Path:
    """Write a whole run as a film, atomically, and return the file.

    It shows the cluster as `draw_cluster` does, over a strip of the migrations under way. Time in
    which something migrates passes slower: it has at least 70 % of the film. Simulated time is in
    the title.

    Args:
        result: the run.
        path: the file, whose ending says what it is: MP4, for which ffmpeg must be found, or GIF.
        fps: pictures per second, 1 to 60.
        seconds: length of the film.
        progress: called with how many pictures are done, and how many there are.

    Raises:
        ScenarioError: if one of these is not allowed, or there is no ffmpeg for MP4.
        ClusterEmuError: if the scenario's topology cannot be built any more.
    """
    times_s, kind = _checked(result, path, fps, seconds)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as place:
        unfinished = Path(place) / f"film{kind}"
        scene = _Scene(result, times_s)
        pictures = _counted(scene, progress)
        if kind == ".mp4":
            _write_mp4(scene.figure, pictures, unfinished, fps)
        else:
            _write_gif(scene.figure, pictures, unfinished, fps)
        unfinished.replace(path)
    return path


def _checked(result: RunResult, path: Path, fps: int, seconds: float) -> tuple[Floats, str]:
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ScenarioError("path", str(path), "a file name that ends in .mp4 or .gif")
    if kind == ".mp4" and not has_ffmpeg():
        raise ScenarioError("path", str(path), ".gif, as the program ffmpeg was not found")
    if not 1 <= fps <= MOST_FPS:
        raise ScenarioError("fps", fps, f"a whole number from 1 to {MOST_FPS}")
    count = round(fps * seconds) if 0 < seconds < MOST_FRAMES else 0
    if not 2 <= count <= MOST_FRAMES:
        allowed = f"a time in which there are 2 to {MOST_FRAMES:,} pictures"
        raise ScenarioError("seconds", seconds, allowed)
    return frame_times(result.migrations, Replay(result).end_s, count), kind


def frame_times(migrations: pd.DataFrame, end_s: float, count: int) -> Floats:
    """Return the instants that are shown, ascending, from 0 to the end, shape [count].

    Time with migrations under way passes evenly, and so does other time, but faster.

    Args:
        migrations: the table `migrations`.
        end_s: end of the run.
        count: how many, at least 2.
    """
    counts = under_way(migrations)
    edges = np.unique(np.concatenate([[0.0, end_s], counts.index.to_numpy(np.float64)]))
    edges = edges[edges <= end_s]
    lengths = np.diff(edges)
    at = np.searchsorted(counts.index.to_numpy(np.float64), edges[:-1], side="right") - 1
    busy = np.where(at >= 0, counts.to_numpy()[at], 0) > 0
    busy_s, quiet_s = float(lengths[busy].sum()), float(lengths[~busy].sum())
    share = busy_s / max(busy_s + quiet_s, 1e-300)
    if busy_s and quiet_s:
        share = max(share, BUSY_SHARE)
    weights = np.where(busy, share / max(busy_s, 1e-300), (1 - share) / max(quiet_s, 1e-300))
    film = np.concatenate([[0.0], np.cumsum(weights * lengths)])
    if film[-1] <= 0:
        return np.full(count, end_s)
    times_s: Floats = np.interp(np.linspace(0.0, film[-1], count), film, edges)
    return times_s


class _Scene:
    """The figure of which each picture of the film is a state.

    Args:
        result: the run.
        times_s: the instants that are shown.
    """

    def __init__(self, result: RunResult, times_s: Floats) -> None:
        self._replay = Replay(result)
        self._times_s = times_s
        first = self._replay.frame(float(times_s[0]))
        height = cluster_height(first) + 1.2 + STRIP_INCHES
        self.figure = new_figure(height)
        self.figure.set_dpi(DPI)
        FigureCanvasAgg(self.figure)
        self._ax, strip = self.figure.subplots(2, 1, height_ratios=[height, STRIP_INCHES])
        draw_cluster(first, self._ax)
        self._size, self._now = _draw_strip(strip, result.migrations, self._replay.end_s)
        # The layout is found once, so that nothing moves from picture to picture.
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def __len__(self) -> int:
        return len(self._times_s)

    def __iter__(self) -> Iterator[None]:
        """Draw one instant after the other."""
        for time_s in self._times_s.tolist():
            self._ax.clear()
            draw_cluster(self._replay.frame(time_s), self._ax, with_bar=False)
            self._now.set_xdata([time_s / self._size] * 2)
            yield


def _draw_strip(ax: Axes, migrations: pd.DataFrame, end_s: float) -> tuple[float, Line2D]:
    """Draw migrations under way over the run; return the time unit and the line of the present."""
    size, unit = time_unit(end_s)
    counts = under_way(migrations)
    times = np.append(counts.index.to_numpy(np.float64), end_s) / size
    levels = np.append(counts.to_numpy(np.float64), counts.iloc[-1])
    ax.fill_between(times, levels, step="post", color=tint(PURPLE), alpha=0.4, linewidth=0)
    ax.step(times, levels, where="post", color=tint(PURPLE), linewidth=0.8)
    now = ax.axvline(0.0, color=tint(BLACK), linewidth=1.4)
    ax.set_xlim(0, end_s / size)
    ax.set_ylim(0, 1.15 * max(float(levels.max()), 1.0))
    ax.set_yticks([0, int(max(levels.max(), 1))])
    ax.set_ylabel("Migrations", fontsize=look().note_pt)
    ax.set_xlabel(f"Simulated time ({unit})", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.spines[["top", "right"]].set_visible(False)
    return size, now


def _counted(scene: _Scene, progress: Progress | None) -> Iterator[None]:
    for done, _ in enumerate(scene, start=1):
        yield
        if progress is not None:
            progress(done, len(scene))


def _write_mp4(figure: Figure, pictures: Iterator[None], path: Path, fps: int) -> None:
    writer = FFMpegWriter(fps=fps, codec="libx264", extra_args=[*FAST, *SAME_BYTES])
    with writer.saving(figure, str(path), DPI):
        for _ in pictures:
            writer.grab_frame()


def _write_gif(figure: Figure, pictures: Iterator[None], path: Path, fps: int) -> None:
    """Write a GIF picture by picture, so that memory does not grow with the film."""
    images = _images(figure, pictures)
    first = next(images)
    first.save(
        path, format="GIF", save_all=True, append_images=images, duration=round(1000 / fps), loop=0
    )


def _images(figure: Figure, pictures: Iterator[None]) -> Iterator[Image]:
    from PIL import Image

    canvas: Any = figure.canvas
    palette = None
    for _ in pictures:
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        palette = palette or image.quantize(256)
        yield image.quantize(palette=palette, dither=Image.Dither.NONE)
