"""What CloudSim's benchmark does that a cluster does not, each as a switch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """Which of its oddities a day has; all of them give CloudSim's own figures.

    Args:
        delete_idle_vms: a VM whose demand is exactly 0 at an event is gone for the rest of the day.
            Two samples of 0 in sequence are enough.
        ignore_memory: after the placement at the start, no host's memory is ever full.
        plan_twice: a host that has just received VMs from overloaded hosts may be emptied at the
            same tick. Its new VMs then migrate twice at once, and count twice.
        book_arrivals_in_full: a target enters the whole demand of an arriving VM as asked for, and
            a tenth of it as given. The time of this counts into SLATAH, and so does the rounding
            of ``x * 0.9 / 0.9``. Without it, only a real lack of CPU counts.
        ignore_shared_links: each migration has half of a network card, however many run. Without
            it, the migrations of a host share its line rate max-min fairly, each way, and none is
            faster than before. Some then still run at the next tick.
    """

    delete_idle_vms: bool = True
    ignore_memory: bool = True
    plan_twice: bool = True
    book_arrivals_in_full: bool = True
    ignore_shared_links: bool = True
