"""Options that `evacuate` and `advise` share: which hosts, and which option sets which field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_WHOLE, decimal, whole_number

MOST_NAMED = 10

Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="HOST[,HOST]",
        help="Hosts to empty: numbers, names, or patterns such as 'rack2-*'; may be repeated.",
    ),
]
Racks = Annotated[
    list[str] | None,
    typer.Option(
        "--rack", metavar="RACK[,RACK]", help="Racks to empty, likewise; may be repeated."
    ),
]
VMs = Annotated[
    list[str] | None,
    typer.Option(
        "--vm",
        metavar="VM[,VM]",
        help="Single VMs to move off their hosts, likewise; may be repeated.",
    ),
]


def _share(text: Any) -> float:
    """Read a share, such as 20% or 0.2.

    Raises:
        ScenarioError: if it is none from 0 to below 1.
    """
    written = str(text)
    digits, percent = written.removesuffix("%"), written.endswith("%")
    number = decimal(digits.rstrip())
    share = -1.0 if number is None else float(number / (100 if percent else 1))
    if not 0 <= share < 1:
        raise ScenarioError("--uncertain", text, "a share from 0 to below 1, such as 20% or 0.2")
    return share


Uncertain = Annotated[
    float | None,
    typer.Option(
        "--uncertain",
        metavar="SHARE",
        parser=_share,
        help="Draw for each replication by how much dirty rates and link bandwidths are off, each "
        "uniformly within this share, such as 20%.",
    ),
]


def numbers(option: str, texts: Sequence[str] | None) -> tuple[int, ...]:
    """Read whole numbers with commas between them; each counts once.

    Raises:
        ScenarioError: if one is no whole number.
    """
    words = [word.strip(" ") for text in texts or () for word in text.split(",")]
    found = []
    for word in words:
        number = whole_number(word)
        if number is None or not 0 <= number <= MOST_WHOLE:
            raise ScenarioError(option, word, "whole numbers >= 0 with commas between them")
        found.append(number)
    return tuple(dict.fromkeys(found))


def options_by_field(
    hosts: Sequence[str], *, policy: str | None, strategy: str | None
) -> dict[str, str]:
    """Return the options of a drain by the field of the scenario that each sets.

    Args:
        hosts: the hosts that were named.
        policy: the option that sets policies, if it was given.
        strategy: the option that sets strategies, if it was given.
    """
    found = {
        "hosts": "--host" if hosts else "--host, --rack",
        "racks": "--rack",
        "vms": "--vm",
        "manager.max_per_cluster": "--parallel",
        "parallel": "--parallel",
        "max_downtime_s": "--max-downtime",
        "run.uncertain": "--uncertain",
    }
    if policy:
        found |= {"transfer.policy": policy, "policies": policy}
    return found | ({"strategies": strategy} if strategy else {})


def hosts_in_words(found: Sequence[int], names: Sequence[str] = ()) -> str:
    """Return ascending numbers of hosts in words: ``hosts 0 to 9, 12``; or their names, if given.

    Without a host, it is single VMs that move: ``their hosts``.
    """
    if not found:
        return "their hosts"
    if names:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return f"{'host' if len(names) == 1 else 'hosts'} {', '.join(names[:MOST_NAMED])}{more}"
    runs: list[list[int]] = []
    for each in found:
        if runs and each == runs[-1][-1] + 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    ranges = (f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
    return f"{'host' if len(found) == 1 else 'hosts'} {', '.join(ranges)}"
