"""All compiled code of CloudSim's day: what hosts and VMs do at an event, and the planner.

numba keeps machine code on disk and replaces it only when the function's own file changes, so the
kernels and the tables they use stand in this one file (`cluster_emu._jit`).

Hosts and VMs are tables, numpy record arrays with one row each. Which VMs are on a host is a row of
`on_host`, the first `vm_count` entries, in the order in which they came: CloudSim's sums and ties
depend on it. A VM that migrates is on the list of its source, and on the list of its target, where
it counts as an arrival.

The rules are those of docs/cloudsim.md. Sums run in the order of these lists, and terms are grouped
as CloudSim groups them: an overload decision can hang on the last bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster_emu._jit import jit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Lists = NDArray[np.int32]
Records = NDArray[Any]
"""A record array; its dtype is one of those below."""
Row = Any
"""One row of such an array: numba changes it in place."""

# --- constants and tables -------------------------------------------------------------------------

SAMPLE_STEP_S = 300.0
HISTORY_LENGTH = 30
"""Utilisations that a VM remembers, one per tick."""

DETECT_FIXED, DETECT_IQR, DETECT_MAD, DETECT_REGRESSION = range(4)
SELECT_SMALLEST_MEMORY, SELECT_LEAST_USED, SELECT_MOST_CORRELATED = range(3)
CAUSE_NONE, CAUSE_SHORTAGE, CAUSE_ARRIVALS, CAUSE_ROUNDING = range(4)
"""Why the books say that a host gave less than was asked of it."""

LEAVING_SHARE = 0.9
"""What a VM gets of its CPU while it leaves its host."""
ARRIVING_SHARE = 0.1
"""What a target reserves for, and gives to, a VM that arrives."""
FALLBACK_THRESHOLD = 0.7
SPREAD_SAMPLES = 12
REGRESSION_SAMPLES = 10
TIME_BEFORE_ARRIVAL = 1
"""Ticks that the regression looks ahead: the longest migration, 28 s, rounded up to a tick."""
FULL = 1.01
"""A utilisation above 1 and below this counts as 1."""

HOST = np.dtype(
    [
        ("kind", np.int64),  # row of the power table, and of the loads
        ("mips", np.float64),
        ("core_mips", np.float64),
        ("ram_mb", np.float64),
        ("vm_count", np.int64),
        ("utilisation", np.float64),  # as measured at the last event
        ("demand_mips", np.float64),  # of all VMs on the list
        ("allocated_mips", np.float64),  # to them; an arrival counts as if it were there
        ("free_mips", np.float64),
        ("entry_s", np.float64),  # the last entry in the books, which holds until the next one
        ("entry_allocated_mips", np.float64),
        ("entry_requested_mips", np.float64),
        ("entry_active", np.bool_),
        ("entry_cause", np.int64),
        ("was_active", np.bool_),  # in the entry before
        ("on_since_s", np.float64),
    ]
)

VM = np.dtype(
    [
        ("mips", np.float64),
        ("ram_mb", np.float64),
        ("is_gone", np.bool_),
        ("host", np.int64),
        ("migrations", np.int64),  # that run now: 2 where it was planned twice
        ("used", np.float64),  # 0..1
        ("demand_mips", np.float64),
        ("entry_s", np.float64),
        ("entry_allocated_mips", np.float64),
        ("entry_requested_mips", np.float64),
        ("entry_leaving", np.bool_),
        ("was_leaving", np.bool_),
        ("leaving_since_s", np.float64),
    ]
)

TOTALS = np.dtype(
    [
        ("energy_ws", np.float64),
        ("active_s", np.float64),  # summed over hosts
        ("violated_s", np.float64),  # in which an active host gave less than was asked
        ("shortage_s", np.float64),  # of these, with a real lack of CPU
        ("arrivals_s", np.float64),  # only because arrivals are booked in full
        ("rounding_s", np.float64),  # only because x * 0.9 / 0.9 may be less than x
        ("requested", np.float64),  # MIPS x s, summed over VMs
        ("allocated", np.float64),
        ("lost_to_migrations", np.float64),
        ("violations", np.int64),  # entries of VMs that got less than they asked for
        ("violation_shares", np.float64),
        ("shutdowns", np.int64),
        ("before_shutdown_s", np.float64),
        ("before_shutdown_s2", np.float64),
        ("completed", np.int64),  # migrations, where two of one VM at a time count once
        ("migrating_s", np.float64),
        ("migrating_s2", np.float64),
        ("longest_migration_s", np.float64),
    ]
)

RULES = np.dtype(
    [
        ("detection", np.int64),
        ("parameter", np.float64),
        ("selection", np.int64),
        ("ignores_memory", np.bool_),
        ("plans_twice", np.bool_),
    ]
)

PLANNED = np.dtype(
    [
        ("vm_count", np.int64),
        ("demand_mips", np.float64),
        ("allocated_mips", np.float64),
        ("free_mips", np.float64),
        ("ram_mb", np.float64),
        ("watts_now", np.float64),  # as measured: the plan does not change it
        ("history", np.float64, (HISTORY_LENGTH,)),
    ]
)
"""What the planner changes of a host; it works on this copy.

The history is the share of the host that its planned VMs used at the last ticks, newest first,
wherever they were then; zeros where there was no tick.
"""


# --- power and demand -----------------------------------------------------------------------------


@jit
def watts(measured_w: Floats, utilisation: float) -> float:
    """Return the power of a host between two measured ones, a straight line.

    ``P(u) = P_k + (P_{k+1} - P_k) / 10 * (u - k / 10) * 100`` with ``k = floor(10 u)``.

    Args:
        measured_w: power at 0, 10, ..., 100 %, shape [11].
        utilisation: 0..1.
    """
    step = math.floor(utilisation * 10.0)
    power_w: float = measured_w[min(step, 10)]
    if step < 10:
        slope = (measured_w[step + 1] - measured_w[step]) / 10.0
        power_w += slope * (utilisation - step / 10.0) * 100.0
    return power_w


@jit
def used_share(samples: Floats, now_s: float) -> float:
    """Return a VM's CPU use at a time: a straight line between two samples, shape [samples]."""
    before = min(math.floor(now_s / SAMPLE_STEP_S), len(samples) - 2)
    slope = (samples[before + 1] - samples[before]) / SAMPLE_STEP_S
    used: float = samples[before] + slope * (now_s - before * SAMPLE_STEP_S)
    return used


# --- an event: CPU is shared, the books are kept --------------------------------------------------


@jit
def observe(
    now_s: float,
    last_s: float,
    hosts: Records,
    vms: Records,
    on_host: Lists,
    samples: Floats,
    measured_w: Floats,
    totals: Records,
) -> None:
    """Read all demands, share the CPU of each host, keep the books, count the energy.

    A host takes ``dt (P(u_0) + P(u_1)) / 2`` since the last event, and nothing if u_0 is 0: a host
    that was switched on meanwhile runs free until now.

    Args:
        now_s: the time.
        last_s: the time of the last event.
        hosts: rows of `HOST`.
        vms: rows of `VM`.
        on_host: VMs by host.
        samples: CPU use of each VM, shape [vms, samples].
        measured_w: power by kind of host, shape [kinds, 11].
        totals: one row of `TOTALS`.
    """
    for number in range(len(vms)):
        vm = vms[number]
        if not vm.is_gone:
            vm.used = used_share(samples[number], now_s)
            vm.demand_mips = vm.used * vm.mips
    energy_ws = 0.0
    for number in range(len(hosts)):
        host = hosts[number]
        before = host.utilisation
        share_cpu(now_s, number, host, vms, on_host[number], totals[0])
        if before != 0.0 and now_s > last_s:
            power_w = measured_w[host.kind]
            first_w, last_w = watts(power_w, before), watts(power_w, host.utilisation)
            energy_ws += (first_w + (last_w - first_w) / 2.0) * (now_s - last_s)
    totals[0].energy_ws += energy_ws


@jit
def share_cpu(
    now_s: float, number: int, host: Row, vms: Records, listed: Lists, totals: Row
) -> None:
    """Share the CPU of a host among its VMs, and enter what each asked for and got.

    A VM gets at most one core. Where all demands fit, each gets its own; otherwise
    ``floor(demand * mips / sum of demands)``, in whole MIPS. A VM that leaves gets 0.9 of its
    share, one that arrives 0.1 of its demand.
    """
    required, fits, is_capped, any_arrives = 0.0, True, False, False
    free = host.mips
    for place in range(host.vm_count):
        vm = vms[listed[place]]
        request = min(vm.demand_mips, host.core_mips)
        if vm.host != number:
            request *= ARRIVING_SHARE
            any_arrives = any_arrives or vm.demand_mips > 0.0
        elif vm.demand_mips > host.core_mips:
            is_capped = True
        required += request
        if request <= free:
            free -= request
        else:
            fits = False
    scale = 1.0 if fits else host.mips / required

    host.demand_mips = host.allocated_mips = 0.0
    used, requested = 0.0, 0.0
    for place in range(host.vm_count):
        vm = vms[listed[place]]
        request = min(vm.demand_mips, host.core_mips)
        arrives, leaves = vm.host != number, vm.host == number and vm.migrations > 0
        if arrives:
            request *= ARRIVING_SHARE
        if not fits:
            request *= scale
        if leaves:
            request *= LEAVING_SHARE
        allocated = request if fits else math.floor(request)

        if arrives:
            host.allocated_mips += allocated * (1.0 - ARRIVING_SHARE) / ARRIVING_SHARE
        host.allocated_mips += allocated
        host.demand_mips += vm.demand_mips
        requested += vm.demand_mips
        if arrives:
            used += allocated
        else:
            enter_vm(now_s, vm, allocated, vm.demand_mips, leaves, totals)
            used += allocated / LEAVING_SHARE if leaves else allocated
    host.free_mips = free if fits else 0.0
    host.utilisation = used / host.mips
    if 1.0 < host.utilisation < FULL:
        host.utilisation = 1.0

    cause = CAUSE_NONE
    if used < requested:
        if not fits or is_capped:
            cause = CAUSE_SHORTAGE
        else:
            cause = CAUSE_ARRIVALS if any_arrives else CAUSE_ROUNDING
    enter_host(now_s, host, used, requested, cause, totals)


@jit
def enter_host(
    now_s: float, host: Row, allocated: float, requested: float, cause: int, totals: Row
) -> None:
    """Enter what a host gave and what was asked of it; the last entry of an instant holds."""
    if host.entry_s >= 0.0 and now_s > host.entry_s:
        settle_host(host, now_s - host.entry_s, totals)
    host.entry_s = now_s
    host.entry_allocated_mips = allocated
    host.entry_requested_mips = requested
    host.entry_active = allocated > 0.0
    host.entry_cause = cause


@jit
def settle_host(host: Row, held_s: float, totals: Row) -> None:
    """Count an entry of a host, which held for some time."""
    if host.entry_active:
        totals.active_s += held_s
        if host.entry_allocated_mips < host.entry_requested_mips:
            totals.violated_s += held_s
            if host.entry_cause == CAUSE_SHORTAGE:
                totals.shortage_s += held_s
            elif host.entry_cause == CAUSE_ARRIVALS:
                totals.arrivals_s += held_s
            else:
                totals.rounding_s += held_s
    if host.was_active and not host.entry_active:
        on_s = host.entry_s - host.on_since_s
        totals.shutdowns += 1
        totals.before_shutdown_s += on_s
        totals.before_shutdown_s2 += on_s * on_s
    elif host.entry_active and not host.was_active:
        host.on_since_s = host.entry_s
    host.was_active = host.entry_active


@jit
def enter_vm(
    now_s: float, vm: Row, allocated: float, requested: float, leaves: bool, totals: Row
) -> None:
    """Enter what a VM asked for and got; the last entry of an instant holds."""
    if vm.entry_s >= 0.0 and now_s > vm.entry_s:
        settle_vm(vm, now_s - vm.entry_s, totals)
    vm.entry_s = now_s
    vm.entry_allocated_mips = allocated
    vm.entry_requested_mips = requested
    vm.entry_leaving = leaves


@jit
def settle_vm(vm: Row, held_s: float, totals: Row) -> None:
    """Count an entry of a VM, which held for some time; its last one held for none."""
    if held_s > 0.0:
        allocated, requested = vm.entry_allocated_mips, vm.entry_requested_mips
        totals.allocated += allocated * held_s
        totals.requested += requested * held_s
        if allocated < requested:
            totals.violations += 1
            totals.violation_shares += (requested - allocated) / requested
            if vm.entry_leaving:
                totals.lost_to_migrations += (requested - allocated) * held_s
    if vm.entry_leaving and not vm.was_leaving:
        vm.leaving_since_s = vm.entry_s
    elif vm.was_leaving and not vm.entry_leaving:
        took_s = vm.entry_s - vm.leaving_since_s
        totals.completed += 1
        totals.migrating_s += took_s
        totals.migrating_s2 += took_s * took_s
        totals.longest_migration_s = max(totals.longest_migration_s, took_s)
    vm.was_leaving = vm.entry_leaving


@jit
def close_books(hosts: Records, vms: Records, totals: Records) -> None:
    """Count the last entry of each host and VM."""
    for number in range(len(hosts)):
        settle_host(hosts[number], 0.0, totals[0])
    for number in range(len(vms)):
        settle_vm(vms[number], 0.0, totals[0])


@jit
def delete_idle_vms(hosts: Records, vms: Records, on_host: Lists) -> None:
    """Delete every VM whose demand is exactly 0, unless it migrates."""
    for number in range(len(vms)):
        vm = vms[number]
        if not vm.is_gone and vm.demand_mips == 0.0 and vm.migrations == 0:
            vm.is_gone = True
            host = hosts[vm.host]
            host.vm_count = take_off(on_host[vm.host], host.vm_count, number)


@jit
def begin_migrations(moves: Lists, hosts: Records, vms: Records, on_host: Lists) -> None:
    """Enter each VM that moves at the end of its target's list; moves [count, (vm, target)]."""
    for move in range(len(moves)):
        vm, target = moves[move, 0], moves[move, 1]
        vms[vm].migrations += 1
        on_host[target, hosts[target].vm_count] = vm
        hosts[target].vm_count += 1


@jit
def finish_migrations(moves: Lists, hosts: Records, vms: Records, on_host: Lists) -> None:
    """Move each VM to the end of its target's list, in order; moves [count, (vm, target)].

    A VM that was planned twice goes to its first target and on to its second.
    """
    for move in range(len(moves)):
        vm, target = moves[move, 0], moves[move, 1]
        source = vms[vm].host
        hosts[source].vm_count = take_off(on_host[source], hosts[source].vm_count, vm)
        hosts[target].vm_count = take_off(on_host[target], hosts[target].vm_count, vm)
        on_host[target, hosts[target].vm_count] = vm
        hosts[target].vm_count += 1
        vms[vm].host = target
        vms[vm].migrations -= 1


@jit
def take_off(listed: Lists, count: int, vm: int) -> int:
    """Take a VM off a list and close the gap; return the new length."""
    kept = 0
    for place in range(count):
        if listed[place] != vm:
            listed[kept] = listed[place]
            kept += 1
    return kept


# --- overload -------------------------------------------------------------------------------------


@jit
def is_overloaded(rules: Row, utilisation: float, history: Floats, added: Floats) -> bool:
    """Return whether a host counts as overloaded.

    Args:
        rules: a row of `RULES`.
        utilisation: demand of its VMs over its capacity; may exceed 1.
        history: the share of it that its VMs used at the last ticks, newest first, shape
            [HISTORY_LENGTH]. Zeros at the end do not count.
        added: the same of a VM that would join them, or zeros.
    """
    if rules.detection == DETECT_FIXED:
        threshold: float = rules.parameter
        return utilisation > threshold
    values, depth = np.empty(HISTORY_LENGTH), HISTORY_LENGTH
    for tick in range(depth):
        values[tick] = history[tick] + added[tick]
    while depth > 0 and values[depth - 1] == 0.0:
        depth -= 1
    by_regression = rules.detection == DETECT_REGRESSION
    if depth < (REGRESSION_SAMPLES if by_regression else SPREAD_SAMPLES):
        return utilisation > FALLBACK_THRESHOLD
    if by_regression:
        expected: float = rules.parameter * predicted(values)
        return expected >= 1.0
    if utilisation > 1.0:
        return True  # no spread makes the threshold exceed 1
    sort(values, depth)
    if rules.detection == DETECT_IQR:
        threshold = 1.0 - rules.parameter * quartile_range(values, depth)
    else:
        threshold = 1.0 - rules.parameter * median_deviation(values, depth)
    return utilisation > threshold


@jit
def quartile_range(ascending: Floats, count: int) -> float:
    """Return Q3 - Q1, each the element at ``p (n + 1)``, rounded half up, counted from 1."""
    first = math.floor(0.25 * (count + 1) + 0.5) - 1
    third = math.floor(0.75 * (count + 1) + 0.5) - 1
    spread: float = ascending[third] - ascending[first]
    return spread


@jit
def median_deviation(ascending: Floats, count: int) -> float:
    """Return the median of the absolute deviations from the median."""
    middle, deviations = median(ascending, count), np.empty(count)
    for place in range(count):
        deviations[place] = abs(middle - ascending[place])
    sort(deviations, count)
    return median(deviations, count)


@jit
def median(ascending: Floats, count: int) -> float:
    """Return the middle value, or the mean of the two middle ones."""
    middle: float = ascending[(count - 1) // 2]
    if count % 2 == 0:
        middle += 0.5 * (ascending[count // 2] - middle)
    return middle


@jit
def predicted(history: Floats) -> float:
    """Return where the least-squares line through the ten newest values is at the next tick.

    ``y = a + b (10 + 1)`` with the values at x = 1..10, oldest first. Running means update the sums
    of products, ``S_xy += dx dy i / (i + 1)``: plain sums differ in the last bit, and with them one
    decision of the day of 2011-03-03, and all that follows it.
    """
    mean_x, mean_y = 1.0, history[REGRESSION_SAMPLES - 1]
    sum_x, sum_y, sum_xx, sum_xy = mean_x, mean_y, 0.0, 0.0
    for count in range(1, REGRESSION_SAMPLES):
        x, y = count + 1.0, history[REGRESSION_SAMPLES - 1 - count]
        dx, dy = x - mean_x, y - mean_y
        weight = count / (count + 1.0)
        sum_xx += dx * dx * weight
        sum_xy += dx * dy * weight
        mean_x += dx / (count + 1.0)
        mean_y += dy / (count + 1.0)
        sum_x += x
        sum_y += y
    slope = sum_xy / sum_xx
    intercept = (sum_y - slope * sum_x) / REGRESSION_SAMPLES
    expected: float = intercept + slope * (REGRESSION_SAMPLES + TIME_BEFORE_ARRIVAL)
    return expected


@jit
def sort(values: Floats, count: int) -> None:
    """Sort the first `count` values in place: few enough for insertion."""
    for place in range(1, count):
        value, gap = values[place], place
        while gap > 0 and values[gap - 1] > value:
            values[gap] = values[gap - 1]
            gap -= 1
        values[gap] = value


# --- which VM leaves an overloaded host -----------------------------------------------------------


@jit
def select_vm(rules: Row, listed: Lists, count: int, vms: Records, used: Floats, ticks: int) -> int:
    """Return the place on a host's list of the VM that leaves first, or -1 where none can.

    Args:
        rules: a row of `RULES`.
        listed: the host's list.
        count: its length.
        vms: rows of `VM`.
        used: CPU use of each VM at the last ticks, newest first, shape [vms, HISTORY_LENGTH].
        ticks: how many there were.
    """
    if rules.selection == SELECT_MOST_CORRELATED:
        chosen = most_correlated(listed, count, vms, used, ticks)
        if chosen >= 0:
            return chosen
    chosen, least = -1, np.inf
    for place in range(count):
        vm = vms[listed[place]]
        if vm.migrations == 0:
            is_by_use = rules.selection == SELECT_LEAST_USED
            figure = vm.demand_mips / vm.mips if is_by_use else vm.ram_mb
            if figure < least:
                chosen, least = place, figure
    return chosen


@jit
def most_correlated(listed: Lists, count: int, vms: Records, used: Floats, ticks: int) -> int:
    """Return the place of the VM that the others explain best, or -1 where this is undefined.

    For each VM, the coefficient of determination R^2 = 1 - RSS / TSS of the regression, with an
    intercept, of its history on those of all other VMs. It is undefined for a single VM, for fewer
    samples than VMs, and where a regression is singular.

    The regressions are QR decompositions by Householder's reflections. That of a VM and the next
    one's have the reflections of the intercept and of all VMs before in common, so these are done
    once, in `shared`.
    """
    movable, found = np.empty(count, np.int64), 0
    for place in range(count):
        if vms[listed[place]].migrations == 0:
            movable[found] = place
            found += 1
    depth = min(ticks, HISTORY_LENGTH)
    if found < 2 or depth < found:
        return -1
    terms = np.ones((found + 1, depth))
    for one in range(found):
        for tick in range(depth):
            terms[one + 1, tick] = used[listed[movable[one]], tick]
    shared, diagonal = terms.copy(), np.empty(found + 1)
    chosen: int = movable[0]
    best = 0.0
    for one in range(found):
        if not reflect(shared, diagonal, one):
            return -1
        others_then_one = moved_to_end(shared, one + 1)
        for term in range(one + 1, found):
            if not reflect(others_then_one, diagonal, term):
                return -1
        determination = explained_share(
            moved_to_end(terms, one + 1), others_then_one, diagonal[:found]
        )
        if determination > best:
            chosen, best = movable[one], determination
    return chosen


@jit
def moved_to_end(rows: Floats, place: int) -> Floats:
    """Return a copy in which one row has become the last."""
    copy, last = np.empty_like(rows), len(rows) - 1
    for row in range(len(rows)):
        source = place if row == last else (row if row < place else row + 1)
        for sample in range(rows.shape[1]):
            copy[row, sample] = rows[source, sample]
    return copy


@jit
def reflect(rows: Floats, diagonal: Floats, term: int) -> bool:
    """Reflect the rows from `term` on so that row `term` ends in zeros: one step of Householder's.

    The row keeps the vector of the reflection, and `diagonal` gets what the row has become there.

    Returns:
        False where the row depends on those before, and nothing is changed.
    """
    vector, samples = rows[term], rows.shape[1]
    norm2 = 0.0
    for sample in range(term, samples):
        norm2 += vector[sample] * vector[sample]
    corner = -math.sqrt(norm2) if vector[term] > 0.0 else math.sqrt(norm2)
    if corner == 0.0:
        return False
    diagonal[term] = corner
    vector[term] -= corner
    for later in range(term + 1, len(rows)):
        row = rows[later]
        product = 0.0
        for sample in range(term, samples):
            product += row[sample] * vector[sample]
        product /= corner * vector[term]
        for sample in range(term, samples):
            row[sample] += product * vector[sample]
    return True


@jit
def explained_share(terms: Floats, reflected: Floats, diagonal: Floats) -> float:
    """Return R^2 = 1 - RSS / TSS of a regression of the last row on the others; -inf for TSS = 0.

    Args:
        terms: the intercept, what explains, and what is explained, shape [terms + 1, samples].
        reflected: the same after the reflections of all terms.
        diagonal: of the triangular matrix that this made of the terms, shape [terms].
    """
    count, target = len(diagonal), terms[-1]
    weights = reflected[-1].copy()
    for term in range(count - 1, -1, -1):
        weights[term] /= diagonal[term]
        for earlier in range(term):
            weights[earlier] -= weights[term] * reflected[term, earlier]
    residual2, mean, total2 = 0.0, 0.0, 0.0
    for sample in range(len(target)):
        fitted = 0.0
        for term in range(count):
            fitted += terms[term, sample] * weights[term]
        residual2 += (target[sample] - fitted) * (target[sample] - fitted)
        deviation = target[sample] - mean
        step = deviation / (sample + 1.0)
        mean += step
        total2 += sample * deviation * step
    return 1.0 - residual2 / total2 if total2 > 0.0 else -np.inf


# --- the plan of a tick ---------------------------------------------------------------------------


@jit
def plan_migrations(
    settings: Records,
    hosts: Records,
    vms: Records,
    on_host: Lists,
    used: Floats,
    loads: Floats,
    ticks: int,
    measured_w: Floats,
    moves: Lists,
) -> int:
    """Plan the migrations of a tick; write them to `moves`, and return their number.

    1. Overloaded hosts give VMs away until they are overloaded no longer. These VMs, the largest
       demand first, go to the best hosts that are not overloaded; one that fits nowhere stays.
    2. Each other host that is on, the least utilised first, gives all of its VMs to hosts that are
       on, or none. It is no target from then on, and its targets give nothing away.

    A host that received VMs in the first step may give them away in the second: they are planned
    twice (`plans_twice`).

    Args:
        settings: one row of `RULES`.
        hosts: rows of `HOST`; they and `vms` are only read.
        vms: rows of `VM`.
        on_host: VMs by host.
        used: CPU use of each VM at the last ticks, newest first, shape [vms, HISTORY_LENGTH].
        loads: the same as a share of each kind of host, shape [kinds, vms, HISTORY_LENGTH].
        ticks: how many there were, with this one.
        measured_w: power by kind of host, shape [kinds, 11].
        moves: rows (vm, target), shape [2 vms, 2].
    """
    rules = settings[0]
    planned, planned_on = copied(hosts, vms, on_host, loads, measured_w)
    moving, targets = np.empty(len(vms), np.int32), np.empty(len(hosts), np.int32)
    may_give = np.zeros(len(hosts), np.bool_)
    moving_count, target_count, move_count, on_count = 0, 0, 0, 0
    for number in range(len(hosts)):
        host, plan = hosts[number], planned[number]
        if is_overloaded_now(rules, host, plan):
            moving_count += relieve(
                rules,
                host,
                plan,
                planned_on[number],
                vms,
                used,
                loads[host.kind],
                ticks,
                moving[moving_count:],
            )
        else:
            may_give[number] = host.utilisation > 0.0
            targets[target_count] = number
            target_count += 1

    sort_by_demand(moving, moving_count, vms)
    for place in range(moving_count):
        vm = moving[place]
        target = find_target(
            rules, vm, targets, target_count, hosts, vms, planned, loads, measured_w
        )
        if target >= 0:
            add(vm, target, hosts, vms, planned, planned_on, loads)
            moves[move_count, 0], moves[move_count, 1] = vm, target
            move_count += 1
            if not rules.plans_twice:
                may_give[target] = False

    for place in range(target_count):
        if hosts[targets[place]].utilisation > 0.0:
            targets[on_count] = targets[place]
            on_count += 1
    while True:
        source = least_utilised(hosts, vms, planned, planned_on, may_give)
        if source < 0:
            return move_count
        may_give[source] = False
        on_count = take_off(targets, on_count, source)
        placed = place_all_or_none(
            rules,
            source,
            targets,
            on_count,
            hosts,
            vms,
            planned,
            planned_on,
            loads,
            measured_w,
            moving,
            moves[move_count:],
        )
        for move in range(move_count, move_count + placed):
            may_give[moves[move, 1]] = False
        move_count += placed


@jit
def copied(
    hosts: Records, vms: Records, on_host: Lists, loads: Floats, measured_w: Floats
) -> tuple[Records, Lists]:
    """Return what the planner changes: rows of `PLANNED`, and the lists."""
    planned, planned_on = np.empty(len(hosts), PLANNED), np.empty_like(on_host)
    for number in range(len(hosts)):
        host, plan = hosts[number], planned[number]
        plan.vm_count = host.vm_count
        plan.allocated_mips, plan.free_mips = host.allocated_mips, host.free_mips
        plan.watts_now = watts(measured_w[host.kind], host.utilisation)
        plan.ram_mb = 0.0
        for place in range(host.vm_count):
            planned_on[number, place] = on_host[number, place]
            plan.ram_mb += vms[on_host[number, place]].ram_mb
        sum_up(plan, on_host[number], vms, loads[host.kind])
    return planned, planned_on


@jit
def sum_up(plan: Row, listed: Lists, vms: Records, loads: Floats) -> None:
    """Sum up demand and history of a host's VMs, in the order of its list."""
    plan.demand_mips = 0.0
    history = plan.history
    for tick in range(HISTORY_LENGTH):
        history[tick] = 0.0
    for place in range(plan.vm_count):
        vm = listed[place]
        plan.demand_mips += vms[vm].demand_mips
        for tick in range(HISTORY_LENGTH):
            history[tick] += loads[vm, tick]


@jit
def is_overloaded_now(rules: Row, host: Row, plan: Row) -> bool:
    """Return whether a host is overloaded with the VMs that the plan leaves it."""
    nothing = np.zeros(HISTORY_LENGTH)
    return is_overloaded(rules, plan.demand_mips / host.mips, plan.history, nothing)


@jit
def relieve(
    rules: Row,
    host: Row,
    plan: Row,
    listed: Lists,
    vms: Records,
    used: Floats,
    loads: Floats,
    ticks: int,
    moving: Lists,
) -> int:
    """Take VMs off an overloaded host until it is overloaded no longer; return how many move."""
    count = 0
    while True:
        place = select_vm(rules, listed, plan.vm_count, vms, used, ticks)
        if place < 0:
            return count
        moving[count] = listed[place]
        count += 1
        plan.vm_count = take_off(listed, plan.vm_count, listed[place])
        sum_up(plan, listed, vms, loads)
        if not is_overloaded_now(rules, host, plan):
            return count


@jit
def least_utilised(
    hosts: Records, vms: Records, planned: Records, planned_on: Lists, may_give: Flags
) -> int:
    """Return the host to be emptied next, the first of equals; -1 where none is left."""
    source, least = -1, 1.0
    for number in range(len(hosts)):
        if not may_give[number] or hosts[number].utilisation >= least:
            continue
        if can_be_emptied(number, planned_on[number], planned[number].vm_count, vms):
            source, least = number, hosts[number].utilisation
    return source


@jit
def can_be_emptied(number: int, listed: Lists, count: int, vms: Records) -> bool:
    """Return whether a host has a VM that can leave, and none that arrives."""
    any_can_leave = False
    for place in range(count):
        vm = vms[listed[place]]
        if vm.migrations == 0:
            any_can_leave = True
        elif vm.host != number:
            return False
    return any_can_leave


@jit
def place_all_or_none(
    rules: Row,
    source: int,
    targets: Lists,
    target_count: int,
    hosts: Records,
    vms: Records,
    planned: Records,
    planned_on: Lists,
    loads: Floats,
    measured_w: Floats,
    moving: Lists,
    moves: Lists,
) -> int:
    """Plan to empty a host; return the number of moves, 0 where a VM fits nowhere."""
    moving_count = 0
    for place in range(planned[source].vm_count):
        if vms[planned_on[source, place]].migrations == 0:
            moving[moving_count] = planned_on[source, place]
            moving_count += 1
    sort_by_demand(moving, moving_count, vms)
    before = np.empty(moving_count, PLANNED)
    for placed in range(moving_count):
        vm = moving[placed]
        target = find_target(
            rules, vm, targets, target_count, hosts, vms, planned, loads, measured_w
        )
        if target < 0:
            for move in range(placed - 1, -1, -1):
                planned[moves[move, 1]] = before[move]
            return 0
        before[placed] = planned[target]
        add(vm, target, hosts, vms, planned, planned_on, loads)
        moves[placed, 0], moves[placed, 1] = vm, target
    return moving_count


@jit
def sort_by_demand(moving: Lists, count: int, vms: Records) -> None:
    """Sort VMs by demand, the largest first; equal ones keep their order."""
    for place in range(1, count):
        vm, gap = moving[place], place
        while gap > 0 and vms[moving[gap - 1]].demand_mips < vms[vm].demand_mips:
            moving[gap] = moving[gap - 1]
            gap -= 1
        moving[gap] = vm


@jit
def find_target(
    rules: Row,
    vm: int,
    targets: Lists,
    target_count: int,
    hosts: Records,
    vms: Records,
    planned: Records,
    loads: Floats,
    measured_w: Floats,
) -> int:
    """Return the host whose power rises least with the VM, the first of equals; -1 for none.

    ``P((allocated + demand) / mips) - P(u)``, where u is the utilisation as measured: the planned
    VMs count in the first term only, and a host that is off costs no more than its load. A host
    with any load must not be overloaded with the VM. That is tested only where the power rises
    less than on the best host so far.
    """
    demand, ram_mb = vms[vm].demand_mips, vms[vm].ram_mb
    best, least_w = -1, np.inf
    for place in range(target_count):
        number = targets[place]
        host, plan = hosts[number], planned[number]
        if host.core_mips < demand or plan.free_mips < demand:
            continue
        if not rules.ignores_memory and plan.ram_mb + ram_mb > host.ram_mb:
            continue
        after = (plan.allocated_mips + demand) / host.mips
        rise_w = watts(measured_w[host.kind], after) - plan.watts_now
        if rise_w >= least_w:
            continue
        if plan.allocated_mips != 0.0:
            utilisation = (plan.demand_mips + demand) / host.mips
            if is_overloaded(rules, utilisation, plan.history, loads[host.kind, vm]):
                continue
        best, least_w = number, rise_w
    return best


@jit
def add(
    vm: int,
    target: int,
    hosts: Records,
    vms: Records,
    planned: Records,
    planned_on: Lists,
    loads: Floats,
) -> None:
    """Add a VM to the plan of a host."""
    plan, kind = planned[target], hosts[target].kind
    planned_on[target, plan.vm_count] = vm
    plan.vm_count += 1
    plan.demand_mips += vms[vm].demand_mips
    plan.allocated_mips += vms[vm].demand_mips
    plan.free_mips -= vms[vm].demand_mips
    plan.ram_mb += vms[vm].ram_mb
    history = plan.history
    for tick in range(HISTORY_LENGTH):
        history[tick] += loads[kind, vm, tick]


# --- the placement at the start -------------------------------------------------------------------


@jit
def place_all(
    hosts: Records, vms: Records, on_host: Lists, measured_w: Floats, first_fit: bool
) -> int:
    """Place each VM, by its nominal demand and memory; return the first that fits nowhere, or -1.

    Either on the first host with room, or where ``P(nominal / mips) - P(0)`` is least. No
    utilisation is measured yet, so P(0) is deducted for every host: an empty host costs no more
    than a full one, and VMs spread.
    """
    nominal, ram_mb = np.zeros(len(hosts)), np.zeros(len(hosts))
    for vm in range(len(vms)):
        best, least_w = -1, np.inf
        for number in range(len(hosts)):
            host = hosts[number]
            after = nominal[number] + vms[vm].mips
            if host.core_mips < vms[vm].mips or host.mips < after:
                continue
            if ram_mb[number] + vms[vm].ram_mb > host.ram_mb:
                continue
            power_w = measured_w[host.kind]
            rise_w = watts(power_w, after / host.mips) - watts(power_w, 0.0)
            if rise_w < least_w:
                best, least_w = number, rise_w
                if first_fit:
                    break
        if best < 0:
            return vm
        nominal[best] += vms[vm].mips
        ram_mb[best] += vms[vm].ram_mb
        on_host[best, hosts[best].vm_count] = vm
        hosts[best].vm_count += 1
        vms[vm].host = best
    return -1
