"""Commands typed in this process."""

from __future__ import annotations

from tests.cli.conftest import emu as emu
