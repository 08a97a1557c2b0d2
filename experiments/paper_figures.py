"""Do the claims of the reference paper hold? Its Figures 2 to 4, and a verdict for each claim.

    python experiments/paper_figures.py --out results/paper_figures

Jain and Agrawal (IJEM 6(6), 2016) hold back pages that were dirty in half or more of the last five
rounds. They claim fewer pages sent before stop-and-copy, less downtime and less total time than
Hu's time series with a threshold of 5 rounds in 5. That baseline is Xen's rule with a peek at the
dirty log per page. The settings are those of the paper: 2 VMs of 10, 15 or 20 pages, 6.78 ms per
page, 5 rounds. The paper leaves some settings open. Here round 1 sends every page, histories are
warm, and there are two ways in which pages become dirty:
  fixed-samples  a page is dirty in a round with probability 1/2, whether or not it was sent;
  time-driven    Poisson writes. The rate dirties a page with probability 1/2 during one copy of the
                 VM: ln 2 per (pages x 6.78 ms). So fewer sends make shorter rounds.
A reduction is 1 - proposed / baseline, of means over replications with the same seeds, with the
95 % interval of a ratio of paired means (delta method, Student t). A claim holds if the interval
lies above 1 %, the smallest reduction that matters. It does not hold if the interval lies below
-1 % or between the two. Otherwise it is undecided.
Simulated means are compared with exact ones where these are known. The exit status is 1 if an
interval misses its exact mean. A second figure has bars per VM as the paper has them, for 10 pages
and 20 patterns, under seven readings of its text.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import pandas as pd
from common import how_often, result_of, run, show_progress, study_options, written
from paper.bars import bars, in_words
from paper.exact import LITERAL, NAMES, STICKY, XEN, check, exact_reduction
from paper.output import report, save

from cluster_emu import ScenarioError, compare, estimate
from cluster_emu.study import Verdict, verdict

CASES = [(mode, pages) for mode in ("fixed-samples", "time-driven") for pages in (10, 15, 20)]
WITH_EVERY_RULE = ("fixed-samples", 20)
PAGE_TIME_S = 6.78e-3
COLUMNS = ("pages_sent_precopy", "downtime_s", "total_time_s")
SMALLEST_SHARE = 0.01
CLAIM_VERDICTS = {Verdict.HIGHER: "holds", Verdict.UNDECIDED: "undecided"}
CLAIMS = dict(zip(("pages_before_stop", "downtime", "total_time"), COLUMNS, strict=True))


def setting(mode: str, pages: int) -> dict[str, object]:
    """Return the changes to the built-in scenario `paper`."""
    if mode == "fixed-samples":
        return {"vms.0.page_count": pages}
    copy_s = pages * PAGE_TIME_S
    writes = {"name": "uniform", "writes_per_page_s": math.log(2) / copy_s}
    return {"vms.0.page_count": pages, "vms.0.profile": writes, "transfer.warm_interval_s": copy_s}


def judge(baseline: pd.Series, proposed: pd.Series) -> dict[str, Any]:
    """Return the reduction of paired values with its interval, the verdict and both means."""
    a, b = baseline.to_numpy(), proposed.to_numpy()
    if not a.any():
        raise ScenarioError("--replications", len(a), "more: all values of the baseline are 0")
    ratio = b.mean() / a.mean()
    half = estimate(b - ratio * a).high / a.mean()
    low, high = 1 - ratio - half, 1 - ratio + half
    found = {"reduction": 1 - ratio, "ci95": [low, high]}
    found["verdict"] = CLAIM_VERDICTS.get(verdict(low, high, SMALLEST_SHARE), "does not hold")
    for name, values in (("baseline", a), ("proposed", b)):
        found |= {name: values.mean(), f"{name}_ci95": estimate(values).ci95}
    return found


def main() -> int:
    """Run the cases, find the verdicts, check the exact means, write."""
    parser = study_options(__doc__, "paper_figures")
    parser.add_argument("--literal", action="store_true", help="to_send as the paper states it")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON only")
    args = parser.parse_args()
    with result_of(args, "paper_figures") as folder:
        proposed = LITERAL if args.literal else STICKY
        cases, claims = [], []
        for mode, pages in CASES:
            print(f"{mode}, {pages} pages ...", file=sys.stderr)
            rules = list(NAMES) if (mode, pages) == WITH_EVERY_RULE else [XEN, proposed]
            how = how_often(args, full=200, quick=20) | {"progress": show_progress}
            runs = compare("paper", rules, fields=setting(mode, pages), **how).runs
            cases.append(runs.assign(mode=mode, pages=pages))
            for claim, column in CLAIMS.items():
                values = runs.pivot(index="replication", columns="strategy", values=column)
                exact = exact_reduction(claim, proposed) if mode == "fixed-samples" else None
                place = {"claim": claim, "mode": mode, "pages": pages, "exact": exact}
                claims.append(place | judge(values[XEN], values[proposed]))
        checks = check(pd.concat(cases).query("mode == 'fixed-samples'"))
        shown = bars(args.seed)
        files = save(folder, claims, checks, proposed, shown)
    text = "\n".join([*report(claims, checks), "", *in_words(shown), written(args, files)])
    print(json.dumps({"claims": claims}, indent=2) if args.json else text)
    return 0 if checks["within"].all() else 1


if __name__ == "__main__":
    run(main)
