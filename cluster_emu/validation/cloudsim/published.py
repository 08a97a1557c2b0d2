"""What CloudSim 4.0 gives for the same traces on the same hosts, where that is known."""

from __future__ import annotations

import tomllib
from functools import cache
from hashlib import sha256
from importlib.resources import files

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from cluster_emu.validation.cloudsim._kernels import Floats


class PublishedFigures(BaseModel):
    """CloudSim's figures for a policy; None where they are not known. See `CloudSimDay`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    energy_kwh: float
    migrations: int
    slatah: float | None = None
    pdm: float | None = None
    host_shutdowns: int | None = None
    slav: float | None = None
    overall_sla_violation: float | None = None
    average_sla_violation: float | None = None
    mean_before_shutdown_s: float | None = None
    sd_before_shutdown_s: float | None = None
    mean_migration_s: float | None = None
    sd_migration_s: float | None = None
    mean_active_hosts: float | None = None
    wall_s: float | None = None


class PublishedDay(BaseModel):
    """CloudSim's figures for a set of traces in one order, on so many hosts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    traces: str
    traces_sha256: str
    hosts: int
    policies: dict[str, PublishedFigures]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    source: str
    day: list[PublishedDay]


def traces_digest(samples: Floats) -> str:
    """Return the SHA-256 of traces in whole percent, one byte per sample, VM after VM.

    It knows a day by what its files hold and by their order, not by their names.
    """
    return sha256(np.rint(100.0 * samples).astype(np.uint8).tobytes()).hexdigest()


def published_figures(digest: str, hosts: int, policy: str) -> PublishedFigures | None:
    """Return CloudSim's figures, or None where it was not run on these traces and hosts."""
    for day in _published().day:
        if day.traces_sha256 == digest and day.hosts == hosts:
            return day.policies.get(policy)
    return None


def published_source() -> str:
    """Return in words where the figures come from."""
    return _published().source


@cache
def _published() -> _File:
    text = (files("cluster_emu.validation.cloudsim") / "published.toml").read_text("utf-8")
    return TypeAdapter(_File).validate_python(tomllib.loads(text))
