import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from cluster_emu.network import max_min_rates

NO_CAP = float("inf")


@st.composite
def problems(draw, most_links=6, most_flows=12):
    """Capacities, routes, caps and weights; small whole capacities make many ties."""
    link_count = draw(st.integers(1, most_links))
    capacity = st.one_of(st.integers(0, 4).map(float), st.floats(1e-3, 1e3))
    capacities = draw(st.lists(capacity, min_size=link_count, max_size=link_count))
    route = st.lists(st.integers(0, link_count - 1), min_size=1, max_size=4, unique=True)
    routes = draw(st.lists(route, min_size=1, max_size=most_flows))
    n = len(routes)
    cap = st.one_of(st.just(NO_CAP), st.integers(0, 3).map(float), st.floats(1e-3, 1e3))
    caps = draw(st.lists(cap, min_size=n, max_size=n))
    weight = st.one_of(st.just(1.0), st.sampled_from([0.5, 2.0, 3.0]), st.floats(1e-2, 1e2))
    weights = draw(st.lists(weight, min_size=n, max_size=n))
    return np.array(capacities), routes, np.array(caps), np.array(weights)


def link_loads(rates, routes, link_count):
    loads = np.zeros(link_count)
    for rate, route in zip(rates, routes, strict=True):
        for link in route:
            loads[link] += rate
    return loads


def has_bottleneck(flow, rates, levels, capacities, loads, routes):
    """Some link of the flow is full and carries no flow at a higher level."""
    for link in routes[flow]:
        full = loads[link] >= capacities[link] * (1 - 1e-9)
        others = [levels[i] for i, route in enumerate(routes) if link in route]
        if full and levels[flow] >= max(others) * (1 - 1e-9):
            return True
    return False


@given(problems())
def test_no_link_carries_more_than_its_capacity_and_no_flow_exceeds_its_cap(problem):
    capacities, routes, caps, weights = problem
    rates = max_min_rates(capacities, routes, caps=caps, weights=weights)
    assert (rates >= 0).all()
    assert (rates <= caps).all()
    assert (link_loads(rates, routes, len(capacities)) <= capacities * (1 + 1e-9)).all()


@given(problems())
def test_every_flow_is_at_its_cap_or_has_a_bottleneck(problem):
    capacities, routes, caps, weights = problem
    rates = max_min_rates(capacities, routes, caps=caps, weights=weights)
    loads = link_loads(rates, routes, len(capacities))
    levels = rates / weights
    for flow in range(len(routes)):
        at_cap = rates[flow] >= caps[flow] * (1 - 1e-9)
        assert at_cap or has_bottleneck(flow, rates, levels, capacities, loads, routes)


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_flows_and_links_does_not_matter(problem, random):
    capacities, routes, caps, weights = problem
    flow_order = random.sample(range(len(routes)), len(routes))
    link_order = random.sample(range(len(capacities)), len(capacities))
    new_number = {old: new for new, old in enumerate(link_order)}
    shuffled = max_min_rates(
        capacities[link_order],
        [[new_number[link] for link in routes[flow]] for flow in flow_order],
        caps=caps[flow_order],
        weights=weights[flow_order],
    )
    rates = max_min_rates(capacities, routes, caps=caps, weights=weights)
    np.testing.assert_allclose(shuffled, rates[flow_order], rtol=1e-9, atol=1e-12)


@given(problems(), st.floats(1e-6, 1e12))
def test_the_unit_of_the_capacities_is_the_unit_of_the_rates(problem, unit):
    capacities, routes, caps, weights = problem
    rates = max_min_rates(capacities, routes, caps=caps, weights=weights)
    scaled = max_min_rates(capacities * unit, routes, caps=caps * unit, weights=weights)
    np.testing.assert_allclose(scaled, rates * unit, rtol=1e-9)


@given(problems(most_links=4, most_flows=5))
@settings(max_examples=25)
def test_equals_the_lexicographic_linear_program(problem):
    capacities, routes, caps, weights = problem
    rates = max_min_rates(capacities, routes, caps=caps, weights=weights)
    expected = lexicographic_rates(capacities, routes, caps, weights)
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-6 * capacities.max())


def lexicographic_rates(capacities, routes, caps, weights):
    """Raise the least level as far as it goes, fix the flows that cannot go on, repeat."""
    count = len(routes)
    crosses = np.array([[link in route for route in routes] for link in range(len(capacities))])
    fixed = {}
    while len(fixed) < count:
        level = -solve(crosses, capacities, caps, weights, fixed, lowest=None, goal=count)
        before = len(fixed)
        for flow in set(range(count)) - set(fixed):
            most = -solve(crosses, capacities, caps, weights, fixed, lowest=level, goal=flow)
            if most <= weights[flow] * level + 1e-7 * max(1.0, capacities.max()):
                fixed[flow] = weights[flow] * level
        assert len(fixed) > before
    return np.array([fixed[flow] for flow in range(count)])


def solve(crosses, capacities, caps, weights, fixed, *, lowest, goal):
    """Minimise minus variable `goal`; the variables are the rates and, last, the common level."""
    count = crosses.shape[1]
    rows = [np.append(row, 0.0) for row in crosses.astype(float)]
    limits = list(capacities)
    for flow in set(range(count)) - set(fixed):
        row = np.zeros(count + 1)
        row[flow] = -1.0
        row[count] = weights[flow] if lowest is None else 0.0
        rows.append(row)
        limits.append(0.0 if lowest is None else -weights[flow] * lowest * (1 - 1e-9))
    bounds = [
        (fixed[flow] * (1 - 1e-9), fixed[flow])
        if flow in fixed
        else (0, min(caps[flow], capacities.max()))
        for flow in range(count)
    ]
    objective = np.zeros(count + 1)
    objective[goal] = -1.0
    answer = linprog(objective, A_ub=np.array(rows), b_ub=limits, bounds=[*bounds, (0, None)])
    assert answer.success, answer.message
    return answer.fun


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1000])
def test_equal_flows_share_one_link_equally(n):
    rates = max_min_rates([10.0], [[0]] * n)
    np.testing.assert_allclose(rates, 10.0 / n, rtol=1e-12)


@pytest.mark.parametrize("hops", [1, 2, 5, 40])
def test_parking_lot(hops):
    # One flow over all links, two more on each: everyone gets a third.
    routes = [list(range(hops)), *[[link] for link in range(hops) for _ in range(2)]]
    np.testing.assert_allclose(max_min_rates([6.0] * hops, routes), 2.0, rtol=1e-12)


def test_parking_lot_with_unequal_links():
    # The long flow gets half of the narrowest link, the others what is left of theirs.
    rates = max_min_rates([10, 4, 7], [[0, 1, 2], [0], [1], [2]])
    np.testing.assert_allclose(rates, [2, 8, 2, 5], rtol=1e-12)


def test_weights_divide_a_bottleneck_in_proportion():
    np.testing.assert_allclose(
        max_min_rates([12.0], [[0]] * 3, weights=[1, 2, 3]), [2, 4, 6], rtol=1e-12
    )


def test_what_a_capped_flow_leaves_goes_to_the_others():
    rates = max_min_rates([12.0], [[0]] * 3, caps=[1, None, np.inf])
    np.testing.assert_allclose(rates, [1, 5.5, 5.5], rtol=1e-12)


def test_an_empty_route_is_limited_by_its_cap_alone():
    rates = max_min_rates([5.0], [[], [0], []], caps=[3.0, None, None])
    assert rates.tolist() == [3.0, 5.0, np.inf]


def test_a_link_that_is_down_stops_its_flows_and_no_others():
    assert max_min_rates([0.0, 5.0], [[0, 1], [1]]).tolist() == [0.0, 5.0]


def test_a_cap_of_zero_stops_one_flow():
    assert max_min_rates([4.0], [[0], [0]], caps=[0.0, None]).tolist() == [0.0, 4.0]


def test_a_route_that_names_a_link_twice_loads_it_twice():
    np.testing.assert_allclose(max_min_rates([6.0], [[0, 0], [0]]), [2.0, 2.0], rtol=1e-12)


def test_no_flows_and_no_links():
    assert max_min_rates([], []).shape == (0,)
    assert max_min_rates([], [[]]).tolist() == [np.inf]


def test_the_input_is_left_as_it_was():
    capacities, caps, weights = np.array([4.0, 3.0]), np.array([1.0, np.inf]), np.array([1.0, 2.0])
    max_min_rates(capacities, [[0, 1], [1]], caps=caps, weights=weights)
    assert capacities.tolist() == [4.0, 3.0]
    assert caps.tolist() == [1.0, np.inf]
    assert weights.tolist() == [1.0, 2.0]


def test_a_level_that_is_almost_a_tie_does_not_push_a_link_over():
    rng = np.random.default_rng(7)
    capacities = 1e10 * (1 + 1e-13 * rng.standard_normal(50))
    routes = [rng.choice(50, size=4, replace=False).tolist() for _ in range(300)]
    rates = max_min_rates(capacities, routes)
    assert (link_loads(rates, routes, 50) <= capacities * (1 + 1e-9)).all()


def test_levels_that_are_close_but_not_equal_are_told_apart():
    rates = max_min_rates([1.0, 1.0 + 1e-9], [[0, 1], [0], [1]])
    np.testing.assert_allclose(rates, [0.5, 0.5, 0.5 + 1e-9], rtol=1e-15)


@pytest.mark.parametrize("capacity", range(1, 100))
def test_rounding_leaves_something_for_a_flow_of_next_to_no_weight(capacity):
    # The first two take all but some 1e-16 of the link: what is left may round below zero.
    weights = np.array([1.0, 1e-5, 1e-22])
    level = capacity / weights.sum()
    caps = [level, 1e-5 * level * (1 - 1e-11), None]
    rates = max_min_rates([capacity], [[0]] * 3, caps=caps, weights=weights)
    assert rates[2] > 0
    assert rates.sum() <= capacity * (1 + 1e-9)


def test_weights_too_small_for_a_rate_end_all_the_same():
    rates = max_min_rates([1e-20], [[0], [0]], weights=[1e-310, 1e-310])
    assert (rates >= 0).all()
    assert rates.sum() <= 1e-20 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"capacities": [1.0, -2.0]}, r"capacities\[1\] = -2.0: allowed is a finite"),
        ({"capacities": [float("nan")]}, r"capacities\[0\] = nan"),
        ({"capacities": [np.inf]}, r"capacities\[0\] = inf"),
        ({"capacities": [[1.0]]}, r"capacities has shape \(1, 1\)"),
        ({"routes": [[0], [0, 3]]}, r"routes\[1\] names link 3: allowed is 0..0"),
        ({"routes": [[], [-1]]}, r"routes\[1\] names link -1"),
        ({"routes": [[0.5]]}, r"routes hold float64 values"),
        ({"caps": [1.0]}, r"caps has shape \(1,\)"),
        ({"caps": [1.0, -1.0]}, r"caps\[1\] = -1.0: allowed is a number, 0 or more"),
        ({"caps": [float("nan"), 1.0]}, r"caps\[0\] = nan"),
        ({"weights": [1.0, 0.0]}, r"weights\[1\] = 0.0: allowed is a finite number above 0"),
        ({"weights": [np.inf, 1.0]}, r"weights\[0\] = inf"),
        ({"weights": [1.0, 1.0, 1.0]}, r"weights has shape \(3,\)"),
    ],
)
def test_bad_input_names_the_value_and_what_is_allowed(arguments, message):
    usual = {"capacities": [1.0], "routes": [[0], [0]]}
    with pytest.raises(ValueError, match=message):
        max_min_rates(**{**usual, **arguments})
