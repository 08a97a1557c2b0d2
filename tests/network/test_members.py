from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.network.members import Members


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=300), st.randoms())
def test_each_link_has_the_flows_that_were_added_and_not_removed(steps, random):
    members = Members(4)
    there = {}
    for crossing, (link, removes) in enumerate(steps):
        if removes and there:
            gone = random.choice(list(there))
            members.remove(there.pop(gone)[0], gone)
        members.add(link, crossing % 7, crossing)
        there[crossing] = (link, crossing % 7)
    for link in range(4):
        begin, count = members.begin[link], members.count[link]
        found = Counter(members.flow[begin : begin + count].tolist())
        assert found == Counter(flow for place, flow in there.values() if place == link)
