"""How a command ends on an error: with one message and an exit status."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from cluster_emu.cli.output import write_message
from cluster_emu.errors import ClusterEmuError, WorkerDiedError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


class Commands(TyperGroup):
    """The commands of cluster-emu; an error the user can do something about is no traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn bad input, dead workers and Ctrl-C into their exit status."""
        try:
            return super().invoke(ctx)
        except ClusterEmuError as error:
            write_message(f"cluster-emu: {error}")
            raise typer.Exit(BAD_INPUT) from None
        except WorkerDiedError as error:
            write_message(f"cluster-emu: {error}")
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            write_message("cluster-emu: interrupted")
            raise typer.Exit(INTERRUPTED) from None
