"""All compiled code of the lumped engine, with the tables and constants it uses.

numba keeps machine code on disk and replaces it only when the function's own file changes, so a
kernel and everything it depends on stand in this one file (`cluster_emu._jit`).

Tables are numpy record arrays: a row per page group, per due group and so on, with named columns.
Settings are tables of one row. Kernels take no NamedTuple: numba keeps its class by name, so a
renamed class would make the machine code on disk unreadable; and each costs a microsecond per call.

Page counts are float64 throughout. They are whole numbers where the engine samples, and means in
the mean field, where kernels get no normal deviates and take the mean of each draw.

Sources: docs/lumped.md derives the live round; docs/protocol.md derives the closed form.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu._jit import jit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Records = NDArray[Any]
"""A record array; its dtype is one of those below."""


# --- constants and tables -------------------------------------------------------------------------


class PageStatus(IntEnum):
    """Whether the target has the newest version of a page, and when the page is sent next."""

    CURRENT = 0
    """The target has its newest version."""
    DUE = 1
    """The page waits for its visit in the next live round (to_send is set)."""
    DEFERRED = 2
    """Stop-and-copy sends it, even if nothing writes it until then."""
    LOST_UPDATE = 3
    """Stale but not due: to_send was recomputed from the dirty log alone."""


class Outcome(IntEnum):
    """What happened to a page in a live round; the first three are for pages that were not due."""

    CURRENT = 0
    DEFERRED_BEFORE = 1
    LOST_UPDATE = 2
    SENT = 3
    SKIPPED = 4
    DEFERRED = 5
    UNVISITED = 6


# numba compiles plain integers into the code; it would box an enum member at each use
_CURRENT = int(PageStatus.CURRENT)
_DUE = int(PageStatus.DUE)
_LOST_UPDATE = int(PageStatus.LOST_UPDATE)
_UNVISITED = int(Outcome.UNVISITED)
_SENT = int(Outcome.SENT)
_SKIPPED = int(Outcome.SKIPPED)
_DEFERRED = int(Outcome.DEFERRED)
_OUTCOMES = len(Outcome)

_STATUS_BITS = 2
_LEAST = 1e-300
"""Keeps a quotient finite where both of its terms are 0."""

MOST_BATCHES = 64
"""Up to so many batches are taken one by one, even where accuracy does not need it."""
STEEP = 0.1
"""Batches must be taken one by one if the chance of a write between two peeks is at least this."""

SEND = 1
"""`Decision.SEND` of `strategies/contract.py`; a test compares the two."""

OUTCOME_OF_STATUS = np.array(
    [Outcome.CURRENT, Outcome.UNVISITED, Outcome.DEFERRED_BEFORE, Outcome.LOST_UPDATE]
)
"""By status: the outcome of a page that the scan did not visit."""
OUTCOME_OF_DECISION = np.array([Outcome.SKIPPED, Outcome.SENT, Outcome.SKIPPED, Outcome.DEFERRED])
"""By decision: the outcome of a page that the scan visited."""

GROUP = np.dtype(
    [
        ("address_range", "i8"),  # label of the range of addresses the pages lie in
        ("write_class", "i8"),  # write class, membership of the working set, first writer
        ("status", "i8"),  # PageStatus
        ("history", "i8"),  # dirty bits of past rounds, the newest in the lowest bit
        ("pages", "f8"),
    ],
    align=True,
)
"""Interchangeable pages: all have the same range, write class, status and history."""

DUE_GROUP = np.dtype(
    [
        ("group", "i8"),  # row of the page group
        ("write_class", "i8"),
        ("rank", "i8"),  # place of the address range in the scan
        ("if_clean", "i8"),  # Decision for a page that the peek sees clean
        ("if_dirty", "i8"),  # Decision for a page that the peek sees dirty
        ("pages", "f8"),
    ],
    align=True,
)
"""A page group whose pages are due, in scan order."""

DECISIONS = np.dtype([("if_clean", "i8"), ("if_dirty", "i8")], align=True)
"""What the strategy decides in a round for a due page, by history."""

ADDRESS_RANGE = np.dtype([("rank", "i8"), ("begin", "f8"), ("share", "f8")], align=True)
"""Place in the scan, first address and length; addresses are shares of the address space."""

SENDABLE = np.dtype(
    [("always", "f8"), ("if_clean", "f8"), ("if_dirty", "f8"), ("due", "f8")], align=True
)
"""Due pages of one address range and write class: sent always, if clean, if dirty; and all."""

EXACT_PAGE = np.dtype(
    [
        ("due", "i8"),  # row of the due group
        ("write_class", "i8"),
        ("if_clean", "i8"),
        ("if_dirty", "i8"),
        ("place", "f8"),  # rank of the address range plus the place within it, 0 to 1
        ("first_write_s", "f8"),  # operational time since the round began
        ("noticed_s", "f8"),  # a peek from then on sees the page dirty
        ("visit_s", "f8"),  # operational time at which the scan visits the page
        ("units", "i8"),  # what it takes on the wire, in units
        ("sent_before", "i8"),  # pages that the scan sends before it
        ("units_before", "i8"),  # what these take
        ("is_seen_dirty", "i8"),
    ],
    align=True,
)
"""One page of an exact round."""

SEEN = np.dtype([("clean", "f8"), ("dirty", "f8"), ("waiting", "f8")], align=True)
"""Pages of a due group that the peek saw clean, saw dirty, and that were not visited.

Pages for which the peek makes no difference count as seen clean.
"""

BATCH = np.dtype([("begin", "f8"), ("end", "f8")], align=True)
"""Pages of the round sent when a batch begins and ends."""

POINT = np.dtype([("visited_share", "f8"), ("would_send", "f8")], align=True)
"""A quadrature point: the share of the range's visited pages that the scan visits around it, and Q
of docs/lumped.md: the pages that the scan would send if it visited the whole range then."""

CLEAN_CHANCE = np.dtype([("mean", "f8"), ("hazard_per_s", "f8")], align=True)
"""For one address range and write class: the chance that a visited page is seen clean, and how much
the logarithm of this chance decreases per second by which the scan is late."""

QUADRATURE = np.dtype([("point", "f8"), ("weight", "f8")], align=True)
"""A quadrature rule on [0, 1] whose first and last points are the ends."""

BREAKPOINT = np.dtype([("pages", "f8"), ("time_s", "f8")], align=True)
"""Pages sent and operational time at which the time per page changed."""

OUTCOME_GROUP = np.dtype(
    [
        ("group", "i8"),  # row of the page group before the round
        ("outcome", "i8"),  # Outcome
        ("address_range", "i8"),
        ("clean_chance", "f8"),  # chance that a page's dirty bit is clear when the log is read
        ("pages", "f8"),
    ],
    align=True,
)
"""Pages of one group with the same outcome and the same chance of a clear dirty bit."""

WRITE_LAW = np.dtype(
    [
        ("dirty_probability", "f8"),  # per-round dirty probability, for a round of any length
        ("set_share", "f8"),  # share of all pages that are in the moving working set
        ("set_writes_per_page_s", "f8"),  # in addition to the rate of the write class
        ("set_left_s", "f8"),  # operational time for which the present set lasts
        ("set_period_s", "f8"),
        ("labels", "i8"),  # first writers: none, or a block of coming sets; 0 without sets
        ("single_sets", "i8"),  # the first blocks, of one set each
        ("block_sets", "i8"),  # sets in each later block
    ],
    align=True,
)
"""How pages are written, besides the rates of their classes; a table of one row.

Where a working set moves, write classes are numbered
``class + classes (member + 2 first writer)``.
"""


STATE_INDEX = np.dtype(
    [
        ("write_classes", "i8"),  # membership and first writers included
        ("address_ranges", "i8"),  # labels of address ranges
        ("history_bits", "i8"),  # dirty bits of past rounds that are kept
    ],
    align=True,
)
"""How the states of a page are numbered; a table of one row."""

SWEPT_SEGMENT = np.dtype(
    [
        ("pages", "f8"),
        ("first_pass_s", "f8"),  # when the sweep passes the first page; inf if it never does
        ("passes_s", "f8"),  # time the sweep takes for the segment
        ("sent_before", "f8"),  # pages of the round sent before it and until its end
        ("sent_until", "f8"),
        ("visit_s", "f8"),  # operational time at which the scan reaches it
        ("peek_s", "f8"),  # operational time of the peek at its middle
    ],
    align=True,
)
"""Adjacent pages that a sweep passes together; times are since the round began."""

SCAN_START = np.dtype(
    [
        ("position", "i8"),  # the first page that was not visited
        ("time_s", "f8"),  # operational time since the round began
        ("bytes_sent", "f8"),  # bytes of the round sent
        ("page_bytes", "f8"),  # bytes of a page on the wire; of a unit, where pages differ
        ("time_per_byte", "f8"),  # operational seconds per byte from now on
        ("batch_pages", "i8"),  # sent pages that share a peek; 0 if the strategy never peeks
        ("batch_begin", "i8"),  # pages sent when the present batch began
        ("batch_peek_s", "f8"),  # operational time of its peek
    ],
    align=True,
)
"""Where the scan of an exact round continues, and at which rate; a table of one row."""

PEEK_TIMES = np.dtype(
    [
        ("time_per_page_s", "f8"),  # operational seconds per page sent after the last breakpoint
        ("fraction", "f8"),  # share of the time until a visit at which the decisive peek comes
        ("batch_pages", "i8"),  # sent pages that share a peek
        ("lead_pages", "f8"),  # the peek comes earlier than that by so many sent pages
    ],
    align=True,
)
"""When the scan peeks at the dirty log; a table of one row."""

PUSH_STATE = np.dtype(
    [
        ("left_s", "f8"),  # time left
        ("spare_bytes", "f8"),  # bytes sent that do not yet make a page
        ("touches_left", "f8"),  # unit-exponential threshold of the next touch; 0 if not drawn
        ("set_left_s", "f8"),  # operational time for which the present working set lasts
        ("waits", "f8"),  # requested pages on their way; parts of pages in the mean field
        ("waits_bytes", "f8"),  # what these take on the wire
        ("faults", "f8"),  # requested pages
        ("stall_s", "f8"),  # time waited, mean of the processors
        ("first", "i8"),  # place of the first request that is not answered
        ("waiting", "i8"),  # requests that are not answered
        ("used", "i8"),  # normal deviates used
    ],
    align=True,
)
"""Where the push of missing pages after an early resume stands; a table of one row."""

PAGE_REQUEST = np.dtype(
    [
        ("pages", "f8"),  # one page, or a part of one in the mean field
        ("page_bytes", "f8"),  # bytes of a page on the wire
        ("wait_s", "f8"),  # time until the request reaches the source
        ("bytes_left", "f8"),  # bytes from then on until the page has arrived
    ],
    align=True,
)
"""A page that a processor waits for; a ring with a place for each processor."""

PUSH_SETTING = np.dtype(
    [
        ("bytes_per_s", "f8"),  # rate of the link
        ("intensity", "f8"),  # operational seconds per second
        ("page_bytes", "f8"),  # bytes of a page on the wire; 0 if classes differ in this
        ("round_trip_s", "f8"),  # time from a fault until its request reaches the source
        ("queued_pages", "f8"),  # pages that are sent before it
    ],
    align=True,
)
"""Rates and costs of the push of missing pages; a table of one row."""


AHEAD_SETTING = np.dtype(
    [
        ("clock_s", "f8"),  # time at which the first round begins
        ("until_s", "f8"),  # all rounds end before this time
        ("bytes_per_s", "f8"),
        ("intensity", "f8"),  # operational seconds per second
        ("page_bytes", "f8"),  # bytes of a page on the wire
        (
            "is_exact",
            "i8",
        ),  # 1 if all rounds are exact, 0 if all are expected
        ("most_pages", "f8"),  # no round begins with more due pages
        ("least_left", "f8"),  # a round that leaves fewer pages is the last one
        ("highest_per_s", "f8"),  # the highest rate of a write class
        ("peek_fraction", "f8"),  # share of the time until a visit at which the peek comes
        ("batch_pages", "i8"),  # sent pages that share a peek; 0 if the strategy never peeks
    ],
    align=True,
)
"""What holds in all rounds that are worked out in one call; a table of one row."""

AHEAD_ROUND = np.dtype(
    [
        ("end_s", "f8"),
        ("bytes_sent", "f8"),
        ("sent", "i8"),
        ("skipped", "f8"),
        ("deferred", "f8"),
        ("dirtied", "f8"),
        ("left", "f8"),
    ],
    align=True,
)
"""One round that was worked out with others in one call; page counts by what happened to them."""


class StatusTotals(NamedTuple):
    """Pages of all groups by status; stale pages are those that are not current.

    Kernels return its fields as a plain tuple, which numba makes much faster.
    """

    due: float
    lost_update: float
    stale: float


class OutcomeTotals(NamedTuple):
    """Pages by outcome, and pages with a set dirty bit at the end of the round.

    Kernels return its fields as a plain tuple, which numba makes much faster.
    """

    sent: float
    skipped: float
    deferred: float
    unvisited: float
    dirtied: float


# --- samplers -------------------------------------------------------------------------------------
# One normal deviate makes one draw, so that one compiled call makes all draws of a round.

INVERTED_UP_TO = 40.0
"""Mean (or variance) up to which a sampler inverts the distribution function. Above it, the draw is
a normal deviate, corrected for skewness and, if binomial, for kurtosis (Cornish and Fisher, 1938).
The error of its distribution function is below 0.001."""
SUMMED_UP_TO = 12
"""Shape up to which a gamma variate is a sum of exponential ones; above, Wilson and Hilferty's."""
_SQRT_2 = math.sqrt(2.0)
_NEGLIGIBLE_MASS = 1e-18


@jit
def uniform_of_normal(normal: float) -> float:
    """Return the uniform variate of the same quantile, ``Phi(z) = erfc(-z / sqrt(2)) / 2``."""
    return 0.5 * math.erfc(-normal / _SQRT_2)


@jit
def sample_binomial(pages: float, chance: float, normal: float) -> float:
    """Return a binomial number of successes among so many pages.

    With p = min(chance, 1 - chance), mean m = n p, standard deviation s, skewness g and excess
    kurtosis k, a large draw is ``floor(m + s w + 1/2)`` with the Cornish-Fisher quantile
    ``w = z + g (z^2 - 1) / 6 + k (z^3 - 3 z) / 24 - g^2 (2 z^3 - 5 z) / 36``; a small one inverts
    the distribution function by ``P(x + 1) / P(x) = (n - x) / (x + 1) p / (1 - p)``.
    """
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
        left = uniform_of_normal(normal) - mass
        while left > 0 and found < pages and mass > 0:
            mass *= odds * (pages - found) / (found + 1.0)
            left -= mass
            found += 1.0
    # a chance above one half counts the failures, which are the rarer ones
    return found if chance <= 0.5 else pages - found


@jit
def sample_binomials(pages: Floats, chance: Floats, normal: Floats) -> Floats:
    """Return a binomial number for each group, [groups]; the means without normal deviates."""
    found = np.empty_like(pages)
    for i in range(len(pages)):
        if len(normal):
            found[i] = sample_binomial(pages[i], chance[i], normal[i])
        else:
            found[i] = pages[i] * chance[i]
    return found


@jit
def sample_hypergeometric(count: float, marked: float, among: float, normal: float) -> float:
    """Return how many marked pages are in a sample of `count` pages, taken without replacement.

    With the share f = marked / among and the sampled share q = count / among, the mean is
    ``count f``, the variance ``count f (1 - f) (among - count) / (among - 1)`` and the skewness
    about ``(1 - 2 f) (1 - 2 q) / sd``. A small draw inverts the distribution function from its mode
    outwards.
    """
    least, most = max(0.0, count - (among - marked)), min(count, marked)
    if most <= least:
        return least
    share, sampled = marked / among, count / among
    mean = count * share
    variance = mean * (1.0 - share) * (among - count) / max(among - 1.0, 1.0)
    if variance > INVERTED_UP_TO:
        sd = math.sqrt(variance)
        skew = (1.0 - 2.0 * share) * (1.0 - 2.0 * sampled) / sd
        rounded = math.floor(mean + sd * (normal + skew / 6.0 * (normal**2 - 1.0)) + 0.5)
        return float(min(max(rounded, least), most))
    # from the mode outwards no term underflows; the mass below the mode is summed first
    mode = float(min(max(math.floor((count + 1.0) * (marked + 1.0) / (among + 2.0)), least), most))
    at_mode = math.exp(
        _log_choose(marked, mode)
        + _log_choose(among - marked, count - mode)
        - _log_choose(among, count)
    )
    found, mass = mode, at_mode
    left = uniform_of_normal(normal)
    while found > least and mass > _NEGLIGIBLE_MASS:
        left -= mass
        mass *= found * (among - marked - count + found)
        mass /= (marked - found + 1.0) * (count - found + 1.0)
        found -= 1.0
        if left <= 0:
            return found + 1.0
    left -= mass
    if left <= 0:
        return found
    found, mass = mode, at_mode
    while found < most and left > 0 and mass > _NEGLIGIBLE_MASS:
        mass *= (marked - found) * (count - found)
        mass /= (found + 1.0) * (among - marked - count + found + 1.0)
        found += 1.0
        left -= mass
    return found


@jit
def _log_choose(n: float, k: float) -> float:
    """Return ``ln(n! / (k! (n - k)!))``."""
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


@jit
def sample_gamma(shape: float, normal: Floats) -> float:
    """Return a gamma variate of a whole shape from `SUMMED_UP_TO` normal deviates.

    A small shape sums exponential variates ``-ln(u)``; a large one takes Wilson and Hilferty's
    ``shape (1 - 1 / (9 shape) + z / sqrt(9 shape))^3`` (1931).
    """
    if shape <= SUMMED_UP_TO:
        total = 0.0
        for i in range(int(shape)):
            total -= math.log(uniform_of_normal(normal[i]))
        return total
    third = 1.0 / (9.0 * shape)
    return float(shape * max(1.0 - third + normal[0] * math.sqrt(third), 0.0) ** 3)


@jit
def sample_order_statistic(sends: float, all_sends: float, normal: Floats) -> float:
    """Return at which share of a range the scan has done the first `sends` of its sends.

    Places are independent and uniform, so this is an order statistic, ``Beta(k, n - k + 1)``. The
    sampler makes it of two gamma variates, ``G_k / (G_k + G_{n-k+1})``, from ``2 SUMMED_UP_TO``
    normal deviates.
    """
    before = sample_gamma(sends, normal[:SUMMED_UP_TO])
    after = sample_gamma(all_sends - sends + 1.0, normal[SUMMED_UP_TO:])
    return before / (before + after)


# --- how often pages are written ------------------------------------------------------------------
# A page is clean after an interval with exp(-E), E being its cumulative hazard. A page of class k
# is written lambda_k times per operational second, and rho times more while it is in the set.
# A page that is in a set with the chance sigma stays clean through d seconds of the set with
# 1 - sigma + sigma exp(-rho d); u(t) is the product of these chances over the sets up to time t.
#
# Every set has the same number of pages, drawn without replacement. So the pages that the coming
# sets write are drawn together, set after set, when a round begins. They are labelled by the block
# of sets that writes them first, and their first writes within its block are independent: clean
# after t seconds of a block of D seconds with (u(t) - u(D)) / (1 - u(D)). No set of any block
# writes a page without a label.

_LARGEST_EXPONENT = 700.0
_BISECTIONS = 45
_NEWTON_STEPS = 40
_LEVEL_REACHED = 1e-12


@jit
def draw_first_writers(
    pages: Floats,
    absent: float,
    set_pages: float,
    written_chance: float,
    block_of_set: Integers,
    normal: Floats,
) -> Floats:
    """Draw which of the coming working sets write a page first.

    The members of a set are a sample without replacement of all pages, and each is written by the
    end of the set with ``written_chance``. Members that an earlier set has written keep its label.

    Args:
        pages: pages of each group, [groups].
        absent: pages in no group; some of them are members, too.
        set_pages: pages of a set.
        written_chance: ``1 - exp(-rho period)``.
        block_of_set: the label that each set gives, from 1 on, [sets].
        normal: normal deviates, [2 x sets x groups], or none.

    Returns:
        Pages of each group by label; label 0 has those that no set writes, [labels, groups].
    """
    groups, sets, used = len(pages), len(block_of_set), 0
    found = np.zeros((block_of_set[sets - 1] + 1, groups))
    found[0] = pages
    all_pages = pages.sum() + absent
    for number in range(sets):
        to_take, among = set_pages, all_pages
        for g in range(groups):
            if len(normal):
                members = sample_hypergeometric(to_take, found[0, g], among, normal[used])
                written = sample_binomial(members, written_chance, normal[used + 1])
                used += 2
            else:
                members = min(to_take * found[0, g] / max(among, _LEAST), found[0, g])
                written = members * written_chance
            among -= found[0, g]
            to_take -= members
            found[0, g] -= written
            found[block_of_set[number], g] += written
    return found


@jit
def _block_begin(law: Records, label: int) -> float:
    """Return when the block of a label begins; the one after the last ends the blocks."""
    before = min(label - 1, law[0].single_sets)
    before += max(label - 1 - law[0].single_sets, 0) * law[0].block_sets
    return float(law[0].set_left_s + before * law[0].set_period_s)


@jit
def cumulative_hazard(
    rates: Floats, law: Records, since: float, until: float, hazard: Floats
) -> None:
    """Compute the cumulative hazard of each write class over an interval of a round.

    ``E_c = lambda_c (until - since)``, plus ``rho`` times the part of the interval in the present
    set if the page is in it, plus the hazard of the block that writes the page first, plus that of
    the sets of which nothing is known: those after this block, or after all blocks.

    Args:
        rates: writes per page and operational second, [write classes].
        law: `WRITE_LAW`, [1].
        since: when the interval begins, in operational seconds since the round began.
        until: when it ends, not before.
        hazard: the cumulative hazard; written, [write classes].
    """
    for c in range(len(rates)):
        hazard[c] = rates[c] * (until - since)
    labels = law[0].labels
    if labels == 0:
        return
    classes = len(rates) // (2 * labels)
    in_set = law[0].set_writes_per_page_s * max(min(until, law[0].set_left_s) - since, 0.0)
    for c in range(len(rates)):
        hazard[c] += in_set * (c // classes & 1)
    begins, ends = law[0].set_left_s, _block_begin(law, labels)
    later = _hazard_of_unknown_sets(law, ends, since, until)
    for c in range(2 * classes):
        hazard[c] += later
    for label in range(1, labels):
        begins, ends = _block_begin(law, label), _block_begin(law, label + 1)
        extra = 0.0
        if until > begins:
            if since <= begins and until >= ends:
                extra = _LARGEST_EXPONENT  # some set of the block does write the page
            else:
                extra = _hazard_in_block(law, begins, ends, since, until)
                extra += _hazard_of_unknown_sets(law, ends, since, until)
        for c in range(2 * classes * label, 2 * classes * (label + 1)):
            hazard[c] += extra


@jit
def _hazard_in_block(law: Records, begins: float, ends: float, since: float, until: float) -> float:
    """Return the hazard of a page in the part of an interval that lies in its block.

    Given that a set of the block writes the page, no set does so in the part from s to e with
    ``1 - (1 - u(e) / u(s)) / (1 - u(D))``.
    """
    since, until = max(since, begins), min(until, ends)
    if until <= since:
        return 0.0
    part = math.expm1(-_hazard_of_unknown_sets(law, begins, since, until))
    whole = math.expm1(-_hazard_of_unknown_sets(law, begins, begins, ends))
    clean = 1.0 - part / whole
    return -math.log(clean) if clean > _LEAST else _LARGEST_EXPONENT


@jit
def _hazard_of_unknown_sets(law: Records, begin: float, since: float, until: float) -> float:
    """Return the cumulative hazard from sets of which nothing is known.

    The first of these sets starts at `begin`, the others follow it without a gap.
    A page belongs to each of them independently with the chance sigma, so the hazards of the sets
    that the interval touches add up.
    """
    period = law[0].set_period_s
    since, until = max(since - begin, 0.0), until - begin
    if until <= since:
        return 0.0
    first, last = math.floor(since / period), math.floor(until / period)
    if first == last:
        return _hazard_of_one_set(law, until - since)
    found = _hazard_of_one_set(law, (first + 1) * period - since)
    found += _hazard_of_one_set(law, until - last * period)
    if last - first > 1:
        found += (last - first - 1) * _hazard_of_one_set(law, period)
    return found


@jit
def _hazard_of_one_set(law: Records, part: float) -> float:
    """Return ``-ln(1 - sigma + sigma exp(-rho d))``, the hazard of d seconds of one unknown set."""
    return -math.log1p(law[0].set_share * math.expm1(-law[0].set_writes_per_page_s * part))


@jit
def hazard_rates(rates: Floats, law: Records, time: float, hazard: Floats) -> None:
    """Find the hazard rate of each write class at a time of the round; `hazard` is written.

    ``dE_c/dt = lambda_c + rho`` in the present set if the page is in it; ``lambda_c + h`` in an
    unknown set that has lasted d seconds, with ``h = rho k / (1 - sigma + k)`` and
    ``k = sigma exp(-rho d)``; ``lambda_c + h u / (u - u(D))`` in the block that writes it first.
    After this block the page is dirty.
    """
    hazard[:] = rates
    labels = law[0].labels
    if labels == 0:
        return
    share, rate = law[0].set_share, law[0].set_writes_per_page_s
    left, period = law[0].set_left_s, law[0].set_period_s
    classes = len(rates) // (2 * labels)
    if time < left:
        for c in range(len(rates)):
            hazard[c] += rate * (c // classes & 1)
        return
    number = int((time - left) / period)
    kept = share * math.exp(-rate * max(time - left - number * period, 0.0))
    per_s = rate * kept / (1.0 - share + kept)
    for label in range(1, labels):
        begins, ends = _block_begin(law, label), _block_begin(law, label + 1)
        if begins <= time < ends:
            still = math.exp(-_hazard_of_unknown_sets(law, begins, begins, time))
            never = math.exp(-_hazard_of_unknown_sets(law, begins, begins, ends))
            extra = per_s * still / max(still - never, _LEAST)
            for c in range(2 * classes * label, 2 * classes * (label + 1)):
                hazard[c] += extra
            return
    for c in range(2 * classes):  # after all blocks
        hazard[c] += per_s


@jit
def unwritten_chances(rates: Floats, elapsed: float) -> Floats:
    """Return ``exp(-lambda_c elapsed)``: the chance of a page not to be written, [write classes].

    All rounds take it from here, as the exponential functions of libraries differ in the last bit.
    """
    chance = np.empty(len(rates))
    for c in range(len(rates)):
        chance[c] = math.exp(-rates[c] * elapsed)
    return chance


@jit
def cumulative_hazards(rates: Floats, law: Records, since: Floats, until: float) -> Floats:
    """Return the cumulative hazard from each time until another, [times, write classes]."""
    found = np.empty((len(since), len(rates)))
    for i in range(len(since)):
        cumulative_hazard(rates, law, min(since[i], until), until, found[i])
    return found


@jit
def first_write_time(rates: Floats, law: Records, write_class: int, threshold: float) -> float:
    """Return when the cumulative hazard of a page reaches its unit-exponential threshold.

    The time t of the first write solves ``E(t) = threshold``: ``threshold / lambda`` without
    working sets. With them: within the present set; then by bisection within the block that writes
    the page first; or else over whole periods of unknown sets, and by Newton steps within one.
    """
    labels = law[0].labels
    if labels == 0:
        return float(threshold / rates[write_class])
    rate, left, period = law[0].set_writes_per_page_s, law[0].set_left_s, law[0].set_period_s
    classes, base = len(rates) // (2 * labels), rates[write_class]
    member, label = write_class // classes & 1, write_class // (2 * classes)
    per_s, rest = base + rate * member, threshold
    if rest < per_s * left:
        return float(rest / per_s)
    rest -= per_s * left
    begins = _block_begin(law, label if label > 0 else labels)
    if rest < base * (begins - left):
        return float(left + rest / base)
    rest -= base * (begins - left)
    if label > 0:
        ends = _block_begin(law, label + 1)
        low, high = begins, ends
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            reached = base * (middle - begins)
            reached += _hazard_in_block(law, begins, ends, begins, middle)
            if reached < rest:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)
    per_period = base * period + _hazard_of_one_set(law, period)
    if per_period <= 0:
        return math.inf
    whole = math.floor(rest / per_period)
    within = rest - whole * per_period if whole > 0 else rest
    return float(begins + whole * period + _time_within_set(law, base, within))


@jit
def _time_within_set(law: Records, base: float, threshold: float) -> float:
    """Return the time in an unknown set after which the cumulative hazard reaches a threshold.

    Newton steps begin at the start of the set. The hazard rate falls with time, so no step
    overshoots.
    """
    share, rate, period = law[0].set_share, law[0].set_writes_per_page_s, law[0].set_period_s
    part = 0.0
    for _ in range(_NEWTON_STEPS):
        kept = share * math.exp(-rate * part)
        per_s = base + rate * kept / (1.0 - share + kept) if kept > 0 else base
        missing = threshold - base * part - _hazard_of_one_set(law, part)
        if per_s <= 0 or missing <= _LEVEL_REACHED * threshold:
            break
        part = min(part + missing / per_s, period)
    return part


# --- page groups ----------------------------------------------------------------------------------


@jit
def state_number(
    index: Records, address_range: int, write_class: int, status: int, history: int
) -> int:
    """Return the number of a state: address range, write class, status, history as digits."""
    place = address_range * index[0].write_classes + write_class
    number: int = (((place << _STATUS_BITS) | status) << index[0].history_bits) | history
    return number


@jit
def state_numbers(groups: Records, index: Records) -> Integers:
    """Return the number of each group's state, [groups]."""
    numbers = np.empty(len(groups), dtype=np.int64)
    for i in range(len(groups)):
        group = groups[i]
        numbers[i] = state_number(
            index, group.address_range, group.write_class, group.status, group.history
        )
    return numbers


@jit
def groups_of_states(numbers: Integers, pages: Floats, index: Records) -> Records:
    """Return the groups with these states and page counts, [groups]."""
    groups = np.empty(len(numbers), dtype=GROUP)
    for i in range(len(numbers)):
        rest = numbers[i] >> index[0].history_bits
        place, group = rest >> _STATUS_BITS, groups[i]
        group.address_range, group.write_class = divmod(place, index[0].write_classes)
        group.status = rest & ((1 << _STATUS_BITS) - 1)
        group.history = numbers[i] & ((1 << index[0].history_bits) - 1)
        group.pages = pages[i]
    return groups


@jit
def merge_groups(groups: Records, index: Records) -> Records:
    """Add up the pages of groups with the same state; return them by state, without empty ones."""
    places = index[0].address_ranges * index[0].write_classes
    total = np.zeros(places << (_STATUS_BITS + index[0].history_bits))
    for i in range(len(groups)):
        group = groups[i]
        number = state_number(
            index, group.address_range, group.write_class, group.status, group.history
        )
        total[number] += group.pages
    found = np.flatnonzero(total)
    return groups_of_states(found, total[found], index)


@jit
def status_totals(groups: Records) -> tuple[float, float, float]:
    """Return how many pages are due, lost updates, and stale, as in `StatusTotals`."""
    due = lost_update = stale = 0.0
    for i in range(len(groups)):
        if groups[i].status == _DUE:
            due += groups[i].pages
        elif groups[i].status == _LOST_UPDATE:
            lost_update += groups[i].pages
        if groups[i].status != _CURRENT:
            stale += groups[i].pages
    return due, lost_update, stale


@jit
def scatter_pages(pages: Floats) -> Records:
    """Return the groups at the start: every page is due and has no history.

    Args:
        pages: pages by write class and address range, [write classes, address ranges].
    """
    classes, ranges = pages.shape
    groups, count = np.empty(pages.size, dtype=GROUP), 0
    for j in range(ranges):
        for c in range(classes):
            if pages[c, j] > 0:
                groups[count].address_range, groups[count].write_class = j, c
                groups[count].status, groups[count].history = _DUE, 0
                groups[count].pages = pages[c, j]
                count += 1
    return groups[:count].copy()


@jit
def write_between_rounds(
    groups: Records,
    clean_chance: Floats,
    status_if_dirty: Integers,
    shifts_history: bool,
    history_bits: int,
    normal: Floats,
) -> Records:
    """Let an interval outside live rounds pass: n pages stay clean with Binomial(n, chance).

    Args:
        groups: `GROUP`, [groups].
        clean_chance: chance of each write class to stay clean, [write classes].
        status_if_dirty: the status of a page that is written, by its status before, [4].
        shifts_history: whether the interval is a logging interval of its own. If it is not, a
            write in it counts for the newest interval that the history holds.
        history_bits: as in `STATE_INDEX`.
        normal: normal deviates, [groups], or none.

    Returns:
        The pages that stay clean, then the pages that are written, `GROUP`, [2 x groups].
    """
    count, mask = len(groups), (1 << history_bits) - 1
    newest = 1 if history_bits > 0 else 0
    found = np.empty(2 * count, dtype=GROUP)
    for i in range(count):
        group = groups[i]
        chance = clean_chance[group.write_class]
        clean = group.pages * chance
        if len(normal):
            clean = sample_binomial(group.pages, chance, normal[i])
        found[i], found[count + i] = group, group
        found[i].pages = clean
        found[count + i].pages = group.pages - clean
        found[count + i].status = status_if_dirty[group.status]
        if shifts_history:
            found[i].history = (group.history << 1) & mask
            found[count + i].history = ((group.history << 1) | 1) & mask
        else:
            found[count + i].history = group.history | newest
    return found


# --- the pages that are due -----------------------------------------------------------------------


@jit
def find_due(
    groups: Records, ranges: Records, ranks: int, write_classes: int, decisions: Records
) -> tuple[Records, Records, bool, bool]:
    """Return the groups that are due, in scan order, and sums over them.

    Args:
        groups: `GROUP`, [groups].
        ranges: `ADDRESS_RANGE` by label, [labels].
        ranks: number of address ranges in use.
        write_classes: number of write classes.
        decisions: `DECISIONS` by history, [histories].

    Returns:
        `DUE_GROUP`, [due]; `SENDABLE`, [ranks, write classes]; whether the peek makes a difference
        for any page; whether any page is sent only if the peek sees it dirty.
    """
    # counting sort by the rank of the address range: it keeps the order within a range
    place = np.zeros(ranks + 1, dtype=np.int64)
    for i in range(len(groups)):
        if groups[i].status == _DUE:
            place[ranges[groups[i].address_range].rank + 1] += 1
    place = np.cumsum(place)
    due = np.empty(place[ranks], dtype=DUE_GROUP)
    sendable = np.zeros((ranks, write_classes), dtype=SENDABLE)
    peek_matters = sends_dirty_only = False
    for i in range(len(groups)):
        group = groups[i]
        if group.status != _DUE:
            continue
        rank = ranges[group.address_range].rank
        if_clean, if_dirty = decisions[group.history].if_clean, decisions[group.history].if_dirty
        row = due[place[rank]]
        place[rank] += 1
        row.group, row.write_class, row.rank = i, group.write_class, rank
        row.if_clean, row.if_dirty, row.pages = if_clean, if_dirty, group.pages
        if if_clean != if_dirty:
            peek_matters = True
        total = sendable[rank, group.write_class]
        total.due += group.pages
        if if_clean == SEND and if_dirty == SEND:
            total.always += group.pages
        elif if_clean == SEND:
            total.if_clean += group.pages
        elif if_dirty == SEND:
            total.if_dirty += group.pages
            sends_dirty_only = True
    return due, sendable, peek_matters, sends_dirty_only


@jit
def _add_undue_outcomes(
    count: int, outcomes: Records, groups: Records, clean_at_end: Floats
) -> int:
    """Append the outcome groups of pages that were not due; return how many rows are then filled.

    Args:
        count: rows filled so far.
        outcomes: `OUTCOME_GROUP`; written.
        groups: `GROUP` before the round, [groups].
        clean_at_end: chance of each write class not to be written in the round.
    """
    for i in range(len(groups)):
        if groups[i].status != _DUE:
            row = outcomes[count]
            row.group, row.outcome = i, OUTCOME_OF_STATUS[groups[i].status]
            row.address_range, row.pages = groups[i].address_range, groups[i].pages
            row.clean_chance = clean_at_end[groups[i].write_class]
            count += 1
    return count


# --- exact round: every due page has its own row --------------------------------------------------


@jit
def begin_exact_round(
    due: Records,
    uniform: Floats,
    threshold: Floats,
    given: Floats,
    rates: Floats,
    law: Records,
    peek_fraction: float,
    units: Integers,
) -> Records:
    """Put the due pages into scan order and find the first write to each.

    Pages of one group are exchangeable, so within its range each page gets an independent uniform
    place. Its first write comes when its cumulative hazard reaches a unit-exponential threshold.
    A peek at the share f of the time until the visit sees a write at t from ``t / f`` on.

    Args:
        due: `DUE_GROUP`, [due].
        uniform: place of each page within its range, 0 to 1, by due group, [pages].
        threshold: unit-exponential threshold of each page in scan order, [pages].
        given: uniform variate of each page in scan order, compared with the per-round dirty
            probability; empty if that is 0.
        rates: writes per page and operational second, [write classes].
        law: `WRITE_LAW`, [1].
        peek_fraction: the share f.
        units: what a page of each class takes on the wire, in units, [write classes].

    Returns:
        `EXACT_PAGE` in scan order, and one more row that ends the scan, [pages + 1].
    """
    count, filled = len(uniform), 0
    row, place = np.empty(count, dtype=np.int64), uniform.copy()
    for d in range(len(due)):
        for _ in range(int(due[d].pages)):
            row[filled] = d
            place[filled] += due[d].rank
            filled += 1
    order = np.argsort(place)
    pages = np.zeros(count + 1, dtype=EXACT_PAGE)
    has_sets, dirty_probability = law[0].labels > 0, law[0].dirty_probability
    for i in range(count):
        d, page = row[order[i]], pages[i]
        page.due, page.write_class = d, due[d].write_class
        page.units = units[page.write_class]
        page.if_clean, page.if_dirty = due[d].if_clean, due[d].if_dirty
        page.place = place[order[i]]
        first_write = threshold[i] / rates[page.write_class]
        if has_sets:
            first_write = first_write_time(rates, law, page.write_class, threshold[i])
        if len(given) and given[i] < dirty_probability:
            first_write = 0.0
        page.first_write_s, page.noticed_s = first_write, first_write / peek_fraction
    return pages


@jit
def scan_exact_round(pages: Records, start: Records) -> None:
    """Plan the visits from a position on, at a constant time per byte.

    The scan visits a page when all pages sent before it are on the wire:
    ``visit = now + max(units_before unit_bytes - bytes_sent, 0) time_per_byte``. The peek comes
    with the visit, or where a batch shares it, when the batch begins.

    Args:
        pages: `EXACT_PAGE`; visits, what is seen, and pages sent before are written, [pages + 1].
        start: `SCAN_START`, [1].
    """
    here = start[0]
    batch_pages, batch_begin, batch_peek = here.batch_pages, here.batch_begin, here.batch_peek_s
    count, sent = len(pages) - 1, pages[here.position].sent_before
    units = pages[here.position].units_before
    next_begin, begin_units = sent, units  # the last whole number of batches sent, and its units
    if batch_pages > 1:
        next_begin = sent // batch_pages * batch_pages
        i = here.position
        while i > 0 and pages[i].sent_before > next_begin:
            i -= 1
        begin_units = pages[i].units_before
    for i in range(here.position, count):
        page = pages[i]
        page.sent_before, page.units_before = sent, units
        ahead = max(units * here.page_bytes - here.bytes_sent, 0.0)
        page.visit_s = here.time_s + ahead * here.time_per_byte
        decision = page.if_clean
        if batch_pages > 0 and page.if_clean != page.if_dirty:
            peek = page.visit_s
            if batch_pages > 1:
                if sent >= batch_begin + batch_pages:
                    batch_begin = next_begin
                    ahead = max(begin_units * here.page_bytes - here.bytes_sent, 0.0)
                    batch_peek = here.time_s + ahead * here.time_per_byte
                peek = batch_peek
            page.is_seen_dirty = 1 if page.noticed_s <= peek else 0
            if page.is_seen_dirty:
                decision = page.if_dirty
        if decision == SEND:
            sent += 1
            units += page.units
            if batch_pages > 1 and sent == next_begin + batch_pages:
                next_begin, begin_units = sent, units
    pages[count].sent_before, pages[count].units_before = sent, units


@jit
def outcomes_of_exact_round(
    groups: Records, due: Records, pages: Records, position: int, end_s: float, clean_at_end: Floats
) -> Records:
    """Return the outcome groups of an exact round, [outcome groups].

    The dirty bits of the due pages are known: a bit is set if the first write is before the end.

    Args:
        groups: `GROUP` before the round, [groups].
        due: `DUE_GROUP`, [due].
        pages: `EXACT_PAGE`, [pages + 1].
        position: pages that were visited.
        end_s: operational time at which the round ends.
        clean_at_end: chance of each write class not to be written in the round.
    """
    count = np.zeros((len(due), _OUTCOMES, 2), dtype=np.int64)
    for i in range(len(pages) - 1):
        page, outcome = pages[i], _UNVISITED
        if i < position:
            outcome = OUTCOME_OF_DECISION[page.if_dirty if page.is_seen_dirty else page.if_clean]
        count[page.due, outcome, 1 if page.first_write_s <= end_s else 0] += 1
    rows = len(groups) - len(due) + int(np.sum(count > 0))
    outcomes, filled = np.empty(rows, dtype=OUTCOME_GROUP), 0
    for d in range(len(due)):
        for outcome in range(_OUTCOMES):
            for dirty_bit in range(2):
                if count[d, outcome, dirty_bit] > 0:
                    row = outcomes[filled]
                    row.group, row.outcome = due[d].group, outcome
                    row.address_range = groups[due[d].group].address_range
                    row.pages, row.clean_chance = count[d, outcome, dirty_bit], 1.0 - dirty_bit
                    filled += 1
    _add_undue_outcomes(filled, outcomes, groups, clean_at_end)
    return outcomes


# --- when pages are sent --------------------------------------------------------------------------


@jit
def peek_time(x: float, breakpoints: Records, time_per_page_s: float, batch_pages: int) -> float:
    """Return the operational time of the peek for a page before which x pages are sent.

    Time is a piecewise linear function of pages sent; with batches, the peek comes when the batch
    begins, at ``floor(x / batch) batch`` pages.
    """
    if batch_pages > 1:
        x = math.floor(x / batch_pages) * batch_pages
    low, high = 0, len(breakpoints) - 1
    if x >= breakpoints[high].pages:
        return float(breakpoints[high].time_s + (x - breakpoints[high].pages) * time_per_page_s)
    while high - low > 1:
        middle = (low + high) // 2
        if breakpoints[middle].pages <= x:
            low = middle
        else:
            high = middle
    begin, end = breakpoints[low], breakpoints[high]
    rise = (end.time_s - begin.time_s) / (end.pages - begin.pages)
    return float(begin.time_s + (x - begin.pages) * rise)


@jit
def blurs_batches(
    due_pages: float, batch_pages: int, highest_per_s: float, time_per_page_s: float
) -> bool:
    """Return whether an even scan may take shared peeks to come half a batch early on average.

    It may where there are many batches, none of them steep.

    Args:
        due_pages: pages that are due.
        batch_pages: sent pages that share a peek, at least 1.
        highest_per_s: the highest rate at which a page is written.
        time_per_page_s: operational seconds per page sent.
    """
    are_many = due_pages >= MOST_BATCHES * batch_pages
    return bool(are_many and highest_per_s * time_per_page_s * batch_pages <= STEEP)


# --- batched round: pages share peeks, batch by batch ---------------------------------------------


@jit
def normals_per_batch(due: int) -> int:
    """Return how many normal deviates one batch takes at most."""
    return 4 * due + 2 * SUMMED_UP_TO


@jit
def draw_batches(
    due: Records,
    waiting: Floats,
    may_wait: float,
    sent: float,
    rates: Floats,
    law: Records,
    breakpoints: Records,
    peeks: Records,
    normal: Floats,
) -> tuple[Records, Floats, Records]:
    """Draw batches until at most `may_wait` pages wait, or the normal deviates are used up.

    At a batch's peek at time s, every waiting page of class c is clean with
    ``g exp(-E_c(s))``, g being 1 minus the per-round dirty probability, independently of where it
    lies. So each batch draws how many pages of each group are seen clean (binomial), and how
    many pages the scan visits until the batch is full.

    Args:
        due: `DUE_GROUP`, [due].
        waiting: pages of each due group that were not visited, [due].
        may_wait: how many of all may stay unvisited.
        sent: pages of the round sent so far.
        rates: writes per page and operational second, [write classes].
        law: `WRITE_LAW`, [1].
        breakpoints: `BREAKPOINT`, [breakpoints].
        peeks: `PEEK_TIMES`, [1].
        normal: normal deviates.

    Returns:
        `BATCH`, [batches]; chance that a page of each class was clean at the peek, [batches, write
        classes]; pages visited, `SEEN`, [batches, due].
    """
    groups, used, left = len(waiting), 0, waiting.copy()
    total, batch_pages = left.sum(), peeks[0].batch_pages
    most = int(total // batch_pages) + 2
    batches = np.empty(most, dtype=BATCH)
    chances, seen = np.empty((most, len(rates))), np.zeros((most, groups), dtype=SEEN)
    count, hazard = 0, np.empty(len(rates))
    while total > may_wait and used + normals_per_batch(groups) <= len(normal):
        peek = peek_time(sent, breakpoints, peeks[0].time_per_page_s, 1) * peeks[0].fraction
        cumulative_hazard(rates, law, 0.0, peek, hazard)
        for c in range(len(rates)):
            chances[count, c] = (1.0 - law[0].dirty_probability) * math.exp(-hazard[c])
        met, sends, visits = seen[count], 0.0, total - may_wait
        first = 0
        while first < groups and sends < batch_pages and visits > 0:
            last, in_range, sent_in_range = first, 0.0, 0.0
            while last < groups and due[last].rank == due[first].rank:
                in_range += left[last]
                last += 1
            to_visit, among = min(in_range, visits), in_range
            visits -= to_visit
            for d in range(first, last):
                pages = left[d]
                if to_visit < among:
                    pages = sample_hypergeometric(to_visit, pages, among, normal[used])
                    used += 1
                among -= left[d]
                to_visit -= pages
                clean = pages
                if due[d].if_clean != due[d].if_dirty:
                    chance = chances[count, due[d].write_class]
                    clean = sample_binomial(pages, chance, normal[used])
                    used += 1
                met[d].clean, met[d].dirty = clean, pages - clean
                if due[d].if_clean == SEND:
                    sent_in_range += clean
                if due[d].if_dirty == SEND:
                    sent_in_range += pages - clean
            if sends + sent_in_range >= batch_pages:
                used += _keep_first_sends(
                    due, met, first, last, batch_pages - sends, sent_in_range, normal[used:]
                )
                sends = float(batch_pages)
            else:
                sends += sent_in_range
            first = last
        for d in range(groups):
            left[d] -= met[d].clean + met[d].dirty
        total = left.sum()
        batches[count].begin, batches[count].end = sent, sent + sends
        sent += sends
        count += 1
    return batches[:count], chances[:count], seen[:count]


@jit
def _keep_first_sends(
    due: Records,
    met: Records,
    first: int,
    last: int,
    to_send: float,
    all_sends: float,
    normal: Floats,
) -> int:
    """Take back the visits after the one with which `to_send` pages are sent.

    Pages of a range are visited in random order. So the place of that visit is an order statistic
    of the sends. A page that is not sent comes before it with a chance equal to that place. The
    pages sent before it are a random sample of all sends (hypergeometric).

    Args:
        due: `DUE_GROUP`, [due].
        met: pages seen, `SEEN`; changed, [due].
        first: first due group of the range.
        last: the one after its last.
        to_send: pages to send, at least one.
        all_sends: pages visited in the range that would be sent, at least `to_send`.
        normal: normal deviates.

    Returns:
        How many normal deviates it used.
    """
    place = sample_order_statistic(to_send, all_sends, normal)
    used, among = 2 * SUMMED_UP_TO, all_sends
    for d in range(first, last):
        if due[d].if_clean == SEND:
            pages = met[d].clean
            met[d].clean = sample_hypergeometric(to_send, pages, among, normal[used])
            to_send -= met[d].clean
            among -= pages
        else:
            met[d].clean = sample_binomial(met[d].clean, place, normal[used])
        used += 1
    for d in range(first, last):
        if due[d].if_dirty == SEND:
            pages = met[d].dirty
            met[d].dirty = sample_hypergeometric(to_send, pages, among, normal[used])
            to_send -= met[d].dirty
            among -= pages
        else:
            met[d].dirty = sample_binomial(met[d].dirty, place, normal[used])
        used += 1
    return used


@jit
def first_sends(due: Records, met: Records, to_send: float, normal: Floats) -> Records:
    """Return the visits of a batch until so many of its pages are sent, `SEEN`, [due]."""
    kept, groups, used = np.zeros(len(met), dtype=SEEN), len(met), 0
    first = 0
    while first < groups and to_send > 0:
        last, sends = first, 0.0
        while last < groups and due[last].rank == due[first].rank:
            kept[last] = met[last]
            if due[last].if_clean == SEND:
                sends += met[last].clean
            if due[last].if_dirty == SEND:
                sends += met[last].dirty
            last += 1
        if sends >= to_send:
            used += _keep_first_sends(due, kept, first, last, to_send, sends, normal[used:])
            to_send = 0.0
        else:
            to_send -= sends
        first = last
    return kept


@jit
def outcomes_of_batches(
    groups: Records,
    due: Records,
    seen: Records,
    clean_at_peek: Floats,
    waiting: Floats,
    clean_at_end: Floats,
) -> Records:
    """Return the outcome groups of a batched round, [outcome groups].

    A page that was clean at its peek is clean at the end with
    ``clean_at_end / clean_at_peek``, as the two events are nested.

    Args:
        groups: `GROUP` before the round, [groups].
        due: `DUE_GROUP`, [due].
        seen: pages visited, `SEEN`, [batches, due].
        clean_at_peek: chance to be clean at the peek, [batches, write classes].
        waiting: pages that were not visited, [due].
        clean_at_end: chance of each write class not to be written in the round.
    """
    batches, rows = len(seen), len(groups) - len(due)
    for d in range(len(due)):
        rows += waiting[d] > 0
        for b in range(batches):
            rows += (seen[b, d].clean > 0) + (seen[b, d].dirty > 0)
    outcomes, filled = np.empty(rows, dtype=OUTCOME_GROUP), 0
    for b in range(batches + 1):
        for is_dirty in range(2 if b < batches else 1):
            for d in range(len(due)):
                at_end = clean_at_end[due[d].write_class]
                pages, outcome, clean_chance = waiting[d], _UNVISITED, at_end
                if b < batches and is_dirty:
                    pages, clean_chance = seen[b, d].dirty, 0.0
                    outcome = OUTCOME_OF_DECISION[due[d].if_dirty]
                elif b < batches:
                    pages, outcome = seen[b, d].clean, OUTCOME_OF_DECISION[due[d].if_clean]
                    if due[d].if_clean != due[d].if_dirty:
                        at_peek = clean_at_peek[b, due[d].write_class]
                        clean_chance = min(at_end / max(at_peek, _LEAST), 1.0)
                if pages > 0:
                    row = outcomes[filled]
                    row.group, row.outcome = due[d].group, outcome
                    row.address_range = groups[due[d].group].address_range
                    row.pages, row.clean_chance = pages, clean_chance
                    filled += 1
    _add_undue_outcomes(filled, outcomes, groups, clean_at_end)
    return outcomes


# --- expected round: many pages follow the expected trajectory ------------------------------------

_MOST_SOLVER_STEPS = 40
_EXACT_ENOUGH = 3e-5
"""Newton steps, whose error is squared, end when no bound moves by more than this share of all."""
_LEAST_SENT = 1e-9
_FELT_FROM = 0.01
"""Change of the share sent within a range below which feedback makes no difference."""


@jit
def solve_trajectory(
    sendable: Records,
    share: Floats,
    rates: Floats,
    law: Records,
    breakpoints: Records,
    peeks: Records,
    rule: Records,
) -> tuple[Floats, Records, Floats, Records, float]:
    """Find how many pages are sent when the scan ends each address range, in expectation.

    When x pages are sent, the peek that decides sees a page of class c clean with
    ``p_c(x) = g exp(-E_c(s(x)))``, s(x) being its operational time and g being 1 minus the
    per-round dirty probability. With A pages of the range sent always, M_c only if clean and K_c
    only if dirty,

        Q(x) = A + sum_c M_c p_c(x) + K_c (1 - p_c(x)),

    the visited share of the range grows by dx / Q(x), and the range that begins at x0 ends at the
    x1 that solves ``integral_x0^x1 dx / Q = share``. Newton steps solve for all ranges at once, as
    each begins where the one before it ends. The chance to be seen clean is
    ``p_c = integral p_c(x) dx / Q / integral dx / Q``.

    Args:
        sendable: `SENDABLE`, [ranks, write classes].
        share: share of each range that the scan visits, [ranks].
        rates: writes per page and operational second, [write classes].
        law: `WRITE_LAW`, [1].
        breakpoints: `BREAKPOINT`, [breakpoints].
        peeks: `PEEK_TIMES`, [1].
        rule: `QUADRATURE`, [points].

    Returns:
        Pages sent when each range begins, and at the end, [ranks + 1]; `POINT`, [ranks, points];
        the chance to be seen clean at each point, [ranks, points, write classes]; `CLEAN_CHANCE`,
        [ranks, write classes]; visited pages for which the peek decides whether they are sent.
    """
    ranks, classes = sendable.shape
    not_given = 1.0 - law[0].dirty_probability
    lead, batch_pages, fraction = peeks[0].lead_pages, peeks[0].batch_pages, peeks[0].fraction
    time_per_page = peeks[0].time_per_page_s

    # Q = fixed + sum_c p_c change_c: `fixed` has the pages sent if dirty, `change` takes them off
    fixed, change = np.zeros(ranks), np.empty((ranks, classes))
    sends, uncertain = np.zeros(ranks), 0.0
    for j in range(ranks):
        most = 0.0
        for c in range(classes):
            pages = sendable[j, c]
            change[j, c] = pages.if_clean - pages.if_dirty
            fixed[j] += pages.always + pages.if_dirty
            most += pages.always + pages.if_clean + pages.if_dirty
            uncertain += (pages.if_clean + pages.if_dirty) * share[j]
        if most > 0:
            sends[j] = share[j]

    # first guess: the pages sent per page visited decrease exponentially with the pages sent
    bounds = np.zeros(ranks + 1)
    total_fixed, total_change = fixed.sum(), change.sum(axis=0)
    all_pages = sends.sum() / ranks
    first = total_fixed + not_given * total_change.sum()
    fall, guess, hazard = 0.0, first, np.empty(classes)
    for _ in range(2):
        time = peek_time(max(guess - lead, 0.0), breakpoints, time_per_page, batch_pages)
        cumulative_hazard(rates, law, 0.0, time * fraction, hazard)
        last = total_fixed
        for c in range(classes):
            last += not_given * math.exp(-min(hazard[c], _LARGEST_EXPONENT)) * total_change[c]
        fall = math.log(max(first, _LEAST_SENT) / max(last, _LEAST_SENT)) / max(guess, _LEAST_SENT)
        if fall * guess < 1e-3:
            fall = 0.0
            break
        guess = math.log1p(fall * first * all_pages) / fall
    passed = 0.0
    for j in range(ranks):
        passed += first * sends[j] / ranks
        bounds[j + 1] = math.log1p(fall * passed) / fall if fall > 0 else passed

    # Newton: d(integral)/dx1 = 1 / Q(x1), d(integral)/dx0 = -1 / Q(x0). A range may grow tenfold or
    # shrink to a tenth in one step, so that a bad guess does no harm.
    points = np.empty((ranks, len(rule)), dtype=POINT)
    clean = np.empty((ranks, len(rule), classes))
    new = np.zeros(ranks + 1)
    for _ in range(_MOST_SOLVER_STEPS):
        shift = moved = 0.0
        for j in range(ranks):
            width, passed = bounds[j + 1] - bounds[j], 0.0
            for p in range(len(rule)):
                x = bounds[j] + width * rule[p].point
                time = peek_time(max(x - lead, 0.0), breakpoints, time_per_page, batch_pages)
                cumulative_hazard(rates, law, 0.0, time * fraction, hazard)
                total = fixed[j]
                for c in range(classes):
                    chance = not_given * math.exp(-min(hazard[c], _LARGEST_EXPONENT))
                    clean[j, p, c] = chance
                    total += chance * change[j, c]
                points[j, p].would_send = max(total, _LEAST_SENT)
                passed += rule[p].weight / points[j, p].would_send
            error = width * passed - sends[j]
            at_begin, at_end = points[j, 0].would_send, points[j, -1].would_send
            end = bounds[j + 1] + (shift / at_begin - error) * at_end
            widened = min(max(end - new[j], 0.1 * width), 10.0 * width + 1.0)
            new[j + 1] = new[j] + widened
            shift = new[j + 1] - bounds[j + 1]
            moved = max(moved, abs(shift))
        bounds[:] = new
        if moved <= _EXACT_ENOUGH * bounds[-1] + 1e-6:
            break

    # means over the visited pages, whose number at a point is in proportion to weight / Q
    chances = np.zeros((ranks, classes), dtype=CLEAN_CHANCE)
    for j in range(ranks):
        total = 0.0
        for p in range(len(rule)):
            total += rule[p].weight / points[j, p].would_send
        for p in range(len(rule)):
            visited = rule[p].weight / points[j, p].would_send / total
            points[j, p].visited_share = visited
            for c in range(classes):
                chances[j, c].mean += visited * clean[j, p, c]
            if law[0].labels > 0:
                x = bounds[j] + (bounds[j + 1] - bounds[j]) * rule[p].point
                time = peek_time(max(x - lead, 0.0), breakpoints, time_per_page, batch_pages)
                hazard_rates(rates, law, time * fraction, hazard)
                for c in range(classes):
                    chances[j, c].hazard_per_s += visited * clean[j, p, c] * hazard[c]
        for c in range(classes):
            chance = chances[j, c]
            if law[0].labels > 0:
                chance.hazard_per_s = chance.hazard_per_s / max(chance.mean, _LEAST)
            else:
                chance.hazard_per_s = rates[c]
            chance.mean = min(chance.mean, 1.0)
    return bounds, points, clean, chances, uncertain


@jit
def visited_share(points: Records, rule: Records, sent_share: float) -> float:
    """Return the share of a range that is visited when this share of its sends is done.

    Args:
        points: `POINT` of the range, [points].
        rule: `QUADRATURE`, [points].
        sent_share: the share of its sends.
    """
    last, before, total = len(rule) - 1, 0.0, 0.0
    for p in range(len(rule)):
        visits = points[p].visited_share
        here = total + visits / 2  # half of the pages visited around a point are visited before it
        if p == 0:
            here = 0.0
        elif p == last:
            here = 1.0
        if sent_share <= rule[p].point:
            if p == 0:
                return float(here)
            rise = (here - before) / (rule[p].point - rule[p - 1].point)
            return float(before + (sent_share - rule[p - 1].point) * rise)
        before = here
        total += visits
    return 1.0


@jit
def draw_seen(
    due: Records,
    visited: Floats,
    sendable: Records,
    share: Floats,
    points: Records,
    clean: Floats,
    chances: Records,
    not_given: float,
    weight: Floats,
    normal: Floats,
) -> tuple[Records, Floats, Floats, float]:
    """Draw how many visited pages the peeks see clean.

    Each due group draws Binomial(visited, p_c) on the expected trajectory. If a range sends more or
    fewer pages than expected, the scan reaches all later ranges at another time. So each range is
    then corrected for the actual time of the scan: pages become clean or dirty with the chance that
    the change of p_c implies.

    Args:
        due: `DUE_GROUP`, [due].
        visited: pages of each due group that the scan visits, [due].
        sendable: `SENDABLE`, [ranks, write classes].
        share: share of each range that the scan visits, [ranks].
        points: `POINT`, [ranks, points].
        clean: chance to be seen clean at each point, [ranks, points, write classes].
        chances: `CLEAN_CHANCE`, [ranks, write classes].
        not_given: 1 minus the per-round dirty probability.
        weight: what a page of each class takes on the wire, over what a usual one takes, [write
            classes].
        normal: normal deviates, [2 x due], or none.

    Returns:
        `SEEN`, [due]; the chance to have been clean, [ranks, write classes]; pages sent by weight,
        [ranks], and of all.
    """
    groups, ranks, classes = len(due), len(share), chances.shape[1]
    seen, surplus = np.empty(groups, dtype=SEEN), np.zeros(ranks)
    found = np.empty((ranks, classes))
    for j in range(ranks):
        for c in range(classes):
            found[j, c] = chances[j, c].mean
    for d in range(groups):
        row = due[d]
        seen[d].waiting = row.pages - visited[d]
        if row.if_clean == row.if_dirty:
            seen[d].clean = visited[d]
            continue
        chance = found[row.rank, row.write_class]
        seen[d].clean = visited[d] * chance
        if len(normal):
            seen[d].clean = sample_binomial(visited[d], chance, normal[d])
            more = (seen[d].clean - visited[d] * chance) * weight[row.write_class]
            if row.if_clean == SEND:
                surplus[row.rank] += more
            elif row.if_dirty == SEND:
                surplus[row.rank] -= more
    if len(normal):
        later = _scan_delays(surplus, sendable, share, points, clean, chances)
        if np.any(later != 0):
            for j in range(ranks):
                for c in range(classes):
                    exponent = min(
                        max(later[j] * chances[j, c].hazard_per_s, -_LARGEST_EXPONENT),
                        _LARGEST_EXPONENT,
                    )
                    found[j, c] = min(chances[j, c].mean * math.exp(-exponent), not_given)
            for d in range(groups):
                row = due[d]
                if row.if_clean == row.if_dirty:
                    continue
                old = chances[row.rank, row.write_class].mean
                new = found[row.rank, row.write_class]
                if new > old:
                    becomes_clean = min((new - old) / max(1.0 - old, _LEAST), 1.0)
                    is_dirty = visited[d] - seen[d].clean
                    seen[d].clean += sample_binomial(is_dirty, becomes_clean, normal[groups + d])
                elif new < old:
                    becomes_dirty = min(1.0 - new / old, 1.0)
                    seen[d].clean -= sample_binomial(
                        seen[d].clean, becomes_dirty, normal[groups + d]
                    )
    sent, total_sent = np.zeros(ranks), 0.0
    for d in range(groups):
        seen[d].dirty = visited[d] - seen[d].clean
        each = weight[due[d].write_class]
        if due[d].if_clean == SEND:
            sent[due[d].rank] += seen[d].clean * each
            total_sent += seen[d].clean * each
        if due[d].if_dirty == SEND:
            sent[due[d].rank] += seen[d].dirty * each
            total_sent += seen[d].dirty * each
    return seen, found, sent, total_sent


@jit
def _scan_delays(
    surplus: Floats,
    sendable: Records,
    share: Floats,
    points: Records,
    clean: Floats,
    chances: Records,
) -> Floats:
    """Return how much later than expected the scan comes to each range, in seconds, [ranks].

    Sending takes time, and in that time other pages are written. One more page sent at share u of a
    range adds ``h(u) = Q(1) / Q(u)`` pages at the end of the range (linear noise approximation:
    deviations decay as the solution of dx/du = Q does). So the number sent has the variance
    ``sum_c n_c (E[h^2 p_c] - E[h p_c]^2)``, n_c pages being sent with chance p_c(u), E being the
    mean over u; without feedback, h = 1, it is binomial.

    Args:
        surplus: pages drawn in excess of the expected number, [ranks].
        sendable: `SENDABLE`, [ranks, write classes].
        share: share of each range that the scan visits, [ranks].
        points: `POINT`, [ranks, points].
        clean: chance to be seen clean at each point, [ranks, points, write classes].
        chances: `CLEAN_CHANCE`, [ranks, write classes].
    """
    ranks, count, classes = clean.shape
    later, is_felt = np.zeros(ranks), False
    for j in range(ranks):
        if abs(points[j, -1].would_send / points[j, 0].would_send - 1.0) >= _FELT_FROM:
            is_felt = True
    if not is_felt:
        return later
    ahead, decay = 0.0, np.empty(count)
    for j in range(ranks):
        mean_decay = mean_square = 0.0  # E[h] and E[h^2]
        for p in range(count):
            decay[p] = points[j, -1].would_send / points[j, p].would_send
            mean_decay += points[j, p].visited_share * decay[p]
            mean_square += points[j, p].visited_share * decay[p] ** 2
        with_feedback = without = fewer_per_s = 0.0
        for c in range(classes):
            pages = sendable[j, c]
            clean_decay = clean_square = 0.0  # E[h p_c] and E[h^2 p_c]
            for p in range(count):
                clean_decay += points[j, p].visited_share * clean[j, p, c] * decay[p]
                clean_square += points[j, p].visited_share * clean[j, p, c] * decay[p] ** 2
            dirty_decay, dirty_square = mean_decay - clean_decay, mean_square - clean_square
            with_feedback += pages.always * (mean_square - mean_decay**2)
            with_feedback += pages.if_clean * (clean_square - clean_decay**2)
            with_feedback += pages.if_dirty * (dirty_square - dirty_decay**2)
            chance = chances[j, c].mean
            without += (pages.if_clean + pages.if_dirty) * chance * (1.0 - chance)
            change = pages.if_clean - pages.if_dirty
            fewer_per_s += share[j] * chances[j, c].hazard_per_s * chance * change
        kept = math.sqrt(max(with_feedback / without, 0.0)) if without > 0 else 1.0
        fewer = (1.0 - decay[0]) * ahead + (1.0 - kept) * surplus[j]
        ahead += surplus[j] - fewer
        if fewer_per_s != 0:
            later[j] = fewer / fewer_per_s
    return later


@jit
def spread_over_parts(due: Records, pages: Floats, share: Floats, normal: Floats) -> Floats:
    """Spread the pages of each range over parts of it; evenly without normal deviates.

    Each part takes the next ``share x pages`` pages of the range, and each due group of the range
    gets a hypergeometric number of them. Independent draws would vary too much, because the number
    of visits of a part does not depend on chance.

    Args:
        due: `DUE_GROUP`, [due].
        pages: pages of each due group, [due].
        share: share of its range that each part has, [ranks, parts].
        normal: normal deviates, [parts x due], or none.

    Returns:
        Pages of each due group in each part, [parts, due].
    """
    parts = share.shape[1]
    spread, left, used = np.zeros((parts, len(pages))), pages.copy(), 0
    first = 0
    while first < len(pages):
        last, total = first, 0.0
        while last < len(pages) and due[last].rank == due[first].rank:
            total += pages[last]
            last += 1
        among, rank, passed = total, due[first].rank, 0.0
        for part in range(parts):
            passed += share[rank, part]
            end = total if part == parts - 1 else min(math.floor(total * passed + 0.5), total)
            to_take = end - (total - among)
            of_these = among
            for d in range(first, last):
                taken = pages[d] * share[rank, part]
                if len(normal):
                    taken = sample_hypergeometric(to_take, left[d], of_these, normal[used])
                    used += 1
                of_these -= left[d]
                to_take -= taken
                among -= taken
                left[d] -= taken
                spread[part, d] = taken
        first = last
    return spread


@jit
def outcomes_of_expected_round(
    groups: Records, due: Records, seen: Records, clean_at_peek: Floats, clean_at_end: Floats
) -> Records:
    """Return the outcome groups of an expected round, without empty ones, [outcome groups].

    A page that was seen clean is clean at the end with ``clean_at_end / clean_at_peek``, as the two
    events are nested; a page seen dirty stays dirty; any other is clean with ``clean_at_end``.

    Args:
        groups: `GROUP` before the round, [groups].
        due: `DUE_GROUP`, [due].
        seen: `SEEN`, [due].
        clean_at_peek: chance to be clean at the peek, [ranks, write classes].
        clean_at_end: chance of each write class not to be written in the round.
    """
    outcomes, filled = np.empty(3 * len(due) + len(groups), dtype=OUTCOME_GROUP), 0
    for d in range(len(due)):
        address_range = groups[due[d].group].address_range
        at_end = clean_at_end[due[d].write_class]
        after_peek = at_end
        if due[d].if_clean != due[d].if_dirty:
            at_peek = clean_at_peek[due[d].rank, due[d].write_class]
            after_peek = min(at_end / max(at_peek, _LEAST), 1.0)
        if seen[d].clean > 0:
            row = outcomes[filled]
            row.group, row.address_range, row.pages = due[d].group, address_range, seen[d].clean
            row.outcome, row.clean_chance = OUTCOME_OF_DECISION[due[d].if_clean], after_peek
            filled += 1
        if seen[d].dirty > 0:
            row = outcomes[filled]
            row.group, row.address_range, row.pages = due[d].group, address_range, seen[d].dirty
            row.outcome, row.clean_chance = OUTCOME_OF_DECISION[due[d].if_dirty], 0.0
            filled += 1
        if seen[d].waiting > 0:
            row = outcomes[filled]
            row.group, row.address_range, row.pages = due[d].group, address_range, seen[d].waiting
            row.outcome, row.clean_chance = _UNVISITED, at_end
            filled += 1
    filled = _add_undue_outcomes(filled, outcomes, groups, clean_at_end)
    return outcomes[:filled]


@jit
def outcomes_with_cleared_bits(
    groups: Records,
    due: Records,
    seen: Records,
    spread: Floats,
    clean_since_cleared: Floats,
    clean_at_end: Floats,
) -> Records:
    """Return the outcome groups of an expected round that clears dirty bits in mid-round.

    Every due page is sent, and its dirty bit is clear at the end if nothing wrote the page since
    the bit was cleared. That depends on when the scan visited the page, so it differs by part of a
    range.

    Args:
        groups: `GROUP` before the round, [groups].
        due: `DUE_GROUP`, [due].
        seen: `SEEN`, [due].
        spread: the pages visited, by part of their range, [parts, due].
        clean_since_cleared: chance not to be written since the bit was cleared, [ranks, parts,
            write classes].
        clean_at_end: chance of each write class not to be written in the round.
    """
    parts = len(spread)
    outcomes = np.empty((parts + 2) * len(due) + len(groups), dtype=OUTCOME_GROUP)
    filled = 0
    for d in range(len(due)):
        address_range, write_class = groups[due[d].group].address_range, due[d].write_class
        for part in range(parts):
            if spread[part, d] > 0:
                row = outcomes[filled]
                row.group, row.address_range = due[d].group, address_range
                row.outcome, row.pages = OUTCOME_OF_DECISION[due[d].if_clean], spread[part, d]
                row.clean_chance = clean_since_cleared[due[d].rank, part, write_class]
                filled += 1
        if seen[d].dirty > 0:
            row = outcomes[filled]
            row.group, row.address_range, row.pages = due[d].group, address_range, seen[d].dirty
            row.outcome, row.clean_chance = OUTCOME_OF_DECISION[due[d].if_dirty], 0.0
            filled += 1
        if seen[d].waiting > 0:
            row = outcomes[filled]
            row.group, row.address_range, row.pages = due[d].group, address_range, seen[d].waiting
            row.outcome, row.clean_chance = _UNVISITED, clean_at_end[write_class]
            filled += 1
    filled = _add_undue_outcomes(filled, outcomes, groups, clean_at_end)
    return outcomes[:filled]


# --- the end of a round ---------------------------------------------------------------------------


@jit
def read_dirty_log(
    groups: Records,
    outcomes: Records,
    status_after: Integers,
    index: Records,
    normal: Floats,
) -> tuple[Records, tuple[float, float, float, float, float]]:
    """Read and clear the dirty log: draw the dirty bits and shift them into the histories.

    Of n pages of an outcome group, Binomial(n, clean_chance) have a clear bit. The new history is
    ``(history << 1 | bit)``, without its oldest bit.

    Args:
        groups: `GROUP` before the round, [groups].
        outcomes: `OUTCOME_GROUP`, [outcome groups].
        status_after: status by outcome and dirty bit, [outcomes, 2].
        index: `STATE_INDEX`, [1].
        normal: normal deviates, [outcome groups], or none.

    Returns:
        The clean and the dirty pages of each outcome group in turn, `GROUP`, [2 x outcome groups],
        and the fields of `OutcomeTotals`.
    """
    mask = (1 << index[0].history_bits) - 1
    after = np.empty(2 * len(outcomes), dtype=GROUP)
    total, dirtied = np.zeros(_OUTCOMES), 0.0
    for i in range(len(outcomes)):
        row = outcomes[i]
        clean = row.pages * row.clean_chance
        if len(normal):
            clean = sample_binomial(row.pages, row.clean_chance, normal[i])
        before = groups[row.group]
        for dirty_bit in range(2):
            new = after[2 * i + dirty_bit]
            new.address_range, new.write_class = row.address_range, before.write_class
            new.status = status_after[row.outcome, dirty_bit]
            new.history = ((before.history << 1) | dirty_bit) & mask
            new.pages = row.pages - clean if dirty_bit else clean
        total[row.outcome] += row.pages
        dirtied += row.pages - clean
    totals = total[_SENT], total[_SKIPPED], total[_DEFERRED], total[_UNVISITED], dirtied
    return after, totals


@jit
def end_round(
    groups: Records,
    outcomes: Records,
    status_after: Integers,
    index: Records,
    normal: Floats,
) -> tuple[Records, tuple[float, float, float, float, float], tuple[float, float, float]]:
    """Read and clear the dirty log and merge the new groups; arguments as in `read_dirty_log`.

    Returns:
        `GROUP`, [groups], and the fields of `OutcomeTotals` and of `StatusTotals`.
    """
    after, totals = read_dirty_log(groups, outcomes, status_after, index, normal)
    merged = merge_groups(after, index)
    return merged, totals, status_totals(merged)


# --- many rounds in one call ----------------------------------------------------------------------

_NOT_DRAWN = np.empty(0)
_FROM_THE_START = np.zeros(1, dtype=BREAKPOINT)


@jit
def run_rounds_ahead(
    groups: Records,
    due_pages: float,
    unsent_pages: float,
    now: float,
    setting: Records,
    ranges: Records,
    ranks: int,
    decisions: Records,
    rates: Floats,
    law: Records,
    status_after: Integers,
    index: Records,
    smooth: Records,
    rough: Records,
    rng: np.random.Generator,
    rounds: Records,
) -> tuple[int, Records, tuple[float, float, float], float, float]:
    """Work out rounds until one might end too late; each is what it is one by one.

    A round is not begun if more than `most_pages` are due, none is, or it would end at `until_s`
    or later if every due page were sent. The last round is one that sends nothing, leaves fewer
    than `least_left` pages, or fills `rounds`.

    Args:
        groups: `GROUP` before the first round, [groups].
        due_pages: how many pages are due in it.
        unsent_pages: what the mean field has sent beyond whole pages; 0 where counts are whole.
        now: operational time.
        setting: `AHEAD_SETTING`, [1].
        ranges: `ADDRESS_RANGE` by label, [labels].
        ranks: number of address ranges in use.
        decisions: `DECISIONS` by history, [histories].
        rates: writes per page and operational second, [write classes].
        law: `WRITE_LAW` without working sets, [1].
        status_after: status by outcome and dirty bit, [outcomes, 2].
        index: `STATE_INDEX`, [1].
        smooth: `QUADRATURE` of expected rounds in which peeks come evenly, [points].
        rough: `QUADRATURE` of the others, [points].
        rng: the stream from which exact rounds draw.
        rounds: `AHEAD_ROUND`; written.

    Returns:
        How many rounds were worked out; `GROUP` after them; the fields of `StatusTotals`;
        operational time; and `unsent_pages` after them.
    """
    one, clock_s, done = setting[0], setting[0].clock_s, 0
    by_status, peeks = (due_pages, 0.0, 0.0), np.empty(1, dtype=PEEK_TIMES)
    peeks[0].fraction = one.peek_fraction
    while done < len(rounds) and 0.5 <= due_pages <= one.most_pages:
        longest_s = (due_pages + 1.0) * one.page_bytes / one.bytes_per_s
        if not clock_s + longest_s < one.until_s:
            break
        due, sendable, peek_matters, _ = find_due(
            groups, ranges, ranks, index[0].write_classes, decisions
        )
        if one.is_exact:
            sent, end_s, outcomes, normal = _exact_round_ahead(
                groups, due, int(due_pages), clock_s, setting, rates, law, rng
            )
        else:
            rule = smooth
            time_per_page_s = one.intensity / one.bytes_per_s * one.page_bytes
            batch_pages = max(one.batch_pages, 1)
            is_blurred = blurs_batches(due_pages, batch_pages, one.highest_per_s, time_per_page_s)
            peeks[0].time_per_page_s = time_per_page_s
            peeks[0].batch_pages, peeks[0].lead_pages = batch_pages, 0.0
            if is_blurred:
                peeks[0].batch_pages, peeks[0].lead_pages = 1, (batch_pages - 1) / 2
            elif batch_pages > 1:
                rule = rough
            sent, end_s, outcomes, normal = _expected_round_ahead(
                groups,
                due,
                sendable,
                peek_matters,
                unsent_pages,
                clock_s,
                setting,
                rates,
                law,
                peeks,
                rule,
            )
        groups, totals, by_status = end_round(groups, outcomes, status_after, index, normal)
        now += one.intensity * (end_s - clock_s)
        clock_s, due_pages = end_s, by_status[0]
        unsent_pages += totals[0] - sent
        row = rounds[done]
        row.end_s, row.bytes_sent, row.sent = end_s, sent * one.page_bytes, int(sent)
        row.skipped, row.deferred = totals[1], totals[2]
        row.dirtied, row.left = totals[4], by_status[2]
        done += 1
        if row.sent == 0 or row.left < one.least_left:
            break
    return done, groups, by_status, now, unsent_pages


@jit
def _exact_round_ahead(
    groups: Records,
    due: Records,
    count: int,
    clock_s: float,
    setting: Records,
    rates: Floats,
    law: Records,
    rng: np.random.Generator,
) -> tuple[float, float, Records, Floats]:
    """Return pages sent, the end, `OUTCOME_GROUP` and normal deviates for them, all drawn."""
    one = setting[0]
    places, thresholds = np.empty(count), np.empty(count)
    given = np.empty(count if law[0].dirty_probability > 0 else 0)
    for i in range(count):
        places[i] = rng.random()
    for i in range(count):
        thresholds[i] = rng.standard_exponential()
    for i in range(len(given)):
        given[i] = rng.random()
    units = np.ones(len(rates), dtype=np.int64)
    pages = begin_exact_round(due, places, thresholds, given, rates, law, one.peek_fraction, units)
    start = np.empty(1, dtype=SCAN_START)
    begin = start[0]
    begin.position, begin.time_s, begin.bytes_sent = 0, 0.0, 0.0
    begin.page_bytes, begin.time_per_byte = one.page_bytes, one.intensity / one.bytes_per_s
    begin.batch_pages, begin.batch_begin, begin.batch_peek_s = one.batch_pages, 0, 0.0
    scan_exact_round(pages, start)
    sent = float(pages[count].sent_before)
    end_s = clock_s + sent * one.page_bytes / one.bytes_per_s
    elapsed = one.intensity * (end_s - clock_s)
    clean = (1.0 - law[0].dirty_probability) * unwritten_chances(rates, elapsed)
    outcomes = outcomes_of_exact_round(groups, due, pages, count, elapsed, clean)
    normal = np.empty(len(outcomes))
    for i in range(len(normal)):
        normal[i] = rng.standard_normal()
    return sent, end_s, outcomes, normal


@jit
def _expected_round_ahead(
    groups: Records,
    due: Records,
    sendable: Records,
    peek_matters: bool,
    unsent_pages: float,
    clock_s: float,
    setting: Records,
    rates: Floats,
    law: Records,
    peeks: Records,
    rule: Records,
) -> tuple[float, float, Records, Floats]:
    """Return pages sent, the end, `OUTCOME_GROUP`, and no normal deviates: all are means.

    The scan visits every page, and the rate never changes. `ExpectedRound` says what each step is.
    """
    one, ranks, classes = setting[0], sendable.shape[0], sendable.shape[1]
    not_given, share = 1.0 - law[0].dirty_probability, np.ones(ranks)
    points, clean = np.empty((ranks, 0), dtype=POINT), np.empty((ranks, 0, classes))
    chances = np.zeros((ranks, classes), dtype=CLEAN_CHANCE)
    if peek_matters:
        _, points, clean, chances, _ = solve_trajectory(
            sendable, share, rates, law, _FROM_THE_START, peeks, rule
        )
    pages = np.empty(len(due))
    for d in range(len(due)):
        pages[d] = due[d].pages
    seen, clean_at_peek, in_range, total = draw_seen(
        due, pages, sendable, share, points, clean, chances, not_given, np.ones(classes), _NOT_DRAWN
    )
    if not peek_matters:
        total = 0.0
        for j in range(ranks):
            total += in_range[j]
    sent = max(math.floor(total + unsent_pages + 0.5), 0.0)
    end_s = clock_s + sent * one.page_bytes / one.bytes_per_s
    elapsed = one.intensity * (end_s - clock_s)
    clean_at_end = not_given * unwritten_chances(rates, elapsed)
    outcomes = outcomes_of_expected_round(groups, due, seen, clean_at_peek, clean_at_end)
    return sent, end_s, outcomes, _NOT_DRAWN


# --- address ranges -------------------------------------------------------------------------------


@jit
def first_unvisited(outcomes: Records, ranges: Records, ranks: int) -> tuple[int, float]:
    """Return the rank of the first range with unvisited pages, and how many it has.

    Args:
        outcomes: `OUTCOME_GROUP`, [outcome groups].
        ranges: `ADDRESS_RANGE` by label, [labels].
        ranks: number of address ranges in use.
    """
    first, left = ranks, 0.0
    for i in range(len(outcomes)):
        if outcomes[i].outcome == _UNVISITED and outcomes[i].pages > 0:
            rank = ranges[outcomes[i].address_range].rank
            if rank < first:
                first, left = rank, 0.0
            if rank == first:
                left += outcomes[i].pages
    return first, left


@jit
def undue_in_range(groups: Records, outcomes: Records, label: int) -> Integers:
    """Return the rows of the outcome groups in a range whose pages were not due."""
    found, count = np.empty(len(outcomes), dtype=np.int64), 0
    for i in range(len(outcomes)):
        if outcomes[i].address_range == label and groups[outcomes[i].group].status != _DUE:
            found[count] = i
            count += 1
    return found[:count].copy()


@jit
def split_outcomes(
    outcomes: Records, undue: Integers, before: Floats, label: int, new_label: int
) -> Records:
    """Move the pages after the split of a range to a new label.

    Unvisited pages lie after it. Of a group that was not due, `before` pages lie before it.

    Args:
        outcomes: `OUTCOME_GROUP`, [outcome groups].
        undue: rows of the groups in the range that were not due, [undue].
        before: how many of their pages lie before the split, [undue].
        label: the range that is split.
        new_label: label of its second part.
    """
    count = len(outcomes)
    found = np.empty(count + len(undue), dtype=OUTCOME_GROUP)
    for i in range(count):
        found[i] = outcomes[i]
        if outcomes[i].address_range == label and outcomes[i].outcome == _UNVISITED:
            found[i].address_range = new_label
    for n in range(len(undue)):
        i = undue[n]
        found[count + n] = outcomes[i]
        found[count + n].address_range = new_label
        found[count + n].pages = outcomes[i].pages - before[n]
        found[i].pages = before[n]
    return found


@jit
def range_distances(groups: Records, order: Integers, labels: int) -> Floats:
    """Return the distance between each range and the next one, [ranges - 1].

    Ward's distance of the share due: ``n1 n2 / (n1 + n2) (d1 / n1 - d2 / n2)^2``.

    Args:
        groups: `GROUP`, [groups].
        order: label of each range in address order, [ranges].
        labels: number of labels.
    """
    size, due = np.zeros(labels), np.zeros(labels)
    for i in range(len(groups)):
        size[groups[i].address_range] += groups[i].pages
        if groups[i].status == _DUE:
            due[groups[i].address_range] += groups[i].pages
    distance = np.empty(len(order) - 1)
    for place in range(len(distance)):
        one, other = order[place], order[place + 1]
        both = size[one] * size[other] / max(size[one] + size[other], 1.0)
        difference = due[one] / max(size[one], 1.0) - due[other] / max(size[other], 1.0)
        distance[place] = both * difference**2
    return distance


# --- post-copy ------------------------------------------------------------------------------------

_STEP_SHARE = 256
"""A step pushes at most this part of the missing pages, so their mix of classes hardly changes."""


@jit
def push_missing_pages(
    state: Records,
    requests: Records,
    setting: Records,
    missing: Floats,
    touches_per_s: Floats,
    class_bytes: Floats,
    normal: Floats,
) -> None:
    """Push missing pages and serve demand faults until time, deviates or working set end.

    A processor waits for a page as in `memory/pages/post_copy.py`:
    ``round trip + (1 + queued pages) page bytes / rate``, after the pages requested before.
    While b of v processors wait, touches of missing pages come at the rate
    ``h = (1 - b / v) intensity sum_c r_c m_c``; the next one comes when the integral of h reaches a
    unit-exponential threshold E. It is of class c with a chance in proportion to ``r_c m_c``. All
    missing pages are equally likely to be pushed next, so pushed pages are of class c in proportion
    to m_c.

    A step ends at a touch, the arrival of a requested page, or the last of k pushed pages. With one
    page a step, h is constant in it. With more, of n missing pages, of which a are pushed a second,
    h falls as ``h_0 (c - b t)``, where ``b = a / n`` and c = 1 but for the part of a page that
    is on the wire already; its integral reaches E at
    ``t = 2 E / h_0 / (c + sqrt(c^2 - 2 b E / h_0))``.
    A step that a touch ends pushes only what was sent until then, and the next one begins with the
    rate of what is left.

    Args:
        state: `PUSH_STATE`; changed, [1].
        requests: `PAGE_REQUEST`; changed, [processors].
        setting: `PUSH_SETTING`, [1].
        missing: missing pages m_c of each class; changed, [classes].
        touches_per_s: touches r_c per page and operational second, [classes].
        class_bytes: bytes on the wire of a page of each class, [classes]. Where they differ, steps
            take the mean of the missing pages.
        normal: normal deviates, or none.
    """
    push, cost = state[0], setting[0]
    left_s, spare_bytes, touches_left = push.left_s, push.spare_bytes, push.touches_left
    set_left_s, waits, first, waiting = push.set_left_s, push.waits, push.first, push.waiting
    faults, stall_s, used = push.faults, push.stall_s, push.used
    waits_bytes, differ = push.waits_bytes, cost.page_bytes == 0
    bytes_per_s, page_bytes = cost.bytes_per_s, cost.page_bytes
    is_random, classes, processors = len(normal) > 0, len(missing), len(requests)
    while left_s > 0 and set_left_s > 0 and (not is_random or used + classes + 2 <= len(normal)):
        step_s, total, touched = left_s, 0.0, 0.0
        for c in range(classes):
            total += missing[c]
            touched += touches_per_s[c] * missing[c]
        on_the_way = waits
        if differ:
            page_bytes = 0.0
            for c in range(classes):
                page_bytes += missing[c] * class_bytes[c]
            page_bytes = page_bytes / total if total > 0 else class_bytes[0]
            on_the_way = waits_bytes / page_bytes
        waiting_share = waiting / processors
        speed = cost.intensity * (1.0 - waiting_share)
        if speed > 0:
            step_s = min(step_s, set_left_s / speed)

        # the step ends at the latest when the last of so many pushed pages has arrived
        most_pages = max(math.floor(total / _STEP_SHARE), 1.0)
        completes = False
        if bytes_per_s > 0 and total > 0:
            complete_s = ((on_the_way + most_pages) * page_bytes - spare_bytes) / bytes_per_s
            completes = complete_s <= step_s
            if completes:
                step_s = max(complete_s, 0.0)

        # or when the first requested page has arrived
        arrives = False
        if waiting > 0:
            head = requests[first]
            sending_s = head.bytes_left / bytes_per_s if bytes_per_s > 0 else math.inf
            arrive_s = max(head.wait_s + sending_s, 0.0)
            arrives = arrive_s <= step_s
            if arrives:
                completes = completes and arrive_s == step_s
                step_s = arrive_s

        # or at the next touch of a missing page
        is_fault = False
        per_s = speed * touched
        if per_s > 0:
            if touches_left <= 0:
                touches_left = 1.0
                if is_random:
                    touches_left = -math.log(uniform_of_normal(normal[used]))
                    used += 1
            level, slope = 1.0, 0.0
            if most_pages > 1 and bytes_per_s > 0:
                level = 1.0 - (spare_bytes / page_bytes - on_the_way - 0.5) / total
                slope = bytes_per_s / page_bytes / total
            passed = per_s * step_s * (level - slope * step_s / 2.0)
            is_fault = touches_left <= passed
            if is_fault:
                reached = touches_left / per_s
                root = math.sqrt(max(level * level - 2.0 * slope * reached, 0.0))
                step_s = min(2.0 * reached / (level + root), step_s)
                completes = arrives = False
                touches_left = 0.0
            else:
                touches_left -= passed
        left_s -= step_s
        set_left_s -= speed * step_s
        stall_s += waiting_share * step_s
        before_bytes = -1.0
        for place in range(waiting):
            request = requests[(first + place) % processors]
            request.bytes_left -= bytes_per_s * max(step_s - request.wait_s, 0.0)
            request.wait_s = max(request.wait_s - step_s, 0.0)
            if place > 0 and request.wait_s == 0:  # the pages requested before are sent first
                after_bytes = before_bytes + request.pages * request.page_bytes
                request.bytes_left = max(request.bytes_left, after_bytes)
            before_bytes = request.bytes_left

        # pages that the bytes of this step complete; requested pages keep their own bytes
        spare_bytes += bytes_per_s * step_s
        pages = most_pages if completes else math.floor(spare_bytes / page_bytes - on_the_way)
        pages = min(pages, math.ceil(total))
        if pages > 0:
            if not differ:
                spare_bytes -= pages * page_bytes
            to_take, among = min(pages, total), total
            for c in range(classes):
                if to_take <= 0:
                    break
                if is_random:
                    taken = sample_hypergeometric(to_take, missing[c], among, normal[used])
                    used += 1
                else:
                    taken = to_take * min(missing[c] / among, 1.0) if among > 0 else 0.0
                    taken = min(max(taken, to_take - (among - missing[c])), to_take, missing[c])
                to_take, among = to_take - taken, among - missing[c]
                missing[c] -= taken
                if differ:
                    spare_bytes -= taken * class_bytes[c]

        if arrives:
            arrived = requests[first].pages * requests[first].page_bytes
            spare_bytes -= arrived
            waits_bytes = waits_bytes - arrived if waiting > 1 else 0.0
            waits = waits - requests[first].pages if waiting > 1 else 0.0
            first, waiting = (first + 1) % processors, waiting - 1
        if is_fault and missing.sum() > 0:
            weights = touches_per_s * missing
            requested, requested_bytes = 0.0, 0.0
            if is_random:
                drawn = uniform_of_normal(normal[used]) * weights.sum()
                used += 1
                c = 0
                while c < classes - 1 and (drawn >= weights[c] or missing[c] < 1):
                    drawn -= weights[c]
                    c += 1
                while c > 0 and missing[c] < 1:  # the sum was rounded up
                    c -= 1
                missing[c] -= 1.0
                requested, requested_bytes = 1.0, class_bytes[c]
            else:
                for c in range(classes):
                    taken = min(weights[c] / max(weights.sum(), _LEAST), missing[c])
                    missing[c] -= taken
                    requested += taken
                    requested_bytes += taken * class_bytes[c]
            request = requests[(first + waiting) % processors]
            request.pages, request.wait_s = requested, cost.round_trip_s
            request.page_bytes = page_bytes
            request.bytes_left = (requested + cost.queued_pages) * page_bytes
            if differ:
                request.page_bytes = requested_bytes / max(requested, _LEAST)
                request.bytes_left = requested_bytes + cost.queued_pages * page_bytes
            waits_bytes += requested_bytes
            waiting, waits, faults = waiting + 1, waits + requested, faults + requested
    push.left_s, push.spare_bytes, push.touches_left = left_s, spare_bytes, touches_left
    push.set_left_s, push.waits, push.first, push.waiting = set_left_s, waits, first, waiting
    push.faults, push.stall_s, push.used = faults, stall_s, used
    push.waits_bytes = waits_bytes


# --- a scan in small segments, beside a sweep -----------------------------------------------------


@jit
def _swept_share(gap: float, ahead: float, behind: float, passes: float) -> float:
    """Return the share of a segment that the scan finds swept.

    Along the segment (x from 0 to 1) the peeks are `gap` seconds after the sweep at x = 0. The gap
    grows by ``ahead - passes`` per x where the scan is ahead of the sweep (gap < 0), by
    ``behind - passes`` where it is behind. If both lead to gap 0, the scan follows the sweep, and
    the share phi solves ``phi behind + (1 - phi) ahead = passes``.

    Args:
        gap: time of the first peek, less the time at which the sweep passes the first page.
        ahead: time the peeks take for the whole segment if no page is swept.
        behind: the same if all pages are swept.
        passes: time the sweep takes for the whole segment.
    """
    follows = 0.0
    if ahead > behind:
        follows = min(max((ahead - passes) / (ahead - behind), 0.0), 1.0)
    if gap >= 0:
        if behind >= passes:
            return 1.0
        until = gap / (passes - behind)
        if until >= 1:
            return 1.0
        return until if ahead <= passes else until + (1.0 - until) * follows
    if ahead <= passes:
        return 0.0
    until = -gap / (ahead - passes)
    if until >= 1:
        return 0.0
    return 1.0 - until if behind >= passes else (1.0 - until) * follows


@jit
def scan_segments(
    due: Records,
    segments: Records,
    first: int,
    sent: float,
    start: Records,
    rates: Floats,
    law: Records,
    fraction: float,
    normal: Floats,
    seen: Records,
) -> float:
    """Scan segment after segment at a constant rate; return the pages sent by the end.

    In a segment, n pages of a group are swept with a hypergeometric number, and of the others
    Binomial(n, exp(-E)) are seen clean, E being the cumulative hazard at the middle peek.

    Args:
        due: `DUE_GROUP` in scan order, [due].
        segments: `SWEPT_SEGMENT` in scan order, [ranks]; the scan writes its columns.
        first: the rank at which it continues.
        sent: pages of the round sent before that.
        start: `SCAN_START`, [1].
        rates: writes per page and second, [write classes].
        law: `WRITE_LAW`, [1].
        fraction: share of the time until a visit at which the decisive peek comes.
        normal: normal deviates, [2 x due], or none.
        seen: `SEEN`, [due]; pages seen clean and dirty.
    """
    now = start[0]
    page_s = now.page_bytes * now.time_per_byte
    done = now.bytes_sent / now.page_bytes
    batch = max(now.batch_pages, 1)
    hazard = np.empty(len(rates))
    row = 0
    while row < len(due) and due[row].rank < first:
        row += 1
    for rank in range(first, len(segments)):
        segment = segments[rank]
        begin, end = row, row
        while end < len(due) and due[end].rank == rank:
            end += 1
        row = end
        segment.sent_before = sent
        segment.visit_s = now.time_s + max(sent - done, 0.0) * page_s
        expected, if_swept = 0.0, 0.0
        peek_s = segment.visit_s * fraction
        for _step in range(3):
            # the middle peek depends on what the scan sends until then
            if law[0].labels > 0:
                cumulative_hazard(rates, law, 0.0, peek_s, hazard)
            else:
                for k in range(len(rates)):
                    hazard[k] = rates[k] * peek_s
            expected = if_swept = 0.0
            for d in range(begin, end):
                clean = math.exp(-hazard[due[d].write_class])
                if due[d].if_clean == SEND:
                    expected += due[d].pages * clean
                if due[d].if_dirty == SEND:
                    expected += due[d].pages * (1.0 - clean)
                    if_swept += due[d].pages
            if batch > 1 and sent + expected >= batch and expected < 2 * batch:
                middle = math.floor((sent + expected / 2) / batch) * batch
            elif batch > 1 and expected < 2 * batch:
                middle = 0.0
            else:
                middle = sent + expected / 2 - (batch - 1) / 2
            peek_s = max(now.time_s + (middle - done) * page_s, 0.0) * fraction
        share = 0.0
        if segment.first_pass_s < math.inf:
            half = expected / 2 * page_s * fraction
            if batch > 1 and expected < 2 * batch:
                half = 0.0
            gap = peek_s - half - segment.first_pass_s
            share = _swept_share(gap, 2 * half, if_swept * page_s * fraction, segment.passes_s)
        segment.peek_s = peek_s
        among, marked = segment.pages, share * segment.pages
        if len(normal):
            marked = math.floor(marked + 0.5)
        for d in range(begin, end):
            pages = due[d].pages
            swept = pages * share
            if share >= 1.0:
                swept = pages
            elif share > 0.0 and len(normal):
                swept = sample_hypergeometric(pages, marked, among, normal[2 * d])
                among, marked = among - pages, marked - swept
            chance = math.exp(-hazard[due[d].write_class])
            clean = (pages - swept) * chance
            if len(normal):
                clean = sample_binomial(pages - swept, chance, normal[2 * d + 1])
            seen[d].clean, seen[d].dirty, seen[d].waiting = clean, pages - clean, 0.0
            if due[d].if_clean == SEND:
                sent += clean
            if due[d].if_dirty == SEND:
                sent += pages - clean
        segment.sent_until = sent
    return sent
