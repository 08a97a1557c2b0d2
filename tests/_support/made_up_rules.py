"""Rules that no strategy has, for theorems about all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cluster_emu.strategies import Decision


@dataclass(frozen=True)
class SendSet:
    """A made-up filter: the codes that are sent once the page is due, anything else is skipped."""

    codes: frozenset[int]
    code_bits: int
    to_send: str
    peeks: int = 1
    peek_batch_pages: int = 1

    def table(self, round_number: int) -> np.ndarray:
        sends = [Decision.SEND if code in self.codes else Decision.SKIP for code in self._columns]
        return np.array([[Decision.NOT_DUE] * len(sends), sends])

    @property
    def _columns(self) -> range:
        return range(2**self.code_bits)
