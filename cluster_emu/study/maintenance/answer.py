"""The result of a campaign in words."""

from __future__ import annotations

from dataclasses import replace

from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.study.report.maintenance import HostLeft, MaintenanceReport
from cluster_emu.wording import counted, number, whole_percent

MOST_NAMED = 3


def campaign_answer(report: MaintenanceReport) -> MaintenanceReport:
    """Return the report with its answer."""
    sentences = [
        _duration(report),
        _moves(report),
        _interruption(report),
        _capacity(report),
        _left(report),
    ]
    return replace(report, answer=" ".join(each for each in sentences if each))


def in_minutes(seconds: float | None) -> str:
    """Return a time in the unit in which people say it."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"


def _duration(report: MaintenanceReport) -> str:
    runs = report.replications - len(report.errors)
    if runs == 0:
        return "No replication ended: there is no result."
    hosts = counted(report.hosts, "host")
    if report.done == 0:
        return f"No campaign over {hosts} ({report.order}) brings all of them back."
    median = in_minutes(report.campaign_p50_s.value)
    text = f"Rebooting {hosts} ({report.order}) takes {median} (median of {counted(runs, 'run')})"
    if report.campaign_p50_s.value is None:
        mean = f"{report.done} of {runs} campaigns bring all hosts back"
        return f"{mean}."
    if report.done < runs:
        return f"{text}; in {runs - report.done} of them a host is left."
    low, high = report.campaign_s.ci95
    if low is not None and high is not None and high > low * (1 + 1e-9):
        text += (
            f", mean {in_minutes(report.campaign_s.mean)} [{in_minutes(low)}, {in_minutes(high)}]"
        )
    return f"{text}."


def _moves(report: MaintenanceReport) -> str:
    if not report.moves.mean:
        return "No VM moves."
    text = (
        f"{_mean(report.moves)} migrations move VMs, {_mean(report.moves_per_vm)} per VM and at "
        f"most {_mean(report.most_moves_of_a_vm)}"
    )
    naive = report.naive
    if naive is None or naive.moves_saved.mean is None:
        return f"{text}."
    saved = naive.moves_saved
    if not saved.mean:
        return f"{text}; avoiding hosts that are emptied next saves none."
    more = "saves" if saved.mean and saved.mean > 0 else "costs"
    return f"{text}; avoiding hosts that are emptied next {more} {_mean(saved, unsigned=True)}."


def _interruption(report: MaintenanceReport) -> str:
    if report.interrupted_max_s.mean is None or not report.worst_vms:
        return ""
    worst = report.worst_vms[0]
    name = worst.name or str(worst.vm)
    return (
        "The longest interruption of a VM's service over the campaign is "
        f"{report.interrupted_max_s.mean:.3g} s; VM {name} is interrupted longest in the mean."
    )


def _capacity(report: MaintenanceReport) -> str:
    share = report.capacity_out_share.mean
    if share is None:
        return ""
    return f"On average {whole_percent(share)} of the CPU is out of service meanwhile."


def _left(report: MaintenanceReport) -> str:
    if not report.hosts_left:
        return ""
    named = "; ".join(_why(each) for each in report.hosts_left[:MOST_NAMED])
    rest = len(report.hosts_left) - MOST_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return f"Left: {named}{more}."


def _why(left: HostLeft) -> str:
    return f"host {left.name or left.host} ({left.phase}: {left.why or 'the run ended'})"


def _mean(figure: MeanFigure, *, unsigned: bool = False) -> str:
    mean = figure.mean or 0.0
    return number(abs(mean) if unsigned else mean)
