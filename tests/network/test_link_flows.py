from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.network.maxmin_incremental import LinkFlows


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=300), st.randoms())
def test_each_link_has_the_flows_that_were_added_and_not_removed(steps, random):
    link_flows = LinkFlows(4)
    there = {}
    for hop, (link, removes) in enumerate(steps):
        if removes and there:
            gone = random.choice(list(there))
            link_flows.remove(there.pop(gone)[0], gone)
        link_flows.add(link, hop % 7, hop)
        there[hop] = (link, hop % 7)
    for link in range(4):
        begin, count = link_flows.first[link], link_flows.count[link]
        found = Counter(link_flows.flow[begin : begin + count].tolist())
        assert found == Counter(flow for place, flow in there.values() if place == link)
