"""Write docs/metrics.md: every metric of a run, from the catalogue.

    python tools/metric_reference.py

A test fails where the file is not what this writes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from cluster_emu.metrics.aggregations import in_words
from cluster_emu.metrics.catalogue import Metric, metric_catalogue

FILE = Path(__file__).parents[1] / "docs" / "metrics.md"

START = """# Metrics, one by one

<!-- Written by tools/metric_reference.py from the catalogue of metrics; do not edit. -->

A metric is one figure of a run. [results.md](results.md) says what the tables hold from which most
metrics come. Where nothing can be measured, as the mean over no migration, the value is NaN.

- *name*: the column of the table `summary`. The end of the name says the unit of the value.
- *shown as*: the label and, where it has one, the unit in tables and on axes.
- *found as*: how the value of a run is found.
- *matters from*: the smallest difference between two means that a verdict counts as one, unless
  `--smallest-difference` sets another.
"""

COMPARED = """## Metrics that are compared

`run` prints these, and `compare` compares them, in this order.
"""

SUMMARY = """## Other columns of the summary
"""

DRAINS = """## Figures of drains

`evacuate` and `advise` have these besides, summed over VMs.
"""

DEFINITIONS = """## Formulas and sources

Where a formula or its source is worth more than a line of the tables above. "Ours" has no source
beside this emulator.
"""

ADDING = """## Adding a metric

A metric is one `Metric`: in `cluster_emu/metrics/catalogue.py`, in a script as here, or as an entry
point of the group `cluster_emu.metrics` in your own distribution. Its `value` is a function of the
run's tables. The summary, comparisons, axes and this page then have it.

```python
from cluster_emu import ClusterModel, Metric, SmallestDifference, metric_catalogue


def longest_round_s(run):
    \"\"\"Return the longest live round of any migration.\"\"\"
    rounds = run.tables["rounds"]
    live = rounds[rounds["phase"] == "pre-copy"]
    return float((live["end_s"] - live["start_s"]).max())


metric_catalogue.register(
    Metric(
        name="longest_round_s",
        label="longest live round",
        description="Length of the longest live round of any migration.",
        value=longest_round_s,
        unit="s",
        comparison_rank=25,  # after total_time_s, which has 20
        smallest_difference=SmallestDifference(absolute=0.5),  # 1 % of the mean without it
    )
)
print(ClusterModel("single", rng=1).run().summary["longest_round_s"])
```

Processes of a study do not import your script: a study with more than one job needs an entry point.
"""


def reference() -> str:
    """Return the text of docs/metrics.md."""
    compared = metric_catalogue.compared()
    others = [metric for metric in metric_catalogue if metric.comparison_rank is None]
    summary = [metric for metric in others if metric.value is not None]
    drains = [metric for metric in others if metric.value is None]
    tables = [COMPARED, _compared_table(compared), SUMMARY, _table(summary), DRAINS, _table(drains)]
    defined = [metric for metric in (*compared, *summary, *drains) if metric.definition]
    definitions = [DEFINITIONS, *map(_definition, defined), ""]
    return "\n".join([START, *tables, *definitions, ADDING])


def _definition(metric: Metric) -> str:
    lines = textwrap.wrap(f"`{metric.name}`: {metric.definition}", 98, break_on_hyphens=False)
    return "\n  ".join([f"- {lines[0]}", *lines[1:]])


def _table(chosen: Iterable[Metric]) -> str:
    head = ["| name | shown as | meaning | found as |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *map(_row, chosen), ""])


def _compared_table(compared: Iterable[Metric]) -> str:
    head = [
        "| name | shown as | meaning | found as | matters from |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows = (f"{_row(metric)} {metric.smallest_difference} |" for metric in compared)
    return "\n".join([*head, *rows, ""])


def _row(metric: Metric) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    found_as = "sum over VMs" if metric.value is None else in_words(metric.value)
    return f"| `{metric.name}` | {metric.label}{unit} | {metric.description} | {found_as} |"


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
