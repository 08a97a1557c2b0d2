"""Random and evenly spread samples of the axes whose values lie between two ends."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.study.grid.axes import Axis, Number

MOST_POINTS = 2**20
SAMPLE = "sample"
"""The column of the numbers of the points of a sample, from 0."""


class Method(StrEnum):
    """How the points of a sample are chosen."""

    RANDOM = "random"
    LATIN_HYPERCUBE = "latin-hypercube"
    SOBOL = "sobol"
    SALTELLI = "saltelli"


class Sample(BaseModel):
    """How many points are drawn, and by which method.

    "random" draws each point on its own. "latin-hypercube" (McKay et al. 1979) has one value in
    each of n equal parts of every axis. "sobol" takes a scrambled Sobol' sequence, and "saltelli"
    the points from which Sobol' indices are estimated (Saltelli et al. 2010): for each of n base
    points, one more for every axis and another one.

    Args:
        method: the method.
        values: number of points n; a power of two for "sobol" and "saltelli".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = Method.LATIN_HYPERCUBE
    values: Annotated[int, Field(ge=1, le=MOST_POINTS, strict=True)]

    @model_validator(mode="after")
    def _power_of_two(self) -> Self:
        if self.method in (Method.SOBOL, Method.SALTELLI) and self.values.bit_count() != 1:
            raise ValueError(f'a power of two as values, as method is "{self.method}"')
        return self

    def points(self, axes: int) -> int:
        """Return how many points there are in all."""
        return self.values * (axes + 2) if self.method is Method.SALTELLI else self.values

    def drawn(self, axes: Mapping[str, Axis], seed: int) -> list[dict[str, Number]]:
        """Return the points, each with a value for every axis.

        Args:
            axes: the axes whose values are drawn, by path.
            seed: the seed of the study; the same one gives the same points.
        """
        shares = self.shares(len(axes), RandomStreams(seed).generator(Stream.STUDY_SAMPLE))
        return [
            {
                path: axis.drawn(path, share)
                for (path, axis), share in zip(axes.items(), row, strict=True)
            }
            for row in shares.tolist()
        ]

    def shares(self, axes: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Return the points in the unit cube, shape [points, axes]."""
        from scipy.stats import qmc

        if self.method is Method.RANDOM:
            return random.random((self.values, axes))
        if self.method is Method.LATIN_HYPERCUBE:
            return np.asarray(qmc.LatinHypercube(axes, seed=random).random(self.values))
        count = axes if self.method is Method.SOBOL else 2 * axes
        base = np.asarray(qmc.Sobol(count, seed=random).random(self.values))
        return base if self.method is Method.SOBOL else _crossed(base, axes)


def _crossed(base: NDArray[np.float64], axes: int) -> NDArray[np.float64]:
    """Return for each row (a, b): a, then a with the value of b on one axis after another, then b.

    This is the order that SALib's `sobol.analyze` reads without second-order indices.
    """
    first, second = base[:, :axes], base[:, axes:]
    rows = np.repeat(first[:, None, :], axes + 2, axis=1)
    for axis in range(axes):
        rows[:, axis + 1, axis] = second[:, axis]
    rows[:, -1] = second
    return rows.reshape(-1, axes)
