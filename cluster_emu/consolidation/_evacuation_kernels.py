"""Compiled code that places all VMs of one host, each where the power rises least.

It decides as the filters and scorers do that it stands for (`consolidation.evacuation` says which),
with the same operations in the same order, so that the last bit of a sum is the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu._jit import jit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CPU, CAPACITY, LIMIT, REACH, WATTS, FREE = range(6)
"""Rows of the table of targets: CPU wanted and CPU capacity; the utilisation up to which it takes
VMs, and the CPU this is, rounded up; its power; its free memory in bytes, negative for none."""
TARGET_ROWS = 6
MOST_CPU, MOST_FREE = range(2)
"""Rows of the table of blocks: at most so much CPU and memory is free on a target of the block."""
LOAD, LINE_WATTS, SLOPE = range(3)
"""Rows of the table of a power model: load and power at which a line begins, and its slope."""
BLOCK = 64
"""Targets of one block. A block without room for a VM is passed over as a whole."""


@jit
def place_all(
    targets: Floats,
    blocks: Floats,
    model: Integers,
    line_count: Integers,
    lines: Floats,
    demand: Floats,
    memory: Floats,
    own: int,
    tolerance: float,
    chosen: Integers,
    before: Floats,
    possible: Integers,
    rises: Floats,
) -> tuple[int, bool]:
    """Place VMs one after the other; all of them, or none is counted.

    A VM goes to the first target whose power rises by at most `tolerance` more than the least rise:

        rise = P(min((CPU + demand) / capacity, 1)) - P now,

    of the targets with the memory for it whose utilisation does not exceed their limit with it.

    Args:
        targets: table of targets, [TARGET_ROWS, targets]; changed if all VMs are placed.
        blocks: table of blocks of targets, [2, blocks]; likewise.
        model: number of each target's power model, [targets].
        line_count: lines of each power model, [models].
        lines: tables of the power models, [models, 3, lines + 1].
        demand: CPU that each VM wants, [VMs].
        memory: memory of each VM in bytes, [VMs].
        own: place of the host that the VMs leave, which takes none of them; -1 if it is no target.
        tolerance: in watts.
        chosen: filled with the place of each VM's target, [VMs or more].
        before: scratch, [2, VMs or more].
        possible: scratch, [targets].
        rises: scratch, [targets].

    Returns:
        How many could be placed, and whether the next one is short of memory; it is short of CPU
        if not.
    """
    own_free = 0.0
    if own >= 0:
        own_free = targets[FREE, own]
        targets[FREE, own] = -1.0
    placed = 0
    while placed < len(demand):
        place = _least_rise(
            targets,
            blocks,
            model,
            line_count,
            lines,
            demand[placed],
            memory[placed],
            tolerance,
            possible,
            rises,
        )
        if place < 0:
            break
        chosen[placed] = place
        before[0, placed] = targets[CPU, place]
        before[1, placed] = targets[WATTS, place]
        targets[CPU, place] += demand[placed]
        targets[FREE, place] -= memory[placed]
        targets[WATTS, place] = _watts(
            targets[CPU, place] / targets[CAPACITY, place], model[place], line_count, lines
        )
        placed += 1
    if placed == len(demand):
        for number in range(placed):
            _measure(targets, blocks, chosen[number] // BLOCK)
        if own >= 0:
            _measure(targets, blocks, own // BLOCK)
        return placed, False
    short_of_memory = True
    for place in range(targets.shape[1]):
        if targets[FREE, place] >= memory[placed]:
            short_of_memory = False
            break
    for back in range(placed):
        number = placed - 1 - back
        place = chosen[number]
        targets[CPU, place] = before[0, number]
        targets[WATTS, place] = before[1, number]
        targets[FREE, place] += memory[number]
    if own >= 0:
        targets[FREE, own] = own_free
    return placed, short_of_memory


@jit
def measure_blocks(targets: Floats, blocks: Floats) -> None:
    """Fill the table of blocks."""
    for block in range(blocks.shape[1]):
        _measure(targets, blocks, block)


@jit
def _measure(targets: Floats, blocks: Floats, block: int) -> None:
    """Set what is free at most on a target of one block."""
    most_cpu = most_free = -1.0
    for place in range(block * BLOCK, min((block + 1) * BLOCK, targets.shape[1])):
        if targets[FREE, place] >= 0.0:
            most_free = max(most_free, targets[FREE, place])
            most_cpu = max(most_cpu, targets[REACH, place] - targets[CPU, place])
    blocks[MOST_CPU, block] = most_cpu
    blocks[MOST_FREE, block] = most_free


@jit
def _least_rise(
    targets: Floats,
    blocks: Floats,
    model: Integers,
    line_count: Integers,
    lines: Floats,
    demand: float,
    memory: float,
    tolerance: float,
    possible: Integers,
    rises: Floats,
) -> int:
    """Return the place of the target for one VM, or -1."""
    found = 0
    least = np.inf
    for block in range(blocks.shape[1]):
        if blocks[MOST_FREE, block] < memory or blocks[MOST_CPU, block] < demand:
            continue
        for place in range(block * BLOCK, min((block + 1) * BLOCK, targets.shape[1])):
            if targets[FREE, place] < memory:
                continue
            wanted = targets[CPU, place] + demand
            if wanted > targets[REACH, place]:
                continue
            utilisation = wanted / targets[CAPACITY, place]
            if utilisation > targets[LIMIT, place]:
                continue
            watts = _watts(utilisation, model[place], line_count, lines)
            rise = watts - targets[WATTS, place]
            possible[found] = place
            rises[found] = rise
            found += 1
            least = min(least, rise)
    for number in range(found):
        if rises[number] <= least + tolerance:
            first: int = possible[number]
            return first
    return -1


@jit
def _watts(utilisation: float, model: int, line_count: Integers, lines: Floats) -> float:
    """Return the power of a host that is on; its lines begin at even loads."""
    load = min(max(utilisation, 0.0), 1.0)
    line = int(load * line_count[model])
    if load < lines[model, LOAD, line]:
        line -= 1  # the product was rounded up
    above = load - lines[model, LOAD, line]
    watts: float = lines[model, SLOPE, line] * above + lines[model, LINE_WATTS, line]
    return watts
