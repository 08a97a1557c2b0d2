"""Write the results that README.md quotes, each between its two markers, and a figure.

    python tools/readme_tables.py            # all of them: some two minutes on two cores
    python tools/readme_tables.py paper      # those named

A block of results stands between ``<!-- results: NAME -->`` and ``<!-- end of results -->``.
A slow test fails where README.md is not what this writes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cluster_emu import Comparison, compare, metric_catalogue, run_batch
from cluster_emu.study.report.comparison import PairedDifference
from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.wording import interval, number, percent

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FIGURE = ROOT / "docs" / "images" / "comparison.png"
JOBS = 2
COLUMNS = "120"
"""Width of the tables that commands print."""

BLOCK = re.compile(
    r"^(?P<indent> *)<!-- results: (?P<name>[\w-]+) -->\n"
    r"(?P<content>.*?)^ *<!-- end of results -->",
    re.DOTALL | re.MULTILINE,
)

PAPER_SEEDS, METHOD_SEEDS, CLUSTER_SEEDS, SWEEP_SEEDS = 200, 20, 6, 5

BASELINE = "time-series:threshold=5,history=5,first_round=full"
PROPOSED = "history-majority:history=5,first_round=full"
CLAIMS = {
    "fewer pages sent before stop-and-copy": "pages_sent_precopy",
    "less downtime": "downtime_s",
    "less total time": "total_time_s",
}
METHODS = {
    "stop-and-copy": "stop-and-copy",
    "pre-copy": "pre-copy (Clark, no skip)",
    "time-series": "time-series (Hu)",
    "history-majority": "history-majority (proposed)",
    "hybrid": "hybrid",
    "post-copy": "post-copy",
}
COLUMNS_OF_METHODS = {
    "total_time_s": "total time s",
    "downtime_s": "downtime ms",
    "fault_stall_s": "stalls after resume s",
    "pages_sent_precopy": "pages sent live",
    "pages_sent_stop": "pages sent stopped",
    "pages_sent_postcopy": "pages sent after resume",
}
ONE_RULE = "xen-legacy"
AT_ONCE = "manager.max_per_cluster"


def paper() -> str:
    """Return the paper's claims with fixed samples: 20 pages per VM."""
    found = compare(
        "paper",
        [BASELINE, PROPOSED],
        fields={"vms.0.page_count": 20},
        replications=PAPER_SEEDS,
        jobs=JOBS,
    )
    rows = [f"| claim, {PAPER_SEEDS} seeds | difference [95 % interval] | verdict | claim |"]
    rows.append("|---|---|---|---|")
    for claim, metric in CLAIMS.items():
        pair = _pair(found, metric)
        base = found.report().metrics[metric][pair.a].mean
        ends = ", ".join(percent(end / base) for end in pair.ci95 if end is not None and base)
        size = f"{percent(pair.relative_difference)} [{ends}]"
        holds = {"lower": "**holds**", "undecided": "undecided"}
        rows.append(
            f"| {claim} | {size} | {pair.verdict} | {holds.get(pair.verdict, '**fails**')} |"
        )
    return _lines(rows)


def cluster() -> str:
    """Return what `make run` answers, and draw its figure."""
    found = compare(
        "cluster", ["time-series", "history-majority"], replications=CLUSTER_SEEDS, jobs=JOBS
    )
    _draw(found)
    return _lines([f"> {found.answer}"])


def one_migration() -> str:
    """Return what one migration costs under each method, and what the filter changes.

    The methods are compared under one stop rule, so that they differ in what they send alone; the
    filter and its baseline also under the five rounds of the paper.
    """
    fields = {"vms.0.profile": "cache"}
    often = {"replications": METHOD_SEEDS, "jobs": JOBS}
    found = compare("single", list(METHODS), fields=fields | {"transfer.stop": ONE_RULE}, **often)
    of_paper = compare("single", ["time-series", "history-majority"], fields=fields, **often)
    metrics = found.report().metrics
    rows = [f"| strategy, {METHOD_SEEDS} seeds | {' | '.join(COLUMNS_OF_METHODS.values())} |"]
    rows.append("|---|" + "---:|" * len(COLUMNS_OF_METHODS))
    for name, label in METHODS.items():
        means = (_mean(metric, metrics[metric][name]) for metric in COLUMNS_OF_METHODS)
        rows.append(f"| {label} | {' | '.join(means)} |")
    return _lines(
        [
            *rows,
            "",
            "The proposed filter against the time series, "
            f"under this rule: {_filter_changes(found)}.",
            f"With the five rounds of its paper instead: {_filter_changes(of_paper)}.",
        ]
    )


def _filter_changes(found: Comparison) -> str:
    pairs = {
        metric: _pair(found, metric, "time-series", "history-majority")
        for metric in ("total_time_s", "downtime_s")
    }
    return "; ".join(f"{_label(name)} {_difference(pair)}" for name, pair in pairs.items())


def evacuation() -> str:
    """Return the drain's first table and its answer."""
    shown = _command("evacuate evacuation --rack 0 --replications 5 --jobs 2")
    table, answer = shown[: _end_of_table(shown)], shown[-2:]
    return _lines(["```", *table, "...", *answer, "```"])


def advice() -> str:
    """Return the ways that are compared, and the answer."""
    shown = _command(
        "advise evacuation --rack 0 --max-downtime 0.5 --policies kubevirt,nova "
        "--strategies qemu,hybrid --parallel 4,16 --set run.fidelity=auto --jobs 2"
    )
    table, answer = shown[: _end_of_table(shown)], shown[-2:]
    return _lines(["```", *table, "...", *answer, "```"])


def concurrency() -> str:
    """Return what eight migrations at once do to a drain, strategy by strategy."""
    with tempfile.TemporaryDirectory() as name:
        done = run_batch(
            ROOT / "experiments" / "studies" / "concurrency_one_host.toml",
            out=Path(name),
            jobs=JOBS,
            changes={
                "replications": SWEEP_SEEDS,
                "axes": {AT_ONCE: [1, 8], "workload.demand.share": [0.2]},
            },
        )
    means = {(group.axes[AT_ONCE], group.strategy): group.means for group in done.report().means}
    rows = [
        f"| strategy, {SWEEP_SEEDS} seeds | drain s, one at a time | drain s, eight at once "
        "| p95 downtime ms, one | p95 downtime ms, eight |",
        "|---|---:|---:|---:|---:|",
    ]
    for strategy in done.strategies:
        cells = (
            _mean(metric, means[at_once, strategy][metric])
            for metric in ("makespan_s", "downtime_p95_s")
            for at_once in (1, 8)
        )
        rows.append(f"| {strategy} | {' | '.join(cells)} |")
    return _lines(rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "paper": paper,
    "cluster": cluster,
    "one-migration": one_migration,
    "evacuation": evacuation,
    "advice": advice,
    "concurrency": concurrency,
}
"""What makes each block of results, by its name in README.md."""


def blocks(text: str) -> dict[str, str]:
    """Return the blocks of results in a text by name, without their indentation."""
    return {
        found["name"]: re.sub(rf"^{found['indent']}", "", found["content"], flags=re.MULTILINE)
        for found in BLOCK.finditer(text)
    }


def with_block(text: str, name: str, content: str) -> str:
    """Return the text with another content of a block."""

    def written(found: re.Match[str]) -> str:
        if found["name"] != name:
            return found[0]
        indent = found["indent"]
        lines = [f"<!-- results: {name} -->", *content.splitlines(), "<!-- end of results -->"]
        return "\n".join(f"{indent}{line}".rstrip() for line in lines)

    return BLOCK.sub(written, text)


def main(names: list[str]) -> None:
    """Write the blocks named, or all."""
    unknown = set(names) - set(BLOCKS)
    if unknown:
        sys.exit(f"no such results: {', '.join(sorted(unknown))}; there are {', '.join(BLOCKS)}")
    for name in names or BLOCKS:
        print(name, flush=True)
        content = BLOCKS[name]()
        README.write_text(with_block(README.read_text("utf-8"), name, content), "utf-8")


# --- parts of blocks ------------------------------------------------------------------------------


def _pair(found: Comparison, metric: str, a: str = BASELINE, b: str = PROPOSED) -> PairedDifference:
    return next(
        pair for pair in found.report().paired if (pair.metric, pair.a, pair.b) == (metric, a, b)
    )


def _mean(metric: str, found: MeanFigure) -> str:
    """Return a mean with its interval in the metric's unit; the mean alone where all agree."""
    scale = metric_catalogue[metric].scale
    mean = number(None if found.mean is None else found.mean * scale)
    ends = interval(*found.ci95, scale)
    return mean if ends == f"[{mean}, {mean}]" else f"{mean} {ends}".rstrip()


def _label(metric: str) -> str:
    return metric_catalogue[metric].label


def _difference(pair: PairedDifference) -> str:
    """Return a verdict with the difference: "undecided (-0.54 ms [-1.22, 0.14])"."""
    metric = metric_catalogue[pair.metric]
    mean = number(None if pair.mean_difference is None else pair.mean_difference * metric.scale)
    return f"{pair.verdict} ({mean} {metric.unit} {interval(*pair.ci95, metric.scale)})"


def _command(words: str) -> list[str]:
    """Return the lines that a command of `cluster-emu` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "cluster_emu", *words.split()],
        env={**os.environ, "COLUMNS": COLUMNS},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [line.rstrip() for line in done.stdout.splitlines()]


def _end_of_table(lines: list[str]) -> int:
    """Return the number of lines up to the end of the first table."""
    return next(number for number, line in enumerate(lines, 1) if line.startswith("└"))


def _draw(found: Comparison) -> None:
    from cluster_emu.view import draw_comparison, save_figure

    save_figure(draw_comparison(found.report()), FIGURE)


def _lines(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
