"""What counts as a number, in fields with and without a unit, and as an option."""

from __future__ import annotations

import pytest

from cluster_emu.cli.options import whole
from cluster_emu.errors import ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.network.topologies.contract import topologies
from cluster_emu.numerals import MOST_WHOLE, decimal, is_in_range, whole_number
from cluster_emu.rng import seed_from
from cluster_emu.scenario import HostGroup

GOOD = {"count": 1, "cpu_capacity": 1, "memory_bytes": 1}
NO_NUMBERS = (True, "1_0", "0x10", "²", "٣", "1e999999999", "1e400", 10**400, 5e-324, "1e-310")


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize("field", ["count", "cpu_capacity", "memory_bytes", "boot_s"])
def test_a_field_refuses_what_is_no_number(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field) as refused:
        HostGroup.model_validate({**GOOD, field: value})
    error = from_validation(refused.value, HostGroup)  # type: ignore[arg-type]
    assert (error.field, error.value) == (field, value)
    assert "number" in error.allowed


@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: str(value)[:12])
def test_a_parameter_of_a_part_refuses_it_too(value: object) -> None:
    with pytest.raises(ScenarioError, match=r"^hosts = "):
        topologies.create("star", hosts=value, host_bps=1e9)
    with pytest.raises(ScenarioError, match=r"^host_bps = "):
        topologies.create("star", hosts=2, host_bps=value)


@pytest.mark.parametrize("text", ["1_0", " 1 ", "²", "٣", "0x1", "1e3", "", str(2**63), "9" * 5000])
def test_an_option_refuses_it_too(text: str) -> None:
    with pytest.raises(ScenarioError, match="a whole number"):
        whole("--seed", 0)(text)
    with pytest.raises(ScenarioError, match="a whole number"):
        seed_from(text)


def test_numbers_are_read_exactly() -> None:
    assert whole_number("-12") == -12
    assert whole("--seed", 0)(str(MOST_WHOLE)) == seed_from(str(MOST_WHOLE)) == MOST_WHOLE
    assert [float(decimal(text) or -1) for text in ("1", ".5", "1.", "-2e3")] == [1, 0.5, 1, -2000]
    assert is_in_range(0)
    assert is_in_range(-1e30)
    assert not is_in_range(1e31)


def test_a_number_too_long_to_print_is_refused_in_words() -> None:
    with pytest.raises(ScenarioError, match="too long to print"):
        topologies.create("star", hosts=10**5000, host_bps=1e9)


@pytest.mark.parametrize(
    ("name", "field", "parameters"),
    [
        ("star", "hosts", {"hosts": 300_000_000}),
        ("leaf-spine", "spines", {"leaves": 2, "spines": 10**15, "hosts_per_leaf": 2}),
        ("fat-tree", "k", {"k": 10**6}),
        ("three-tier", "pods", {"pods": 10**9, "racks_per_pod": 2, "hosts_per_rack": 2}),
        (
            "jellyfish",
            "switches",
            {"switches": 10**9, "degree": 4, "hosts_per_switch": 1, "link_bps": 1e9},
        ),
    ],
)
def test_a_network_too_large_is_refused_before_it_is_built(
    name: str, field: str, parameters: dict[str, float]
) -> None:
    rate = "link_bps" if name == "fat-tree" else "host_bps"
    topology = topologies.create(name, **{rate: 1e9}, **parameters)
    with pytest.raises(ScenarioError, match=rf"^{field} = .*hosts and switches"):
        topology.build()


def test_a_dense_network_is_drawn_by_what_it_lacks() -> None:
    """Pairing cable ends until none is left over would not end within a lifetime."""
    rates = {"link_bps": 1e9, "host_bps": 1e9}
    dense = topologies.create("jellyfish", switches=200, degree=196, hosts_per_switch=1, **rates)
    assert {degree for node, degree in dense.build().degree if node >= 200} == {197}
