"""Pictures: a cluster, one migration, many of them, a drain, advice, a run, a comparison, a study.

Functions take data, draw on the `ax` or figure they are given or on a new one, and return it.
"""

from cluster_emu.results.reading import read_run
from cluster_emu.view.advice import draw_advice
from cluster_emu.view.anatomy import draw_anatomy
from cluster_emu.view.calibration import draw_dirty_curve
from cluster_emu.view.cluster import draw_cluster
from cluster_emu.view.cluster_racks import draw_racks
from cluster_emu.view.comparison import draw_comparison
from cluster_emu.view.course import draw_remaining, draw_rounds
from cluster_emu.view.drain import draw_drain
from cluster_emu.view.film import has_ffmpeg, write_film
from cluster_emu.view.frame import ClusterFrame, RunningMove
from cluster_emu.view.gantt import draw_gantt
from cluster_emu.view.link_load import draw_link_load
from cluster_emu.view.maintenance import draw_maintenance
from cluster_emu.view.microscope import draw_page_map, draw_truth_table
from cluster_emu.view.qemu_validation import draw_agreement
from cluster_emu.view.replay import Replay, busiest_instant_s, frame_at
from cluster_emu.view.run_folder import draw_run, plot_run
from cluster_emu.view.saving import figure_of, save_figure
from cluster_emu.view.sensitivity import draw_sensitivity
from cluster_emu.view.study import draw_study
from cluster_emu.view.style import figure_style
from cluster_emu.view.timeline import draw_timeline

__all__ = [
    "ClusterFrame",
    "Replay",
    "RunningMove",
    "busiest_instant_s",
    "draw_advice",
    "draw_agreement",
    "draw_anatomy",
    "draw_cluster",
    "draw_comparison",
    "draw_dirty_curve",
    "draw_drain",
    "draw_gantt",
    "draw_link_load",
    "draw_maintenance",
    "draw_page_map",
    "draw_racks",
    "draw_remaining",
    "draw_rounds",
    "draw_run",
    "draw_sensitivity",
    "draw_study",
    "draw_timeline",
    "draw_truth_table",
    "figure_of",
    "figure_style",
    "frame_at",
    "has_ffmpeg",
    "plot_run",
    "read_run",
    "save_figure",
    "write_film",
]
