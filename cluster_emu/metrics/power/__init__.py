"""Electric power of hosts as a function of their CPU utilisation, and the energy over time."""

from cluster_emu.metrics.power.calibrated import CalibratedPower
from cluster_emu.metrics.power.columns import JOULES_PER_KWH, EnergyMeter, PowerColumns
from cluster_emu.metrics.power.contract import PowerModel, power_models
from cluster_emu.metrics.power.even_lines import EvenLines
from cluster_emu.metrics.power.idle_fraction import IdleFractionPower
from cluster_emu.metrics.power.linear import LinearPower
from cluster_emu.metrics.power.powers_of_load import CubicPower, SquarePower, SquareRootPower
from cluster_emu.metrics.power.specpower import PowerTable, SpecPower, load_power_tables

__all__ = [
    "JOULES_PER_KWH",
    "CalibratedPower",
    "CubicPower",
    "EnergyMeter",
    "EvenLines",
    "IdleFractionPower",
    "LinearPower",
    "PowerColumns",
    "PowerModel",
    "PowerTable",
    "SpecPower",
    "SquarePower",
    "SquareRootPower",
    "load_power_tables",
    "power_models",
]
