"""CloudSim's PlanetLab benchmark by CloudSim's own rules; no scenario can reach it."""

from cluster_emu.validation.cloudsim.agreement import CloudSimAgreement, validate_cloudsim
from cluster_emu.validation.cloudsim.day import CloudSimDay, SlatahCauses, simulate_day
from cluster_emu.validation.cloudsim.policies import POLICIES, Policy
from cluster_emu.validation.cloudsim.published import PublishedFigures, published_source
from cluster_emu.validation.cloudsim.quirks import Quirks

__all__ = [
    "POLICIES",
    "CloudSimAgreement",
    "CloudSimDay",
    "Policy",
    "PublishedFigures",
    "Quirks",
    "SlatahCauses",
    "published_source",
    "simulate_day",
    "validate_cloudsim",
]
