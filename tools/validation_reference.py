"""Write docs/validation.md: what results are held against, and how far off they are.

    python tools/validation_reference.py

It takes a minute or two. A slow test fails where the file is not what this writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cluster_emu.validation.oracles import OracleResult, run_oracles
from cluster_emu.validation.qemu import QemuAgreement
from cluster_emu.validation.qemu.guest import CONSTANTS, LAYOUTS
from cluster_emu.validation.qemu.rows import NOT_IN_THE_ROWS

FILE = Path(__file__).parents[1] / "docs" / "validation.md"

START = """# Validation

<!-- Written by tools/validation_reference.py; do not edit. -->

`cluster-emu validate` holds results against everything that it finds: what can be worked out by
hand, other simulators, and migrations measured with QEMU. `--data FILE` takes other measurements,
`--traces DIR` adds CloudSim's day ([cloudsim.md](cloudsim.md)). The status is 1 if a comparison
does not hold. The files of the repository are not in an installed package; what is not there is
named as skipped.
"""

QEMU = """## Migrations measured with QEMU

`validation/qemu/migrations.csv` has 110 live migrations of QEMU 7.2 and 10.0 under software
emulation, alone and over a shared link; its README says how they were measured. `cluster-emu
validate qemu --data FILE` emulates each from its configuration alone, never from its outcome, and
compares. A row is quiet if the load of the machine was 3.6 at most. "Plain" rows are pre-copy
migrations alone, without capabilities. Errors are |emulated / measured - 1| of quiet rows that
complete: median, then 95th percentile. The total time leaves out the setup. The downtime is from
the stop at the source to the resume at the target. Each emulated figure is the mean over 3 seeds.
"""

CONSTANTS_START = """### Constants

What the rows do not say is in one table. Each constant holds for all rows; none is fitted to a
row.

| constant | value | where it comes from |
| --- | --- | --- |
"""


def reference() -> str:
    """Return the page."""
    agreements: dict[str, QemuAgreement] = {}
    oracles = _oracles(run_oracles(agreements=agreements))
    return "\n".join([START, *oracles, QEMU, *_agreements(agreements), *_constants()])


def _oracles(results: Iterable[OracleResult]) -> list[str]:
    lines = ["| what | compared with | cases | difference | asked | holds |", "| --- " * 6 + "|"]
    for one in results:
        found = f"skipped: {one.skipped}" if one.skipped else one.found
        holds = "-" if one.holds is None else "yes" if one.holds else "no"
        cells = (one.name, one.oracle, str(one.cases or "-"), found, one.asked or "-", holds)
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _agreements(agreements: dict[str, QemuAgreement]) -> list[str]:
    lines = []
    for fidelity, agreement in agreements.items():
        document = agreement.document()
        lines += [f"### `--fidelity {fidelity}`", "", *_modes(document), ""]
        wrong = ", ".join(document["wrong_verdicts"]) or "none"
        lines.append(f"Rows in which only one of the two completes: {wrong} of {document['n']}.")
        if document["skipped"]:
            skipped = len(document["skipped"])
            lines.append(
                f"Left out are {skipped} rows that counts of pages cannot represent: sweeps beside "
                "zero pages, and XBZRLE."
            )
        lines.append("")
    return lines


def _modes(document: dict[str, Any]) -> list[str]:
    lines = [
        "| rows | n | total time | bytes | downtime, link | downtime, cap | rounds off, most |",
        "| --- " * 7 + "|",
    ]
    for name, found in (("plain", document["metrics"]), *document["by_mode"].items()):
        cells = (
            name,
            str(found["n"]),
            _pair(found["total_time"], "ape"),
            _pair(found["transferred_bytes"], "ape"),
            _pair(found["downtime_link"], "ape"),
            _pair(found["downtime_cap"], "ms"),
            f"{found['rounds']['median_off']:.1f}, {found['rounds']['max_off']:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _pair(figure: dict[str, Any], unit: str) -> str:
    values = [figure[f"{name}_{unit}"] for name in ("median", "p95")]
    if values[0] is None:
        return "-"
    if unit == "ms":
        return f"{values[0]:.1f}, {values[1]:.1f} ms"
    return f"{100 * values[0]:.2f}, {100 * values[1]:.2f} %"


def _constants() -> list[str]:
    lines = [CONSTANTS_START.rstrip()]
    lines += [f"| `{one.name}` | {one.value:.6g} | {one.source} |" for one in CONSTANTS]
    lines += ["", "Where pages lie, by MiB of RAM (read off first syncs):", ""]
    lines += ["| RAM | above the zero pages | of these the writer's | zero at the end |"]
    lines += ["| --- " * 4 + "|"]
    lines += [
        f"| {size} MiB | {one.tail_pages} | {one.writer_pages} | {one.end_zero_pages} |"
        for size, one in LAYOUTS.items()
    ]
    lines += [
        "",
        "Settings that the shipped rows lack:",
        "",
        "| rows | setting |",
        "| --- " * 2 + "|",
    ]
    for name, settings in NOT_IN_THE_ROWS.items():
        words = ", ".join(f"`{key}` = {value:g}" for key, value in settings.items())
        lines.append(f"| {name} | {words} |")
    return [*lines, ""]


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
    print(FILE)
