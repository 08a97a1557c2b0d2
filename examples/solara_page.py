"""Mesa's own page for a cluster.

Start it with `solara run examples/solara_page.py`. It needs the extra `solara` (`pip install
'cluster-emu[solara]'`). All browsers begin with the one model made here. `cluster-emu view` is
faster and gives each browser a model of its own.
"""

from mesa.visualization import SolaraViz, make_plot_component

from cluster_emu import ClusterModel
from cluster_emu.view.solara_components import ClusterPicture, MigrationGantt, RunSoFar

SCENARIO = {"scenario": "cluster", "run.duration_s": 3600.0, "run.fidelity": "lumped"}

page = SolaraViz(
    ClusterModel(rng=1, **SCENARIO),
    components=[
        ClusterPicture,
        MigrationGantt,
        RunSoFar,
        make_plot_component({"mean_downtime_s": "tab:orange", "mean_total_time_s": "tab:blue"}),
    ],
    model_params={
        **SCENARIO,
        "rng": {"type": "InputText", "value": "1", "label": "Seed"},
        "strategy": {
            "type": "Select",
            "value": "history-majority",
            "values": ["pre-copy", "time-series", "history-majority", "hybrid"],
            "label": "Transfer strategy",
        },
    },
    name="cluster_emu",
)
