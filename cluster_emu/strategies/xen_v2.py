"""Xen's present pre-copy: few rounds, no skipping."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Strategy, strategies


@strategies.register("xen-v2")
@dataclass(frozen=True, kw_only=True)
class XenV2(Strategy):
    """Send every page found in the dirty log when the last round ended.

    The decisions are those of `PreCopy`; what sets Xen v2 apart is its stop rule of five rounds.
    """

    name: ClassVar[str] = "xen-v2"
    summary: ClassVar[str] = "pre-copy without skipping, as Xen has done it since 2015"
    source: ClassVar[str] = "Xen tools/libs/guest/xg_sr_save.c (migration v2, 2015 on)"

    @property
    def stop_rule(self) -> str:
        """Return the rule of the same version of Xen."""
        return "xen-v2"
