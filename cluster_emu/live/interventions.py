"""What a reader of the page may do to a running model: migrate, cancel, drain, crash, cut a link.

An action is plain data: ``{"do": "drain", "host": 3}``. It takes effect at the very instant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from cluster_emu.consolidation.triggers.drain import Drain
from cluster_emu.errors import RequestRefusedError
from cluster_emu.faults import Outage
from cluster_emu.live.live_model import LiveModel
from cluster_emu.wording import counted

Action = Mapping[str, Any]

BY_READER = "cancelled on the page"


def act(model: LiveModel, action: Action) -> str:
    """Carry out an action now; return in words what was done.

    Raises:
        RequestRefusedError: if it cannot be carried out; the message says why.
    """
    do = ACTIONS.get(str(action.get("do")))
    if do is None:
        raise RequestRefusedError(f"no action {action.get('do')!r}; there are {', '.join(ACTIONS)}")
    if not model.running:
        raise RequestRefusedError("the run is over: reset it first")
    done = do(model, action)
    model.intervene()
    return done


def _migrate(model: LiveModel, action: Action) -> str:
    """Migrate a VM to a host, or without one to the host a drain would choose."""
    vm = _number(action, "vm", model.state.vm_count)
    if action.get("target") is None:
        drain = Drain(vms=(vm,), at_s=model.state.time_s)
        if model.state.vms.on_host_since_s[vm] > model.state.time_s:
            raise RequestRefusedError(f"{model.state.names.vm(vm)} has just come to its host")
        report = model.manager.add_trigger(drain, model.now_s)
        if not report.moves:
            raise RequestRefusedError(f"{model.state.names.vm(vm)} is not moved: {report.note}")
        record = model.manager.scheduler.records[-1]
    else:
        target = _number(action, "target", model.state.host_count)
        record = model.manager.migrate(vm, target, model.now_s)
    names = model.state.names
    return f"{names.vm(vm)} is to migrate to {names.host(record.target)}"


def _cancel(model: LiveModel, action: Action) -> str:
    scheduler = model.manager.scheduler
    number = _number(action, "migration", len(scheduler.records))
    scheduler.cancel_request(number, BY_READER, model.now_s)
    return f"migration {number} is cancelled"


def _drain(model: LiveModel, action: Action) -> str:
    host = _number(action, "host", model.state.host_count)
    if model.state.hosts.drained[host]:
        raise RequestRefusedError(f"{model.state.names.host(host)} is drained already")
    report = model.manager.add_trigger(Drain(hosts=(host,), at_s=model.state.time_s), model.now_s)
    moved = counted(report.moves, "migration")
    return f"{model.state.names.host(host)} is drained: {moved} requested; {report.note}"


def _crash(model: LiveModel, action: Action) -> str:
    host = _number(action, "host", model.state.host_count)
    if model.state.hosts.failed[host]:
        raise RequestRefusedError(f"{model.state.names.host(host)} has failed already")
    links = model.links
    its_links = ((links.source == host) | (links.target == host)).nonzero()[0].tolist()
    outage = Outage(
        kind="host-crash",
        what=f"host {host}",
        start_s=model.now_s,
        end_s=_end_s(model, action),
        hosts=(host,),
        links=tuple(its_links),
    )
    model.inject(outage)
    return f"{model.state.names.host(host)} has crashed{_repair_in_words(action)}"


def _degrade(model: LiveModel, action: Action) -> str:
    """Change the capacity of a link in both directions; a factor of 0 cuts it."""
    link = _number(action, "link", len(model.links))
    factor = action.get("factor", 0.0)
    if not isinstance(factor, int | float) or not 0 <= factor < 1:
        raise RequestRefusedError(f"factor = {factor!r}: allowed is a number from 0 to below 1")
    links = model.links
    ends = int(links.source[link]), int(links.target[link])
    both = (*links.between(*ends), *links.between(*reversed(ends)))
    kind = "link-slow" if factor else "link-down"
    what = links.in_words(link)
    model.inject(
        Outage(
            kind=kind,
            what=what,
            start_s=model.now_s,
            end_s=_end_s(model, action),
            links=both,
            factor=float(factor),
        )
    )
    state = f"has {factor:.0%} of its capacity" if factor else "is down"
    return f"the link {what} {state}{_repair_in_words(action)}"


def _number(action: Action, name: str, count: int) -> int:
    number = action.get(name)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < count:
        raise RequestRefusedError(f"{name} = {number!r}: allowed is 0 to {count - 1}")
    return number


def _repair_s(action: Action) -> float:
    repair_s = action.get("repair_s")
    if repair_s is None:
        return math.inf
    if not isinstance(repair_s, int | float) or not 0 < repair_s < math.inf:
        raise RequestRefusedError(f"repair_s = {repair_s!r}: allowed is a time > 0, or none")
    return float(repair_s)


def _end_s(model: LiveModel, action: Action) -> float:
    return model.now_s + _repair_s(action)


def _repair_in_words(action: Action) -> str:
    repair_s = _repair_s(action)
    return "" if repair_s == math.inf else f" for {repair_s:g} s"


ACTIONS: dict[str, Callable[[LiveModel, Action], str]] = {
    "migrate": _migrate,
    "cancel": _cancel,
    "drain": _drain,
    "crash": _crash,
    "degrade": _degrade,
}
