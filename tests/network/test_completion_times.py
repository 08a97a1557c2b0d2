import numpy as np
import pytest

from cluster_emu.network import completion_times


@pytest.mark.parametrize("n", [1, 2, 5, 100])
def test_equal_flows_all_end_when_the_link_has_carried_them(n):
    times = completion_times([10.0], [[0]] * n, [100.0] * n)
    np.testing.assert_allclose(times, 10.0 * n, rtol=1e-12)


def test_unequal_flows_follow_the_closed_form_of_processor_sharing():
    sizes = np.array([1.0, 3.0, 7.0, 20.0])
    # The i-th smallest ends after everything up to it, and as much again of each larger one.
    larger = np.arange(len(sizes))[::-1]
    expected = (np.cumsum(sizes) + larger * sizes) / 2.0
    np.testing.assert_allclose(completion_times([2.0], [[0]] * 4, sizes), expected, rtol=1e-12)


def test_a_late_start_slows_the_one_that_runs():
    times = completion_times([10.0], [[0], [0]], [100.0, 30.0], starts=[0.0, 4.0])
    np.testing.assert_allclose(times, [13.0, 10.0], rtol=1e-12)


def test_starts_before_zero():
    np.testing.assert_allclose(completion_times([2.0], [[0]], [4.0], starts=[-5.0]), [-3.0])


def test_weights_and_caps():
    times = completion_times([12.0], [[0]] * 3, [10.0] * 3, weights=[1, 2, 3])
    # 5/3 s at 2, 4, 6; then 2/3 of the second and all the capacity for 1:2; then the first alone.
    np.testing.assert_allclose(times, [2.5, 25 / 12, 5 / 3], rtol=1e-12)
    capped = completion_times([12.0], [[0]] * 2, [10.0] * 2, caps=[1.0, None])
    np.testing.assert_allclose(capped, [10.0, 10 / 11], rtol=1e-12)


def test_a_flow_without_hops_is_done_at_its_start_or_limited_by_its_cap():
    times = completion_times(
        [1.0], [[], [], [0]], [8.0, 8.0, 8.0], starts=[3.0, 3.0, 0.0], caps=[None, 2.0, None]
    )
    assert times.tolist() == [3.0, 7.0, 8.0]


def test_nothing_to_send_takes_no_time():
    assert completion_times([5.0], [[0], [0]], [0.0, 10.0], starts=[1.0, 0.0]).tolist() == [
        1.0,
        2.0,
    ]


def test_flows_that_can_never_finish_end_at_infinity():
    times = completion_times([0.0, 1.0], [[0], [1], [1]], [1.0, 1.0, 1.0], caps=[None, 0.0, None])
    assert times.tolist() == [np.inf, np.inf, 1.0]


def test_no_flows():
    assert completion_times([1.0], [], []).shape == (0,)


def test_times_do_not_depend_on_the_unit_of_time():
    rng = np.random.default_rng(3)
    routes = [rng.choice(6, size=2, replace=False).tolist() for _ in range(40)]
    sizes, starts = rng.uniform(1, 10, 40), rng.uniform(0, 5, 40)
    seconds = completion_times([1.0] * 6, routes, sizes, starts=starts)
    nanoseconds = completion_times([1e-9] * 6, routes, sizes, starts=starts * 1e9)
    np.testing.assert_allclose(nanoseconds, seconds * 1e9, rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [-1.0]}, r"sizes\[0\] = -1.0: allowed is a finite number, 0 or more"),
        ({"sizes": [1.0, 1.0]}, r"sizes has shape \(2,\): allowed is one per flow, \(1,\)"),
        ({"starts": [np.nan]}, r"starts\[0\] = nan: allowed is a finite number"),
        ({"routes": [[1]]}, r"routes\[0\] names link 1"),
        ({"caps": [-1.0]}, r"caps\[0\] = -1.0"),
        ({"weights": [0.0]}, r"weights\[0\] = 0.0"),
    ],
)
def test_bad_input_names_the_value_and_what_is_allowed(arguments, message):
    usual = {"capacities": [1.0], "routes": [[0]], "sizes": [1.0]}
    with pytest.raises(ValueError, match=message):
        completion_times(**{**usual, **arguments})
