"""Rolling maintenance: hosts are emptied and rebooted one after the other."""

from cluster_emu.maintenance.campaign import Campaign, HostPhase, HostRecord, waves_of
from cluster_emu.maintenance.targets import Targets

__all__ = ["Campaign", "HostPhase", "HostRecord", "Targets", "waves_of"]
