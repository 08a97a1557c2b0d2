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
BLOCK_ROWS = 2
LOAD, LINE_WATTS, SLOPE = range(3)
"""Rows of the table of a power model: load and power at which a line begins, and its slope."""
BLOCK = 64
"""Targets of one block. A block without room for a VM, or where the power must rise by too much, is
passed over as a whole."""
SAFE_WATTS = 1e-11
"""More than rounding can add to a rise of power."""
AT_BEGIN, AT_END = range(2)
"""Bounds of the least rise of a block for VMs of a level: for the CPU that one of them wants at
least, and for the CPU at which the next level begins."""
UNKNOWN = -np.inf
"""The bound of a block that no VM of the level has looked at."""


@jit
def place_all(
    targets: Floats,
    blocks: Floats,
    model: Integers,
    line_count: Integers,
    lines: Floats,
    demand_levels: Floats,
    memory_levels: Floats,
    bounds: Floats,
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

        rise(d) = P(min((CPU + d) / capacity, 1)) - P now,  d: the CPU that the VM wants,

    of the targets with the memory for it whose utilisation does not exceed their limit with it.

    Most blocks are passed over, as a bound of their rises says that they are too dear. VMs that
    want between q and q' of CPU, and not less than some memory, are of one level. With s the least
    slope of a target's power between q and q',

        rise(d) >= rise(q) + s * (d - q).

    The least of these straight lines of a block's targets is concave in d, so it lies nowhere below
    the chord between its values at q and q'. These two are kept for each block and level.

    Args:
        targets: table of targets, [TARGET_ROWS, targets]; changed if all VMs are placed.
        blocks: table of blocks of targets, [BLOCK_ROWS, blocks]; likewise.
        model: number of each target's power model, [targets].
        line_count: lines of each power model, [models].
        lines: tables of the power models, [models, 3, lines + 1].
        demand_levels: CPU at which each level begins, ascending from 0, and the end of the last
            one, [levels of CPU + 1].
        memory_levels: memory in bytes at which each level begins, ascending, [levels of memory].
        bounds: bounds of the rises in watts, [blocks, levels of CPU, levels of memory, 2];
            `UNKNOWN` at first, and kept up to date.
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
        of_demand = np.searchsorted(demand_levels[:-1], demand[placed], side="right") - 1
        of_memory = np.searchsorted(memory_levels, memory[placed], side="right") - 1
        place = _least_rise(
            targets,
            blocks,
            model,
            line_count,
            lines,
            demand_levels[of_demand],
            demand_levels[of_demand + 1],
            memory_levels[of_memory],
            bounds[:, of_demand, of_memory],
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
        _lower_bounds(
            targets, model, line_count, lines, demand_levels, memory_levels, bounds, place
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
        _lower_bounds(
            targets, model, line_count, lines, demand_levels, memory_levels, bounds, place
        )
    if own >= 0:
        targets[FREE, own] = own_free
        _lower_bounds(targets, model, line_count, lines, demand_levels, memory_levels, bounds, own)
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
    level_begin: float,
    level_end: float,
    level_memory: float,
    bounds: Floats,
    demand: float,
    memory: float,
    tolerance: float,
    possible: Integers,
    rises: Floats,
) -> int:
    """Return the place of the target for one VM, or -1; `bounds` of its level, [blocks, 2].

    Once a target is found, a later block that cannot lower the least rise by more than rounding
    does is passed over. This decides nothing unless a rise is as near to the tolerance; then no
    such block is passed over.
    """
    share = (demand - level_begin) / (level_end - level_begin)
    cheapest = _cheapest(blocks, bounds, demand, memory, share)
    if cheapest < 0:
        return -1
    for passing_over in (True, False):
        found = 0
        least = np.inf
        is_found = False  # whether a target was found that stands before every later block
        for number in range(-1, blocks.shape[1]):
            block = cheapest if number < 0 else number
            if number == cheapest:
                is_found |= found > 0
                continue
            if blocks[MOST_FREE, block] < memory or blocks[MOST_CPU, block] < demand:
                continue
            bound = _bound(bounds, block, share)
            if bound > least + tolerance + SAFE_WATTS:
                continue
            if passing_over and is_found and bound > least - SAFE_WATTS:
                continue
            at_begin = at_end = np.inf
            for place in range(block * BLOCK, min((block + 1) * BLOCK, targets.shape[1])):
                if targets[FREE, place] < level_memory:
                    continue
                if targets[CPU, place] + level_begin > targets[REACH, place]:
                    continue
                rise, later = _rises_of_level(
                    targets, model, line_count, lines, level_begin, level_end, place
                )
                at_begin = min(at_begin, rise)
                at_end = min(at_end, later)
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
                if rise > least + tolerance + SAFE_WATTS:
                    continue
                possible[found] = place
                rises[found] = rise
                found += 1
                least = min(least, rise)
                is_found |= number >= 0
            bounds[block, AT_BEGIN] = at_begin
            bounds[block, AT_END] = at_end
        first = -1
        is_clear = True
        for number in range(found):
            above = rises[number] - (least + tolerance)
            is_clear &= abs(above) > SAFE_WATTS
            if above <= 0.0 and (first < 0 or possible[number] < first):
                first = possible[number]
        if is_clear:
            break
    return first


@jit
def _cheapest(blocks: Floats, bounds: Floats, demand: float, memory: float, share: float) -> int:
    """Return the block with room for one VM whose bound is least, or -1."""
    cheapest = -1
    least = np.inf
    for block in range(blocks.shape[1]):
        if blocks[MOST_FREE, block] < memory or blocks[MOST_CPU, block] < demand:
            continue
        bound = _bound(bounds, block, share)
        if cheapest < 0 or bound < least:
            cheapest = block
            least = bound
    return cheapest


@jit
def _bound(bounds: Floats, block: int, share: float) -> float:
    """Return the bound for a VM that wants so large a share of the way to the next level."""
    bound: float = bounds[block, AT_BEGIN]
    if share == 0.0 or np.isinf(bound):
        return bound
    bound += share * (bounds[block, AT_END] - bound)
    return bound


@jit
def _lower_bounds(
    targets: Floats,
    model: Integers,
    line_count: Integers,
    lines: Floats,
    demand_levels: Floats,
    memory_levels: Floats,
    bounds: Floats,
    place: int,
) -> None:
    """Let the bounds of a target's block hold for what the target is now."""
    block = place // BLOCK
    for number in range(len(demand_levels) - 1):
        begin, end = demand_levels[number], demand_levels[number + 1]
        if targets[CPU, place] + begin > targets[REACH, place]:
            break
        rise, later = _rises_of_level(targets, model, line_count, lines, begin, end, place)
        for size in range(len(memory_levels)):
            if targets[FREE, place] < memory_levels[size]:
                break
            of_level = bounds[block, number, size]
            of_level[AT_BEGIN] = min(of_level[AT_BEGIN], rise)
            of_level[AT_END] = min(of_level[AT_END], later)


@jit
def _rises_of_level(
    targets: Floats,
    model: Integers,
    line_count: Integers,
    lines: Floats,
    begin: float,
    end: float,
    place: int,
) -> tuple[float, float]:
    """Return the rise for the CPU at which a level begins, and its least rise at the end."""
    capacity = targets[CAPACITY, place]
    first = _line((targets[CPU, place] + begin) / capacity, model[place], line_count, lines)
    last = _line((targets[CPU, place] + end) / capacity, model[place], line_count, lines)
    slope = lines[model[place], SLOPE, first]
    for line in range(first + 1, last + 1):
        slope = min(slope, lines[model[place], SLOPE, line])
    utilisation = (targets[CPU, place] + begin) / capacity
    rise = _watts(utilisation, model[place], line_count, lines) - targets[WATTS, place]
    return rise, rise + slope * (end - begin) / capacity


@jit
def _watts(utilisation: float, model: int, line_count: Integers, lines: Floats) -> float:
    """Return the power of a host that is on; its lines begin at even loads."""
    load = min(max(utilisation, 0.0), 1.0)
    line = _line(utilisation, model, line_count, lines)
    above = load - lines[model, LOAD, line]
    watts: float = lines[model, SLOPE, line] * above + lines[model, LINE_WATTS, line]
    return watts


@jit
def _line(utilisation: float, model: int, line_count: Integers, lines: Floats) -> int:
    """Return the line of a power model that holds at a utilisation."""
    load = min(max(utilisation, 0.0), 1.0)
    line = int(load * line_count[model])
    if load < lines[model, LOAD, line]:
        line -= 1  # the product was rounded up
    return line
