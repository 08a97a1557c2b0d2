"""Make docs/gallery.md: every figure of `cluster_emu.view` with its picture.

    python tools/gallery.py            # the page and its pictures
    python tools/gallery.py --check    # ends with 1 if the page does not list every figure

The pictures show built-in scenarios with made-up traces; all seeds are fixed. It takes some two
minutes. The check draws nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from cluster_emu import (
    Batch,
    ClusterModel,
    Comparison,
    Evacuation,
    RunResult,
    advise,
    analyse_sensitivity,
    compare,
    evacuate,
    run_batch,
    view,
)
from cluster_emu.calibration import fit_curve, read_curve
from cluster_emu.memory.page_state import PageState
from cluster_emu.scenario import scenario_from
from cluster_emu.study import maintain
from cluster_emu.transfer.observation import ObservedMemory, observe
from cluster_emu.validation import validate_qemu
from cluster_emu.view import figure_of, figure_style, save_figure
from cluster_emu.view.style import new_figure

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
MEASURED = ROOT / "validation" / "qemu" / "migrations.csv"
PICTURES = ROOT / "docs" / "images" / "gallery"
DRAWS = ("draw_", "write_film")
"""Starts of the names of functions that draw."""

COLOURS = 256
"""Colours of a picture: enough for lines and bars, and a file of some 50 kB."""

Picture = Figure | Axes


class Entry(NamedTuple):
    """A figure in the gallery.

    Args:
        title: what it shows.
        function: the name of the function that draws it.
        call: the call, as a reader would type it.
        draw: draws it.
        dark: whether its dark variant is shown, too.
    """

    title: str
    function: str
    call: str
    draw: Callable[[], Picture]
    dark: bool = False


# --- data ----------------------------------------------------------------------------------------


@cache
def cluster_run() -> RunResult:
    """Return four hours of consolidation on 32 hosts."""
    return ClusterModel("cluster", rng=3).run()


@cache
def one_run() -> RunResult:
    """Return a run in which one VM migrates."""
    fields = {
        "vms.0.profile": {"name": "uniform", "writes_per_page_s": 0.1},
        "transfer.stop": "xen-legacy",
    }
    return ClusterModel("single", "history-majority", rng=1, **fields).run()


@cache
def large_model() -> ClusterModel:
    """Return a model of 2,000 hosts with 150 migrations in flight."""
    hosts, moves = 2000, 150
    topology = {"name": "leaf-spine", "leaves": 50, "spines": 4, "hosts_per_leaf": 40}
    model = ClusterModel(
        scenario_from(
            {
                "name": "large",
                "run": {"duration_s": 600.0, "tick_s": 10.0, "fidelity": "lumped"},
                "topology": {**topology, "host_bps": "10 Gbit/s", "oversubscription": 4.0},
                "hosts": [{"count": hosts, "cpu_capacity": 8, "memory_bytes": "256 GiB"}],
                "vms": [
                    {
                        "count": 4 * hosts,
                        "cpu_capacity": 4,
                        "memory_bytes": "24 GiB",
                        "profile": "web",
                    }
                ],
                "workload": {"demand": "trace"},
                "transfer": {"strategy": "pre-copy"},
                "manager": {"max_per_cluster": moves},
                "migrations": [
                    {"at_s": 5.0, "vm": 37 * i % (4 * hosts), "target": (91 * i + 700) % hosts}
                    for i in range(moves)
                ],
            }
        ),
        rng=1,
    )
    for _ in range(2):
        model.step()
    return model


@cache
def seen(fidelity: str) -> tuple[ClusterModel, ObservedMemory]:
    """Return a migration in its ninth round."""
    fields = {
        "run.fidelity": fidelity,
        "run.tick_s": 0.1,
        "vms.0.profile": {"name": "uniform", "writes_per_page_s": 0.2},
        "transfer.stop": "fixed-rounds:rounds=12",
    }
    model = ClusterModel("single", "history-majority", rng=1, **fields)
    while model.running:
        model.step()
        for migration in model.manager.scheduler.live.values():
            found = observe(migration, model.loop.now_s)
            if found is None or found.counts is None or found.round_number != 9:
                continue
            if found.counts[PageState.SENT] > found.counts[PageState.TO_SEND]:
                return model, found
    raise RuntimeError("the migration had no ninth round")


@cache
def comparison() -> Comparison:
    """Return three strategies compared on an hour of consolidation."""
    strategies = ["pre-copy", "time-series", "history-majority"]
    fields = {"run.duration_s": 3600.0, "run.fidelity": "lumped"}
    return compare("cluster", strategies, replications=4, fields=fields)


@cache
def evacuation() -> Evacuation:
    """Return the drain of two hosts."""
    fields = {"run.fidelity": "lumped"}
    return evacuate("evacuation", hosts=[0, 1], replications=2, fields=fields)


@cache
def study() -> Batch:
    """Return a study over bandwidths and kinds of VMs."""
    text = (
        'name = "bandwidth"\n'
        'scenario = "single"\n'
        'strategies = ["pre-copy", "xen-legacy", "history-majority"]\n'
        "replications = 3\n"
        "[axes]\n"
        '"transfer.bandwidth_bps" = ["250 Mbit/s", "500 Mbit/s", "1 Gbit/s"]\n'
        '"vms.0.profile" = ["web", "oltp"]\n'
    )
    folder = Path(tempfile.mkdtemp())
    (folder / "study.toml").write_text(text, "utf-8")
    return run_batch(folder / "study.toml", out=folder / "out")


def longest(run: RunResult) -> dict[str, object]:
    """Return the migration of a run that took longest."""
    return run.migrations.nlargest(1, "total_time_s").iloc[0].to_dict()


def advice() -> Picture:
    """Draw ways to empty a host."""
    found = advise(
        "evacuation",
        hosts=[0],
        policies=["kubevirt", "nova"],
        strategies=["qemu", "pre-copy"],
        parallel=[1, 2, 4, 8],
        replications=2,
        fields={"run.fidelity": "lumped"},
    )
    return view.draw_advice(found.report())


def campaign() -> Picture:
    """Draw a maintenance campaign."""
    fields = {"run.fidelity": "lumped"}
    found = maintain(
        "evacuation",
        order="2-at-a-time",
        reboot_s="10 min",
        replications=1,
        fields=fields,
        compare_naive=False,
    )
    return view.draw_maintenance(found.hosts)


def curve() -> Picture:
    """Draw a dirty curve that was measured."""
    return view.draw_dirty_curve(fit_curve(read_curve(ROOT / "tests/data/qemu_dirty_vector.json")))


def agreement() -> Picture:
    """Draw measured migrations beside emulated ones."""
    return view.draw_agreement(validate_qemu(MEASURED, seeds=1))


def sensitivity() -> Picture:
    """Draw what explains the variance of a study."""
    found = analyse_sensitivity(study(), "total_time_s")
    return view.draw_sensitivity(found.to_frame(), "total_time_s")


def panels() -> Picture:
    """Draw panels of several figures in one."""
    figure = new_figure(6.0)
    axes = figure.subplots(3, 2)
    run, report = cluster_run(), comparison().report()
    web = study().means[study().means["vms.0.profile"] == "web"]
    shares = analyse_sensitivity(study(), "total_time_s").to_frame()
    view.draw_timeline_panel(run.tables["hosts"], run.migrations, "power", axes[0, 0])
    drain = evacuation().median_replication
    assert drain is not None
    view.draw_vms_left(drain.run.migrations, axes[0, 1], drain_s=drain.run.drain_s)
    view.draw_comparison_means(report, "total_time_s", axes[1, 0])
    view.draw_comparison_differences(report, "total_time_s", axes[1, 1])
    view.draw_study_panel(web, "total_time_s", axes[2, 0])
    first = (
        shares["strategy"] == shares["strategy"].iloc[0] if "strategy" in shares else slice(None)
    )
    view.draw_sensitivity_panel(shares[first], axes[2, 1])
    return figure


def truth_table() -> Picture:
    """Draw which row decides in a running migration."""
    model, found = seen("pages")
    return view.draw_truth_table(
        model.transfer_strategy, found.round_number, decided=found.decided, last=found.last
    )


ENTRIES = (
    Entry(
        "A cluster at one instant",
        "draw_cluster",
        "draw_cluster(frame_at(result, busiest_instant_s(result.migrations)))",
        lambda: view.draw_run(cluster_run(), "cluster"),
        dark=True,
    ),
    Entry(
        "2,000 hosts at one instant",
        "draw_racks",
        "draw_cluster(ClusterFrame.of(model))",
        lambda: view.draw_cluster(view.ClusterFrame.of(large_model())),
        dark=True,
    ),
    Entry(
        "A run from beginning to end",
        "draw_timeline",
        'draw_timeline(result.tables["hosts"], result.migrations)',
        lambda: view.draw_run(cluster_run(), "timeline"),
    ),
    Entry(
        "Many migrations",
        "draw_gantt",
        "draw_gantt(result.migrations, result.rounds)",
        lambda: view.draw_run(cluster_run(), "gantt"),
        dark=True,
    ),
    Entry(
        "The load of links",
        "draw_link_load",
        'draw_link_load(result.tables["links"])',
        lambda: view.draw_run(cluster_run(), "links"),
    ),
    Entry(
        "One migration, round by round",
        "draw_anatomy",
        "draw_anatomy(result.rounds, result.migrations.iloc[0])",
        lambda: view.draw_anatomy(one_run().rounds, longest(one_run())),
        dark=True,
    ),
    Entry(
        "Its rounds as a waterfall",
        "draw_rounds",
        "draw_rounds(result.rounds, result.migrations.iloc[0])",
        lambda: view.draw_rounds(one_run().rounds, longest(one_run())),
    ),
    Entry(
        "The pages it had left to send",
        "draw_remaining",
        "draw_remaining(result.rounds, result.migrations.iloc[0], stop_pages=50)",
        lambda: view.draw_run(one_run(), "remaining"),
    ),
    Entry(
        "The pages of a running migration",
        "draw_page_map",
        "draw_page_map(observe(model.manager.scheduler.live[0], model.loop.now_s))",
        lambda: view.draw_page_map(seen("pages")[1]),
        dark=True,
    ),
    Entry(
        "The same where pages are counted by their history",
        "draw_page_map",
        'draw_page_map(observed)  # with run.fidelity = "lumped"',
        lambda: view.draw_page_map(seen("lumped")[1]),
    ),
    Entry(
        "Which row of the truth table decides",
        "draw_truth_table",
        "draw_truth_table(strategy, 9, decided=observed.decided, last=observed.last)",
        truth_table,
    ),
    Entry(
        "Strategies compared",
        "draw_comparison",
        "comparison.plot()",
        lambda: view.draw_comparison(comparison().report(), SHOWN_METRICS),
    ),
    Entry(
        "A study over its axes",
        "draw_study",
        "draw_study(batch.means)",
        lambda: view.draw_study(study().means),
    ),
    Entry(
        "What explains the variance",
        "draw_sensitivity",
        'analyse_sensitivity(batch, "total_time_s").plot()',
        sensitivity,
    ),
    Entry("Hosts being emptied", "draw_drain", "evacuation.plot()", lambda: evacuation().plot()),
    Entry("Ways to empty hosts", "draw_advice", "draw_advice(advice.report())", advice),
    Entry("A maintenance campaign", "draw_maintenance", "draw_maintenance(study.hosts)", campaign),
    Entry("A measured dirty curve", "draw_dirty_curve", "draw_dirty_curve(fit)", curve),
    Entry(
        "Migrations measured with QEMU, and emulated",
        "draw_agreement",
        "draw_agreement(validate_qemu())",
        agreement,
    ),
    Entry(
        "Panels in a figure of your own",
        "draw_timeline_panel",
        'draw_timeline_panel(result.tables["hosts"], result.migrations, "power", ax=axes[0, 0])',
        panels,
    ),
)
SHOWN_METRICS = ("total_time_s", "downtime_s", "bytes")

PANELS = {
    "draw_timeline_panel": "draw_timeline",
    "draw_anatomy_panel": "draw_anatomy",
    "draw_vms_left": "draw_drain",
    "draw_comparison_means": "draw_comparison",
    "draw_comparison_differences": "draw_comparison",
    "draw_study_panel": "draw_study",
    "draw_sensitivity_panel": "draw_sensitivity",
    "draw_agreement_panel": "draw_agreement",
}
"""Functions that draw one panel, and the figure above that is made of them."""

WITHOUT_PICTURE = {
    "draw_run": "one of the figures above of a run, by name",
    "write_film": "a run as MP4 or GIF, as `cluster-emu film` does",
}
"""Functions that draw what other functions draw, or what a page of text cannot show."""


def functions() -> list[str]:
    """Return the names of the functions of `cluster_emu.view` that draw."""
    return [name for name in view.__all__ if name.startswith(DRAWS)]


def file_of(number: int, style: str) -> str:
    """Return the name of the file of a picture."""
    return f"{number:02d}-{ENTRIES[number].function.removeprefix('draw_')}-{style}.png"


def page() -> str:
    """Return the page as it should be."""
    parts = [HEAD]
    for number, entry in enumerate(ENTRIES):
        parts.append(f"## {entry.title}\n")
        parts.append(f"`{entry.call}`\n")
        parts.append(_summary(entry.function) + "\n")
        parts += [
            f"![{entry.title}](images/gallery/{file_of(number, style)})\n"
            for style in ("light", "dark")[: 1 + entry.dark]
        ]
    parts.append("Every panel of a figure with several is a function `(data, ax=None)`:\n")
    parts += [f"* `{name}`: {_summary(name)} Of `{whole}`." for name, whole in PANELS.items()]
    parts.append("\n## Other functions\n")
    parts += [f"* `{name}`: {words}" for name, words in WITHOUT_PICTURE.items()]
    return "\n".join(parts) + "\n"


def _summary(name: str) -> str:
    """Return the first sentences of what a function says of itself."""
    return " ".join((getattr(view, name).__doc__ or "").split("\n\n")[0].split())


HEAD = """# Figures

Every function of `cluster_emu.view` that draws. Each takes data and `ax=None`, draws there or on a
new figure, and returns the axes. Those that put several panels together take `figure=None` and
return the figure; [each of their panels](#panels-in-a-figure-of-your-own) is such a function, too.
`save_figure` writes PNG, SVG or PDF, the same bytes for the same data.

```python
from cluster_emu.view import draw_gantt, figure_style, save_figure

with figure_style("paper"):  # a column of 3.3 inches; or "dark"; "light" without it
    save_figure(draw_gantt(result.migrations, result.rounds), Path("gantt.pdf"))
```

On the command line `cluster-emu plot RUN_DIR --style paper` does the same. The colours are those of
Okabe and Ito, which people with any common kind of colour blindness can tell apart. The pictures
show built-in scenarios with made-up traces, except where a title says that something was measured.

This page is generated: `python tools/gallery.py`.
"""


def draw_all(folder: Path) -> list[Path]:
    """Draw every picture of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, entry in enumerate(ENTRIES):
        for style in ("light", "dark")[: 1 + entry.dark]:
            with figure_style(style):
                figure = figure_of(entry.draw())
            path = save_figure(figure, folder / file_of(number, style))
            _shrink(path)
            files.append(path)
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    return files


def _shrink(path: Path) -> None:
    """Keep as many colours as a picture needs, at the width of a README."""
    with Image.open(path) as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        # the median cut would mix the small areas of a legend with the shades of a page map
        small.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)


WIDTH = 960


def main(words: list[str]) -> int:
    """Make what was asked for; return the exit status."""
    if "--check" in words:
        return int(PAGE.read_text("utf-8") != page())
    for old in PICTURES.glob("*.png"):
        old.unlink()
    files = draw_all(PICTURES)
    PAGE.write_text(page(), "utf-8")
    print(f"{len(files)} pictures, {sum(path.stat().st_size for path in files) / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
