"""How a command ends on an error: with one message and an exit status."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from contextvars import ContextVar
from typing import Any

import typer
from typer.core import TyperGroup

from cluster_emu.cli.output import write_message
from cluster_emu.errors import ClusterEmuError, WorkerDiedError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

_until_the_end: ContextVar[ExitStack] = ContextVar("until_the_end")


def hold(resource: AbstractContextManager[object]) -> None:
    """Enter a context that ends with the command that runs, such as the lock of a folder."""
    _until_the_end.get().enter_context(resource)


class Commands(TyperGroup):
    """The commands of cluster-emu; an error the user can do something about is no traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn bad input, dead workers and Ctrl-C into their exit status."""
        try:
            with ExitStack() as resources:
                _until_the_end.set(resources)
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
