"""What is guessed where a dump does not say it."""

from __future__ import annotations

import pytest

from cluster_emu.inventory.guessing import fill_in
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM

GIB = 2**30


def inventory(free_gib: int, homeless_gib: int) -> Inventory:
    """Return a full host, one with free memory, and a VM that is on no host."""
    found = Inventory("csv")
    for name, memory in (("full", 8), ("other", free_gib)):
        found.add_host(InventoryHost(name, 4.0, memory * GIB, "rack", 1e10))
    found.add_vm(InventoryVM("there", host="full", memory_bytes=8 * GIB, vcpus=1))
    found.add_vm(InventoryVM("homeless", memory_bytes=homeless_gib * GIB, vcpus=1))
    fill_in(found)
    return found


@pytest.mark.parametrize("free_gib", [8, 16])
def test_a_vm_without_a_host_makes_no_host_larger_where_it_fits(free_gib: int) -> None:
    found = inventory(free_gib, homeless_gib=4)

    sizes = {name: host.memory_bytes for name, host in found.hosts.items()}
    assert sizes == {"full": 8 * GIB, "other": free_gib * GIB}
    assert not [guess for guess in found.guesses if guess.what == "memory of hosts"]


def test_one_that_fits_nowhere_makes_them_larger_and_that_is_listed() -> None:
    found = inventory(2, homeless_gib=4)

    guess = next(guess for guess in found.guesses if guess.what == "memory of hosts")
    assert guess.rule == "more than given, with room for the VMs whose host is not given"
