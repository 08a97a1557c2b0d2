"""CloudSim's rules once more, in plain Python: slow, and written without a look at the kernels.

Nothing is kept up to date: each figure is computed from lists of VMs when it is needed. Medians
come from `statistics`, regressions from numpy. Only what a plan and the energy need is here.

Sums and straight lines are grouped as in the rules. Hosts of one kind whose load is between the
same two points of the power table cost the same, so that rounding alone decides where a VM goes.
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

G4 = (86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117)
G5 = (93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135)
KINDS = ((2500, 870), (2000, 1740), (1000, 1740), (500, 613))


def in_order(values: Iterable[float]) -> float:
    """Return a sum, term by term: the built-in one corrects its rounding in newer versions."""
    return reduce(operator.add, values, 0.0)


@dataclass(eq=False)
class Vm:
    number: int
    samples: list[float]
    count: int
    home: Host | None = None
    moving: bool = False
    past: list[float] = field(default_factory=list)
    demand: float = 0.0

    def __post_init__(self) -> None:
        block = math.ceil(self.count / 4)
        self.mips, self.ram = KINDS[self.number // block]

    def use(self, now: float) -> float:
        """Return the CPU use at a time."""
        k = int(now // 300)
        return self.samples[k] + (self.samples[k + 1] - self.samples[k]) / 300 * (now - 300 * k)


@dataclass(eq=False)
class Host:
    number: int
    vms: list[Vm] = field(default_factory=list)
    coming: list[Vm] = field(default_factory=list)
    load: float = 0.0

    def __post_init__(self) -> None:
        self.core, self.table = ((1860, G4), (2660, G5))[self.number % 2]
        self.mips = 2 * self.core

    def watts(self, load: float) -> float:
        k = min(int(load * 10), 9)
        return self.table[k] + (self.table[k + 1] - self.table[k]) / 10 * (load - k / 10) * 100

    def given(self, vms: list[Vm]) -> dict[int, float]:
        """Return what each VM gets in a plan, when nothing migrates."""
        wanted = {vm.number: min(vm.demand, self.core) for vm in vms}
        total = in_order(wanted.values())
        if total <= self.mips:
            return wanted
        return {number: math.floor(each * self.mips / total) for number, each in wanted.items()}

    def measure(self) -> None:
        """Set the load: a VM that leaves counts in full, one that comes with a tenth."""
        parts = {vm.number: min(vm.demand, self.core) for vm in self.vms}
        parts |= {vm.number: 0.1 * min(vm.demand, self.core) for vm in self.coming}
        total = in_order(parts.values())
        if total > self.mips:
            scale = self.mips / total
            for vm in self.vms:
                got = math.floor(parts[vm.number] * scale * (0.9 if vm.moving else 1.0))
                parts[vm.number] = got / 0.9 if vm.moving else got
            for vm in self.coming:
                parts[vm.number] = math.floor(parts[vm.number] * scale)
        self.load = in_order(parts.values()) / self.mips


class PlainDay:
    """A day; `run` gives energy in kWh and the number of migrations.

    Args:
        samples: CPU use, one list per VM.
        policy: name of the policy.
        hosts: number of hosts.
        delete_idle: see `Quirks`, as the others.
    """

    def __init__(
        self,
        samples: list[list[float]],
        policy: str,
        hosts: int,
        *,
        delete_idle: bool = True,
        ignore_memory: bool = True,
        plan_twice: bool = True,
    ) -> None:
        self.detect, _, self.select = policy.partition("-")
        self.delete_idle, self.ignore_memory = delete_idle, ignore_memory
        self.plan_twice = plan_twice
        self.hosts = [Host(number) for number in range(hosts)]
        self.vms = [Vm(n, [*each, each[-1]], len(samples)) for n, each in enumerate(samples)]
        self.ticks = len(samples[0]) - 1
        self.joules, self.last, self.migrations = 0.0, 0.0, 0

    def run(self) -> tuple[float, int]:
        self.place()
        now = 0.1
        for _ in range(self.ticks):
            now += 300.0
            self.look(now)
            for vm in self.vms:
                vm.past.insert(0, vm.use(now))
            moves = [] if self.detect == "dvfs" else self.plan()
            self.migrations += len(moves)
            for vm, target in moves:
                vm.moving = True
                target.coming.append(vm)
            for host in self.hosts:
                host.measure()
            for seconds in sorted({vm.ram / 62.5 for vm, _ in moves}):
                self.look(now + seconds)
                for vm, target in moves:
                    if vm.ram / 62.5 == seconds:
                        self.arrive(vm, target)
                self.look(now + seconds)
        return self.joules / 3.6e6, self.migrations

    def place(self) -> None:
        for vm in self.vms:
            fits = [
                (host.watts((sum(v.mips for v in host.vms) + vm.mips) / host.mips) - host.table[0])
                if vm.mips <= host.core
                and sum(v.mips for v in host.vms) + vm.mips <= host.mips
                and sum(v.ram for v in host.vms) + vm.ram <= 4096
                else math.inf
                for host in self.hosts
            ]
            first = next(n for n, rise in enumerate(fits) if rise < math.inf)
            best = first if self.detect == "dvfs" else fits.index(min(fits))
            vm.home = self.hosts[best]
            vm.home.vms.append(vm)

    def look(self, now: float) -> None:
        before = [host.load for host in self.hosts]
        for vm in self.vms:
            vm.demand = vm.use(now) * vm.mips
        for host, load in zip(self.hosts, before, strict=True):
            host.measure()
            if load > 0:
                self.joules += (host.watts(load) + host.watts(host.load)) / 2 * (now - self.last)
            if self.delete_idle:
                host.vms = [vm for vm in host.vms if vm.demand > 0 or vm.moving]
        self.last = now

    def arrive(self, vm: Vm, target: Host) -> None:
        assert vm.home is not None
        vm.home.vms.remove(vm)
        target.coming.remove(vm)
        target.vms.append(vm)
        vm.home, vm.moving = target, False

    def overloaded(self, host: Host, vms: list[Vm]) -> bool:
        load = in_order(vm.demand for vm in vms) / host.mips
        if self.detect == "thr":
            return load > 0.8
        past = [0.0] * 30
        for vm in vms:
            for k, use in enumerate(vm.past[:30]):
                past[k] += use * vm.mips / host.mips
        while past and past[-1] == 0:
            past.pop()
        if self.detect == "lr":
            if len(past) < 10:
                return load > 0.7
            slope, start = np.polyfit(range(1, 11), past[9::-1], 1)
            return bool(1.2 * (start + 11 * slope) >= 1)
        if len(past) < 12:
            return load > 0.7
        if self.detect == "iqr":
            ranked = sorted(past)
            low, high = (math.floor(q * (len(past) + 1) + 0.5) for q in (0.25, 0.75))
            return load > 1 - 1.5 * (ranked[high - 1] - ranked[low - 1])
        middle = statistics.median(past)
        return load > 1 - 2.5 * statistics.median(abs(each - middle) for each in past)

    def first_to_leave(self, vms: list[Vm]) -> Vm:
        if self.select == "mu":
            return min(vms, key=lambda vm: vm.demand / vm.mips)
        length = min(len(vms[0].past), 30)
        if self.select == "mc" and 2 <= len(vms) <= length:
            uses = np.array([vm.past[:30] for vm in vms])
            others = [np.delete(uses, one, axis=0) for one in range(len(vms))]
            designs = [np.vstack([np.ones(length), each]).T for each in others]
            if all(np.linalg.matrix_rank(each) == each.shape[1] for each in designs):
                shares = [r2(d, each) for d, each in zip(designs, uses, strict=True)]
                return vms[int(np.argmax(shares))]
        return min(vms, key=lambda vm: vm.ram)

    def plan(self) -> list[tuple[Vm, Host]]:
        lists = {host: list(host.vms) for host in self.hosts}
        loads = {host: host.load for host in self.hosts}
        over = [host for host in self.hosts if self.overloaded(host, lists[host])]
        taken = []
        for host in over:
            while lists[host]:
                vm = self.first_to_leave(lists[host])
                taken.append(vm)
                lists[host].remove(vm)
                if not self.overloaded(host, lists[host]):
                    break
        moves = []
        for vm in sorted(taken, key=lambda vm: -vm.demand):
            target = self.best(vm, [h for h in self.hosts if h not in over], lists, loads)
            if target:
                lists[target].append(vm)
                moves.append((vm, target))
        kept = set(over) | ({target for _, target in moves} if not self.plan_twice else set())
        kept |= {host for host in self.hosts if loads[host] == 0}
        open_to = [host for host in self.hosts if host not in over and loads[host] > 0]
        while True:
            left = [h for h in self.hosts if h not in kept and 0 < loads[h] < 1 and lists[h]]
            if not left:
                return moves
            source = min(left, key=lambda host: loads[host])
            kept.add(source)
            open_to.remove(source)
            tried = {host: list(each) for host, each in lists.items()}
            found = []
            for vm in sorted(lists[source], key=lambda vm: -vm.demand):
                target = self.best(vm, open_to, tried, loads)
                if target is None:
                    break
                tried[target].append(vm)
                found.append((vm, target))
            else:
                moves += found
                kept |= {target for _, target in found}
                lists = tried

    def best(
        self, vm: Vm, hosts: list[Host], lists: dict[Host, list[Vm]], loads: dict[Host, float]
    ) -> Host | None:
        chosen, least = None, math.inf
        for host in hosts:
            given = host.given(lists[host])
            if vm.demand > min(host.core, reduce(operator.sub, given.values(), float(host.mips))):
                continue
            if not self.ignore_memory and sum(v.ram for v in lists[host]) + vm.ram > 4096:
                continue
            used = in_order(given.values())
            rise = host.watts((used + vm.demand) / host.mips) - host.watts(loads[host])
            if rise < least and not (used and self.overloaded(host, [*lists[host], vm])):
                chosen, least = host, rise
        return chosen


def r2(design: np.ndarray, target: np.ndarray) -> float:
    """Return the share of the variance of a target that a regression explains."""
    fitted = design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return float(1 - np.sum((target - fitted) ** 2) / np.sum((target - target.mean()) ** 2))
