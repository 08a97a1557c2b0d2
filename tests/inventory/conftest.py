"""The command in this process."""

from tests.cli.conftest import emu

__all__ = ["emu"]
