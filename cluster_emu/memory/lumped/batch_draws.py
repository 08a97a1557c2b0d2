"""Draws the batches of a round: who is seen clean at each look, and how far each batch gets."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.drawing import (
    SUMMED_UP_TO,
    drawn,
    drawn_without_replacement,
    place_of_send,
)
from cluster_emu.memory.lumped.lots import Fate, add_undue
from cluster_emu.memory.lumped.path import time_at
from cluster_emu.memory.lumped.writing import add_up_writes
from cluster_emu.strategies.contract import Decision

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_SEND = int(Decision.SEND)
_UNVISITED = int(Fate.UNVISITED)


class Batches(NamedTuple):
    """Pages that shared one look, batch by batch.

    Args:
        begins: pages of the round sent before each, [batches].
        ends: pages of the round sent when it ends, [batches].
        chance: chance that a page of each class was clean at the look, [batches, classes].
        seen: pages that had their turn, seen clean and seen dirty, by kind, [batches, 2, due].
    """

    begins: Counts
    ends: Counts
    chance: Floats
    seen: Counts

    @classmethod
    def none(cls, due: int, classes: int) -> Batches:
        """Return no batches."""
        never = np.empty(0, dtype=np.int64)
        seen = np.empty((0, 2, due), dtype=np.int64)
        return cls(never, never, np.empty((0, classes)), seen)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.begins)

    def first(self, count: int) -> Batches:
        """Return the first ones."""
        return Batches(
            self.begins[:count], self.ends[:count], self.chance[:count], self.seen[:count]
        )

    def joined(self, others: Batches) -> Batches:
        """Return these and then others."""
        return Batches(*(np.concatenate(both) for both in zip(self, others, strict=True)))


@compiled
def most_taken(due: int) -> int:
    """Return how many variates a batch takes at most."""
    return 4 * due + 2 * SUMMED_UP_TO


@compiled
def draw_batches(
    due: Counts,
    waiting: Counts,
    may_wait: int,
    begins: int,
    batch_pages: int,
    fraction: float,
    rates: Floats,
    sets: Floats,
    not_given: float,
    corners: Floats,
    pace: float,
    normal: Floats,
) -> tuple[Counts, Counts, Floats, Counts]:
    """Draw batches until few enough pages wait, or variates are used up.

    Args:
        due: `Due.kind`, [5, due].
        waiting: pages of each kind that have not had their turn, [due].
        may_wait: how many of all need not have it.
        begins: pages of the round sent so far.
        batch_pages: sent pages that share a look.
        fraction: share of the time until a batch begins at which its look comes.
        rates: as in `Writing`; in this module a class is a label there, [classes].
        sets: as in `Writing`.
        not_given: chance that a page is not given as dirty from the start.
        corners: as in `Looks`.
        pace: as in `Looks`.
        normal: variates.

    Returns:
        What `Batches` holds.
    """
    kinds, used, left = len(waiting), 0, waiting.copy()
    total = left.sum()
    most = total // batch_pages + 2
    begin, end = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    chances, seen = np.empty((most, len(rates))), np.zeros((most, 2, kinds), dtype=np.int64)
    batches, expected = 0, np.empty(len(rates))
    while total > may_wait and used + most_taken(kinds) <= len(normal):
        look = time_at(begins, corners, pace, 1) * fraction
        add_up_writes(rates, sets, 0.0, look, expected)
        for c in range(len(rates)):
            chances[batches, c] = not_given * math.exp(-expected[c])
        met, sends, visits = seen[batches], 0, total - may_wait
        first = 0
        while first < kinds and sends < batch_pages and visits > 0:
            last, in_stretch, in_stretch_sent = first, 0, 0
            while last < kinds and due[2, last] == due[2, first]:
                in_stretch += left[last]
                last += 1
            to_visit, among = min(in_stretch, visits), in_stretch
            visits -= to_visit
            for d in range(first, last):
                pages = left[d]
                if to_visit < among:
                    pages = int(drawn_without_replacement(to_visit, pages, among, normal[used]))
                    used += 1
                among -= left[d]
                to_visit -= pages
                clean = pages
                if due[3, d] != due[4, d]:
                    clean = int(drawn(pages, chances[batches, due[1, d]], normal[used]))
                    used += 1
                met[0, d], met[1, d] = clean, pages - clean
                if due[3, d] == _SEND:
                    in_stretch_sent += clean
                if due[4, d] == _SEND:
                    in_stretch_sent += pages - clean
            if sends + in_stretch_sent >= batch_pages:
                taken = _keep_first(
                    due, met, first, last, batch_pages - sends, in_stretch_sent, normal[used:]
                )
                used += taken
                sends = batch_pages
            else:
                sends += in_stretch_sent
            first = last
        for d in range(kinds):
            left[d] -= met[0, d] + met[1, d]
        total = left.sum()
        begin[batches], end[batches] = begins, begins + sends
        begins += sends
        batches += 1
    return begin[:batches], end[:batches], chances[:batches], seen[:batches]


@compiled
def _keep_first(
    due: Counts,
    met: Counts,
    first: int,
    last: int,
    to_send: int,
    all_sends: int,
    normal: Floats,
) -> int:
    """Take back the turns behind the one with which so many pages are sent; count variates used.

    Of the pages of a stretch, met in random order, every page that is not sent comes before that
    turn with the chance of its place; and any of the sends may be among the first ones.

    Args:
        due: `Due.kind`.
        met: pages seen clean and seen dirty; changed, [2, due].
        first: the first kind of the stretch.
        last: the one behind the last.
        to_send: pages to be sent, at least one.
        all_sends: pages met in the stretch that are sent, no fewer.
        normal: variates.
    """
    place = place_of_send(to_send, all_sends, normal)
    used, among = 2 * SUMMED_UP_TO, all_sends
    for case in range(2):
        for d in range(first, last):
            if due[3 + case, d] == _SEND:
                pages = met[case, d]
                met[case, d] = int(drawn_without_replacement(to_send, pages, among, normal[used]))
                to_send -= met[case, d]
                among -= pages
            else:
                met[case, d] = int(drawn(met[case, d], place, normal[used]))
            used += 1
    return used


@compiled
def first_sends(due: Counts, met: Counts, to_send: int, normal: Floats) -> Counts:
    """Return who of the pages met in a batch comes until so many of them are sent, [2, due]."""
    kept, kinds, used = np.zeros_like(met), met.shape[1], 0
    first = 0
    while first < kinds and to_send > 0:
        last, sends = first, 0
        while last < kinds and due[2, last] == due[2, first]:
            kept[:, last] = met[:, last]
            for case in range(2):
                if due[3 + case, last] == _SEND:
                    sends += met[case, last]
            last += 1
        if sends >= to_send:
            used += _keep_first(due, kept, first, last, to_send, sends, normal[used:])
            to_send = 0
        else:
            to_send -= sends
        first = last
    return kept


@compiled
def lots_of_batches(
    due: Counts,
    cells: Counts,
    pages_of_cell: Counts,
    seen: Counts,
    chance: Floats,
    waiting: Counts,
    by_the_end: Floats,
    fates: Counts,
    undue_fates: Counts,
) -> tuple[Counts, Counts, Floats]:
    """Return the lots of all pages, those that were due batch by batch, without empty ones."""
    count = int(np.sum(seen > 0)) + int(np.sum(waiting > 0)) + len(pages_of_cell) - len(waiting)
    lot, pages, lot_chance = (
        np.empty((3, count), np.int64),
        np.empty(count, np.int64),
        np.empty(count),
    )
    lots = 0
    for b in range(len(seen) + 1):
        for case in range(2 if b < len(seen) else 1):
            for d in range(len(waiting)):
                at_end = by_the_end[due[1, d]]
                some, fate, clean_chance = waiting[d], _UNVISITED, at_end
                if b < len(seen):
                    some, fate = seen[b, case, d], fates[due[3 + case, d]]
                    if case == 1:
                        clean_chance = 0.0
                    elif due[3, d] != due[4, d]:
                        clean_chance = min(at_end / max(chance[b, due[1, d]], 1e-300), 1.0)
                if some > 0:
                    lot[0, lots], lot[1, lots], lot[2, lots] = due[0, d], fate, cells[0, due[0, d]]
                    pages[lots], lot_chance[lots] = some, clean_chance
                    lots += 1
    add_undue(lots, lot, pages, lot_chance, cells, pages_of_cell, by_the_end, undue_fates)
    return lot, pages, lot_chance
