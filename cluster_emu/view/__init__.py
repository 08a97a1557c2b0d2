"""Pictures: a cluster, one migration, many of them, a drain, advice, a run, a comparison, a study.

Functions take data, draw on the `ax` they are given or on a new figure, and return the axes. Those
that put several panels together draw on a `figure` and return that; each of their panels is a
function of its own, so that it can stand in a figure of the user's.
"""

from cluster_emu.results.reading import read_run
from cluster_emu.view.advice import draw_advice
from cluster_emu.view.anatomy import draw_anatomy, draw_anatomy_panel
from cluster_emu.view.calibration import draw_dirty_curve
from cluster_emu.view.cluster import draw_cluster
from cluster_emu.view.cluster_racks import draw_racks
from cluster_emu.view.comparison import (
    draw_comparison,
    draw_comparison_differences,
    draw_comparison_means,
)
from cluster_emu.view.course import draw_remaining, draw_rounds
from cluster_emu.view.drain import draw_drain, draw_vms_left
from cluster_emu.view.film import has_ffmpeg, write_film
from cluster_emu.view.frame import ClusterFrame, RunningMove
from cluster_emu.view.gantt import draw_gantt
from cluster_emu.view.link_load import draw_link_load
from cluster_emu.view.maintenance import draw_maintenance
from cluster_emu.view.microscope import draw_page_map, draw_truth_table
from cluster_emu.view.qemu_validation import draw_agreement, draw_agreement_panel
from cluster_emu.view.replay import Replay, busiest_instant_s, frame_at
from cluster_emu.view.run_folder import draw_run, plot_run
from cluster_emu.view.saving import figure_of, save_figure
from cluster_emu.view.sensitivity import draw_sensitivity, draw_sensitivity_panel
from cluster_emu.view.study import draw_study, draw_study_panel
from cluster_emu.view.style import figure_style
from cluster_emu.view.timeline import draw_timeline, draw_timeline_panel

__all__ = [
    "ClusterFrame",
    "Replay",
    "RunningMove",
    "busiest_instant_s",
    "draw_advice",
    "draw_agreement",
    "draw_agreement_panel",
    "draw_anatomy",
    "draw_anatomy_panel",
    "draw_cluster",
    "draw_comparison",
    "draw_comparison_differences",
    "draw_comparison_means",
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
    "draw_sensitivity_panel",
    "draw_study",
    "draw_study_panel",
    "draw_timeline",
    "draw_timeline_panel",
    "draw_truth_table",
    "draw_vms_left",
    "figure_of",
    "figure_style",
    "frame_at",
    "has_ffmpeg",
    "plot_run",
    "read_run",
    "save_figure",
    "write_film",
]
