"""Make docs/tour.ipynb: write its cells, run them, and keep what they show.

python tools/tour.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tour.ipynb"
TIMEOUT_S = 300


def words(text: str) -> nbformat.NotebookNode:
    """Return a cell of text."""
    return nbformat.v4.new_markdown_cell(dedent(text).strip())


def code(text: str) -> nbformat.NotebookNode:
    """Return a cell of code."""
    return nbformat.v4.new_code_cell(dedent(text).strip())


CELLS = (
    words(
        """
        # A tour of cluster_emu

        What does live migration do to a cluster? This notebook goes from one scenario to a study.
        It is run by `python tools/tour.py`, and a test runs it again. CPU traces are made up.
        """
    ),
    code(
        """
        %matplotlib inline
        %config InlineBackend.print_figure_kwargs = {"dpi": 75}

        from pathlib import Path
        from tempfile import mkdtemp

        from cluster_emu import ClusterModel, compare, evacuate, load_scenario, run_batch
        from cluster_emu.view import draw_anatomy, draw_rounds, draw_truth_table, figure_of
        """
    ),
    words(
        """
        ## A scenario

        A scenario says everything but the seed: hosts, VMs, network, workload, how VMs migrate,
        and what makes them. Any field can be changed by its path.
        """
    ),
    code(
        """
        scenario = load_scenario("cluster").with_fields(
            {"run.duration_s": 3600.0, "run.fidelity": "lumped"}
        )
        scenario
        """
    ),
    words(
        """
        ## A run

        A model with a seed is one run. The same scenario with the same seed gives the same bytes.
        """
    ),
    code(
        """
        result = ClusterModel(scenario, rng=1).run()
        result
        """
    ),
    words(
        """
        The cluster when most migrations were under way: hosts are coloured by their CPU
        utilisation, VMs are squares, migrations are arrows along their route.
        """
    ),
    code(
        """
        result.plot("cluster")
        """
    ),
    code(
        """
        result.plot("timeline")
        """
    ),
    words(
        """
        ## Anatomy of a migration

        The migration that took longest, round by round: a bar is as wide as its round was long
        and as high as the pages that were due; dots are the pages dirtied meanwhile.
        """
    ),
    code(
        """
        longest = result.migrations.nlargest(1, "total_time_s").iloc[0]
        draw_anatomy(result.rounds, longest)
        """
    ),
    code(
        """
        figure_of(draw_rounds(result.rounds, longest))
        """
    ),
    words(
        """
        Which pages a round sends is decided by a truth table over each page's dirty bits. This is
        the one of the strategy that was used: pages that were dirty in most of the last rounds
        wait.
        """
    ),
    code(
        """
        strategy = ClusterModel(scenario, rng=1).transfer_strategy
        figure_of(draw_truth_table(strategy))
        """
    ),
    words(
        """
        ## Strategies compared

        Every strategy runs with the same seeds, so that differences are paired. Verdicts hold
        against the smallest difference that matters, 1 % unless you say otherwise.
        """
    ),
    code(
        """
        comparison = compare(scenario, ["pre-copy", "history-majority"], replications=5)
        comparison
        """
    ),
    code(
        """
        comparison.plot(["total_time_s", "downtime_s", "bytes"])
        """
    ),
    words(
        """
        ## Hosts emptied

        How long does it take to empty a host, and what do its VMs feel?
        """
    ),
    code(
        """
        fields = {"run.fidelity": "lumped"}
        evacuation = evacuate("evacuation", hosts=[0], replications=3, fields=fields)
        evacuation
        """
    ),
    code(
        """
        evacuation.plot()
        """
    ),
    words(
        """
        ## A study

        A study runs every combination of its axes, and resumes where it was interrupted.
        """
    ),
    code(
        '''
        folder = Path(mkdtemp())
        (folder / "study.toml").write_text(
            """
            name = "bandwidth"
            scenario = "single"
            strategies = ["pre-copy", "history-majority"]
            replications = 3

            [axes]
            "transfer.bandwidth_bps" = ["250 Mbit/s", "500 Mbit/s", "1 Gbit/s"]
            "vms.0.profile" = ["web", "oltp"]
            """
        )
        study = run_batch(folder / "study.toml", out=folder / "results")
        study
        '''
    ),
    code(
        """
        study.plot()
        """
    ),
    words(
        """
        Where to read on: [the figures](gallery.md), [results and their units](results.md),
        [strategies](strategies.md), [Mesa and notebooks](mesa.md).
        """
    ),
)


def notebook() -> nbformat.NotebookNode:
    """Return the notebook without outputs."""
    cells = [nbformat.from_dict({**cell, "id": f"cell-{at:02d}"}) for at, cell in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def executed() -> nbformat.NotebookNode:
    """Return the notebook with what its cells show; an error in a cell is raised."""
    made = notebook()
    NotebookClient(made, timeout=TIMEOUT_S, kernel_name="python3").execute()
    for cell in made.cells:
        cell.metadata.clear()  # when a cell ran would differ every time
    return made


def main() -> int:
    """Make what was asked for; return the exit status."""
    text = nbformat.writes(executed())
    NOTEBOOK.write_text(text + "\n", "utf-8")
    print(f"{NOTEBOOK}: {len(text) / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
