"""A fitted write profile, and fitted constants of migrations, as TOML that scenarios use."""

from __future__ import annotations

import json

from cluster_emu.calibration.fitting import CurveFit
from cluster_emu.calibration.migrations import MigrationConstants

DIGITS = 10


def profile_text(fit: CurveFit, name: str) -> str:
    """Return a file with the profile, for `workload.profiles`.

    What is never written is a class of rate 0; all shares sum to 1.
    """
    rows = [(one.share, one.writes_per_page_s) for one in fit.classes if one.share > 0.0]
    rest = 1.0 - sum(round(share, DIGITS) for share, _ in rows)
    if rest > 10.0**-DIGITS:
        rows.append((rest, 0.0))
    lines = [
        f"  {{ share = {round(share, DIGITS)}, writes_per_page_s = {float(f'{rate:.6g}')} }},"
        for share, rate in rows
    ]
    summary = f"fitted to {len(fit.curve.periods_s)} readings of dirty pages"
    return "\n".join(
        [
            '# Written by cluster-emu calibrate. Use it with workload.profiles = "this file" and',
            f"# the profile {name!r} for VMs. The rates hold at write intensity 1, the load that",
            "# was measured.",
            f"[{_text(name)}]",
            f"summary = {_text(summary)}",
            f"source = {_text(fit.curve.source)}",
            'tag = "fitted"',
            "classes = [",
            *lines,
            "]",
            "",
        ]
    )


def constants_text(found: MigrationConstants) -> str:
    """Return a part of a scenario with what was fitted to migrations."""
    lines = ["# Written by cluster-emu calibrate, from measured migrations."]
    if found.link_efficiency is not None:
        lines.append(
            f"# Links carry {found.link_efficiency.value:.6g} of their nominal rate: multiply the "
            "rates of the topology by it."
        )
    if found.sync_s_per_page is not None:
        lines.append(
            f"# Fetching the dirty bitmap takes {found.sync_s_per_page.value:.4g} s per page of "
            "the VM."
        )
    lines.append("[transfer]")
    if found.setup_s is not None:
        lines.append(f"prepare_s = {found.setup_s.value:.6g}")
    if found.device_s is not None:
        lines.append(f"suspend_s = {max(found.device_s.value, 0.0):.6g}")
    return "\n".join([*lines, ""])


def _text(text: str) -> str:
    """Return a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text)
