"""Initial placement: each VM in turn where the rule says, found without looking at every host."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.cluster.initial_placement import place
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import load_scenario

HOSTS = 32
BASE = load_scenario("cluster")


def by_the_rule(how: str, free: list[int], need: int, rng: np.random.Generator) -> int | None:
    fits = [host for host, room in enumerate(free) if room >= need]
    if not fits:
        return None
    if how == "spread":
        return max(fits, key=lambda host: (free[host], -host))
    return fits[0] if how == "pack" else int(rng.choice(fits))


@given(
    how=st.sampled_from(["spread", "pack", "random"]),
    room=st.lists(st.integers(4, 12), min_size=HOSTS, max_size=HOSTS),
    needs=st.lists(st.integers(1, 4), min_size=2, max_size=120),
)
@settings(deadline=None, max_examples=60)
def test_each_vm_goes_where_the_rule_says(how: str, room: list[int], needs: list[int]) -> None:
    counts = {"vms.0.count": len(needs) - 1, "vms.1.count": 1}
    scenario = BASE.with_fields({"placement": how, **counts})
    free, rng, wanted = list(room), np.random.default_rng(5), []
    for need in needs:
        host = by_the_rule(how, free, need, rng)
        if host is None:
            break
        free[host] -= need
        wanted.append(host)
    arguments = scenario, np.array(room), np.array(needs), np.random.default_rng(5)
    if len(wanted) < len(needs):
        fitted = len(wanted) if len(wanted) < len(needs) - 1 else 0
        with pytest.raises(ScenarioError, match=f"hold, {fitted} with placement"):
            place(*arguments)
    else:
        assert place(*arguments).tolist() == wanted
