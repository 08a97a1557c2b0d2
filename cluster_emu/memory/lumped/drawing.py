"""The draws of the lumped engine, in bulk: who is seen clean, and whose dirty bit is set.

A draw is made from one normal variate, so that all of a round are made by a single compiled call;
without variates it comes out at its mean (the mean field).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Counts, Labels
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]

INVERTED_UP_TO = 40.0
"""Mean up to which a binomial draw inverts the distribution; above, it is a normal one with the
skewness and kurtosis of the binomial (Cornish and Fisher), wrong by less than 0.001 in its
distribution function."""
FELT_FROM = 0.01
"""Change of the share sent within a stretch below which feedback makes no difference."""
_LARGEST_EXPONENT = 700.0
_LEAST = 1e-300
_SQRT_2 = math.sqrt(2.0)
_SEND = int(Decision.SEND)


@compiled
def drawn(pages: float, chance: float, normal: float) -> float:
    """Return a binomial number of successes among so many pages."""
    if pages <= 0 or chance <= 0:
        return 0.0
    if chance >= 1:
        return float(pages)
    p = min(chance, 1.0 - chance)
    mean = pages * p
    if mean > INVERTED_UP_TO:
        sd = math.sqrt(mean * (1.0 - p))
        skew, excess = (1.0 - 2.0 * p) / sd, (1.0 - 6.0 * p * (1.0 - p)) / (sd * sd)
        z = normal
        z += skew / 6.0 * (normal**2 - 1.0)
        z += excess / 24.0 * (normal**3 - 3.0 * normal)
        z -= skew**2 / 36.0 * (2.0 * normal**3 - 5.0 * normal)
        found = min(max(math.floor(mean + sd * z + 0.5), 0.0), float(pages))
    else:
        odds, found = p / (1.0 - p), 0.0
        mass = math.exp(pages * math.log1p(-p))
        left = 0.5 * math.erfc(-normal / _SQRT_2) - mass  # a uniform variate, inverted
        while left > 0 and found < pages and mass > 0:
            mass *= odds * (pages - found) / (found + 1.0)
            left -= mass
            found += 1.0
    return found if chance <= 0.5 else pages - found


@compiled
def many_drawn(pages: Counts, chance: Floats, normal: Floats) -> Counts:
    """Return as many draws; their means if there are no variates, [draws]."""
    found = np.empty_like(pages)
    for i in range(len(pages)):
        if len(normal):
            found[i] = drawn(pages[i], chance[i], normal[i])
        else:
            found[i] = pages[i] * chance[i]
    return found


@compiled
def draw_seen(
    due: Labels,
    turns: Counts,
    sendable: Floats,
    share: Floats,
    rates: Floats,
    not_given: float,
    about: Floats,
    mean_clean: Floats,
    normal: Floats,
) -> tuple[Counts, Floats, Counts, float]:
    """Draw who of the pages that have their turn is seen clean.

    What chance does to one stretch moves the time of all that follows. So each stretch is drawn
    about the mean course first, and then moved to the time at which the scan really came by.

    Args:
        due: `Due.kind`, [5, due].
        turns: pages that have their turn, [due].
        sendable: as in `Due`, [4, stretches, classes].
        share: share of each stretch that has its turn, [stretches].
        rates: writes per page and operational second, [classes].
        not_given: chance that a page is not given as dirty from the start.
        about: as in `Course`.
        mean_clean: as in `Course`.
        normal: variates, [2 x due], or none.

    Returns:
        Pages seen clean and dirty, [2, due]; the chance of having been clean, [stretches, classes];
        pages sent, [stretches], and of all.
    """
    rank, page_class, if_clean, if_dirty = due[2], due[1], due[3], due[4]
    kinds, stretches, classes = len(rank), len(share), len(rates)
    seen, off = np.empty((2, kinds), dtype=turns.dtype), np.zeros(stretches)
    clean, dirty = seen[0], seen[1]
    for d in range(kinds):
        if if_clean[d] == if_dirty[d]:
            clean[d] = turns[d]
            continue
        chance = mean_clean[rank[d], page_class[d]]
        clean[d] = turns[d] * chance
        if len(normal):
            clean[d] = drawn(turns[d], chance, normal[d])
            more = clean[d] - turns[d] * chance
            if if_clean[d] == _SEND:
                off[rank[d]] += more
            elif if_dirty[d] == _SEND:
                off[rank[d]] -= more
    chances = mean_clean
    if len(normal):
        later = _moved(off, sendable, share, rates, about, mean_clean)
        if np.any(later != 0):
            chances = mean_clean.copy()
            for j in range(stretches):
                for c in range(classes):
                    exponent = min(max(later[j] * rates[c], -_LARGEST_EXPONENT), _LARGEST_EXPONENT)
                    chances[j, c] = min(mean_clean[j, c] * math.exp(-exponent), not_given)
            for d in range(kinds):
                if if_clean[d] == if_dirty[d]:
                    continue
                old, new = mean_clean[rank[d], page_class[d]], chances[rank[d], page_class[d]]
                z = normal[kinds + d]
                if new > old:
                    come = min((new - old) / max(1.0 - old, _LEAST), 1.0)
                    clean[d] += drawn(turns[d] - clean[d], come, z)
                elif new < old:
                    clean[d] -= drawn(clean[d], min(1.0 - new / old, 1.0), z)
    sent, total_sent = np.zeros(stretches, dtype=turns.dtype), 0.0
    for d in range(kinds):
        dirty[d] = turns[d] - clean[d]
        if if_clean[d] == _SEND:
            sent[rank[d]] += clean[d]
            total_sent += clean[d]
        if if_dirty[d] == _SEND:
            sent[rank[d]] += dirty[d]
            total_sent += dirty[d]
    return seen, chances, sent, total_sent


@compiled
def _moved(
    off: Floats,
    sendable: Floats,
    share: Floats,
    rates: Floats,
    about: Floats,
    mean_clean: Floats,
) -> Floats:
    """Return by how much later than in the mean the scan comes to each stretch, [stretches].

    Pages sent take time, and in that time others are written. A page more sent at share u of a
    stretch leaves ``h(u) = Q(1) / Q(u)`` of a page more at its end (linear noise approximation:
    deviations decay as the solution of dx/du = Q does). So the number sent has the variance
    ``sum_c n_c (E[h^2 p_c] - E[h p_c]^2)``, n_c pages being sent with chance p_c(u), E the mean
    over u; without feedback, h = 1, it is binomial.

    Args:
        off: pages more than in the mean that were drawn for each stretch, [stretches].
        sendable: as in `draw_seen`, like the others.
        share: share that has its turn.
        rates: writes per page and second.
        about: the course.
        mean_clean: the chances in the mean.
    """
    visits, sent_at, clean_at = about[:, :, 0], about[:, :, 1], about[:, :, 2:]
    stretches, points = sent_at.shape
    later = np.zeros(stretches)
    is_felt = False
    for j in range(stretches):
        if abs(sent_at[j, -1] / sent_at[j, 0] - 1.0) >= FELT_FROM:
            is_felt = True
    ahead = 0.0
    for j in range(stretches if is_felt else 0):
        left = sent_at[j, -1] / sent_at[j]
        mean_left = mean_square = 0.0
        for p in range(points):
            mean_left += visits[j, p] * left[p]
            mean_square += visits[j, p] * left[p] ** 2
        with_it = without = fewer_per_s = 0.0
        for c in range(len(rates)):
            clean_left = clean_square = 0.0
            for p in range(points):
                clean_left += visits[j, p] * clean_at[j, p, c] * left[p]
                clean_square += visits[j, p] * clean_at[j, p, c] * left[p] ** 2
            dirty_left, dirty_square = mean_left - clean_left, mean_square - clean_square
            with_it += sendable[0, j, c] * (mean_square - mean_left**2)
            with_it += sendable[1, j, c] * (clean_square - clean_left**2)
            with_it += sendable[2, j, c] * (dirty_square - dirty_left**2)
            chance = mean_clean[j, c]
            without += (sendable[1, j, c] + sendable[2, j, c]) * chance * (1.0 - chance)
            change = sendable[1, j, c] - sendable[2, j, c]
            fewer_per_s += share[j] * rates[c] * chance * change
        kept = math.sqrt(max(with_it / without, 0.0)) if without > 0 else 1.0
        fewer = (1.0 - left[0]) * ahead + (1.0 - kept) * off[j]
        ahead += off[j] - fewer
        if fewer_per_s != 0:
            later[j] = fewer / fewer_per_s
    return later


@compiled
def draw_dirty_bits(
    kind: Labels,
    lot: Labels,
    pages: Counts,
    clean_chance: Floats,
    after: Labels,
    classes: int,
    history_bits: int,
    normal: Floats,
) -> tuple[Labels, Counts, Counts]:
    """Draw whose dirty bit is set at the end of a round.

    Args:
        kind: as in `Cells`, before the round, [4, cells].
        lot: `Lots.kind`, [3, lots].
        pages: how many pages each lot has, [lots].
        clean_chance: chance of a clear bit, [lots].
        after: flags by fate and dirty bit, [fates, 2].
        classes: how many write classes.
        history_bits: as in `Kinds`.
        normal: variates, [lots], or none.

    Returns:
        The kinds of the clean and the dirty pages of each lot, and how many they are,
        [2 x lots]; pages of each fate, and dirty ones of all, [fates + 1].
    """
    lots, fates, codes = len(pages), len(after), (1 << history_bits) - 1
    keys, counts = np.empty(2 * lots, dtype=np.int64), np.empty(2 * lots, dtype=pages.dtype)
    totals = np.zeros(fates + 1, dtype=pages.dtype)
    for i in range(lots):
        cell, fate, stratum = lot[0, i], lot[1, i], lot[2, i]
        place = (stratum * classes + kind[1, cell]) * 4
        history = kind[3, cell] << 1
        for bit in range(2):
            key = (place + after[fate, bit]) << history_bits
            keys[2 * i + bit] = key | ((history | bit) & codes)
        clean = pages[i] * clean_chance[i]
        if len(normal):
            clean = drawn(pages[i], clean_chance[i], normal[i])
        counts[2 * i] = clean
        counts[2 * i + 1] = pages[i] - counts[2 * i]
        totals[fate] += pages[i]
        totals[fates] += counts[2 * i + 1]
    return keys, counts, totals


class Push(NamedTuple):
    """Where a push of missing pages stands.

    Args:
        left_s: time to go.
        spare_bytes: bytes sent for which no page has been handed over.
        touches_left: touches of missing pages expected until the next one comes; 0 for not drawn.
        waits: pages the VM waits for: none, one, or a part of one in the mean field.
        begins_s: in how much time that page begins to be sent.
        arrives_bytes: and after how many bytes from then it has arrived.
        faults: pages asked for so far.
        stall_s: time waited so far.
        used: variates used up.
    """

    left_s: float
    spare_bytes: float
    touches_left: float
    waits: float
    begins_s: float
    arrives_bytes: float
    faults: float
    stall_s: float
    used: int


@compiled
def push_on(
    push: Push,
    missing: Floats,
    touches_per_s: Floats,
    bytes_per_s: float,
    intensity: float,
    unit_bytes: float,
    round_trip_s: float,
    queued_pages: float,
    normal: Floats,
) -> Push:
    """Push missing pages and serve faults until time or variates are used up.

    Args:
        push: where it stands.
        missing: pages of each class; changed, [classes].
        touches_per_s: touches per page and operational second, [classes].
        bytes_per_s: rate of the link.
        intensity: operational seconds per second.
        unit_bytes: bytes of a page.
        round_trip_s: from a fault until its page begins to be sent.
        queued_pages: pages that are sent before it all the same.
        normal: variates, or none.
    """
    left_s, spare_bytes, touches_left, waits, begins_s, arrives_bytes, faults, stall_s, used = push
    is_random, classes = len(normal) > 0, len(missing)
    while left_s > 0 and (not is_random or used + classes + 2 <= len(normal)):
        total, step_s = missing.sum(), left_s
        is_fault = arrives = False
        if waits > 0:
            sending_s = arrives_bytes / bytes_per_s if bytes_per_s > 0 else math.inf
            arrives = begins_s + sending_s <= left_s
            step_s = min(begins_s + sending_s, left_s)
            stall_s += step_s
            arrives_bytes -= bytes_per_s * max(step_s - begins_s, 0.0)
            begins_s = max(begins_s - step_s, 0.0)
        else:
            per_s = intensity * (touches_per_s * missing).sum()
            if bytes_per_s > 0 and total > 0:  # short enough for the rest to stay about the same
                step_s = min(step_s, max(total / 64, 64.0) * unit_bytes / bytes_per_s)
                pushed = min(bytes_per_s * step_s / unit_bytes, total)
                per_s *= 1.0 - pushed / (2.0 * total)
            if touches_left <= 0:
                touches_left = 1.0
                if is_random:
                    touches_left = -math.log(0.5 * math.erfc(normal[used] / _SQRT_2))
                    used += 1
            is_fault = per_s > 0 and touches_left <= per_s * step_s
            if is_fault:
                step_s = touches_left / per_s
            touches_left = 0.0 if is_fault else touches_left - per_s * step_s
        left_s -= step_s

        spare_bytes += bytes_per_s * step_s  # of these a page that is waited for keeps its own
        pages = min(math.floor(spare_bytes / unit_bytes) - waits, math.ceil(total))
        if pages > 0:
            spare_bytes -= pages * unit_bytes
            to_take, among = min(pages, total), total
            for c in range(classes):
                share = min(missing[c] / among, 1.0) if among > 0 else 0.0
                taken = to_take * share
                if is_random:
                    taken = drawn(to_take, share, normal[used])
                    used += 1
                taken = min(max(taken, to_take - (among - missing[c])), to_take, missing[c])
                to_take, among = to_take - taken, among - missing[c]
                missing[c] -= taken

        if arrives:
            spare_bytes -= waits * unit_bytes
            waits = 0.0
        if is_fault and missing.sum() > 0:
            weights = touches_per_s * missing
            if is_random:
                place = 0.5 * math.erfc(-normal[used] / _SQRT_2) * weights.sum()
                used += 1
                c = 0
                while c < classes - 1 and (place >= weights[c] or missing[c] < 1):
                    place -= weights[c]
                    c += 1
                while c > 0 and missing[c] < 1:  # the sum was rounded up
                    c -= 1
                missing[c] -= 1.0
                waits = 1.0
            else:
                for c in range(classes):
                    taken = min(weights[c] / max(weights.sum(), _LEAST), missing[c])
                    missing[c] -= taken
                    waits += taken
            begins_s, arrives_bytes = round_trip_s, (waits + queued_pages) * unit_bytes
            faults += waits
    return Push(
        left_s, spare_bytes, touches_left, waits, begins_s, arrives_bytes, faults, stall_s, used
    )
