"""How a command ends on an error: with one message and an exit status."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cluster_emu.cli.output import warn, write_message
from cluster_emu.cli.streams import abandon_stdout
from cluster_emu.command_line import remember_command_line
from cluster_emu.errors import ClusterEmuError, DiskFullError, ScenarioError, WorkerDiedError
from cluster_emu.plausibility import ImplausibleValueWarning
from cluster_emu.plugin_loading import PluginWarning
from cluster_emu.signals import exit_status, raised

FAILED = 1
BAD_INPUT = 2

OWN_WARNINGS = (ImplausibleValueWarning, PluginWarning)
INTERNAL_ERROR = 70

_until_the_end: ContextVar[ExitStack] = ContextVar("until_the_end")


def hold(resource: AbstractContextManager[object]) -> None:
    """Enter a context that ends with the command that runs, such as the lock of a folder."""
    _until_the_end.get().enter_context(resource)


def interruptible() -> None:
    """Load what the command computes with; from then on a signal ends it in order.

    What has finished is then saved and said, see `signals.raised`.
    """
    import cluster_emu.study  # noqa: F401

    hold(raised())


class Commands(TyperGroup):
    """The commands of cluster-emu; an error the user can do something about is no traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn bad input, dead workers and signals into their exit status."""
        try:
            with _warnings_as_messages(), ExitStack() as resources:
                _until_the_end.set(resources)
                remember_command_line([*ctx._protected_args, *ctx.args])
                return super().invoke(ctx)
        except ClusterEmuError as error:
            write_message(f"cluster-emu: {error}")
            raise typer.Exit(BAD_INPUT) from None
        except (WorkerDiedError, DiskFullError) as error:
            write_message(f"cluster-emu: {error}")
            raise typer.Exit(FAILED) from None
        except BrokenPipeError:
            abandon_stdout()
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt as interrupt:
            write_message("cluster-emu: interrupted")
            raise typer.Exit(exit_status(interrupt)) from None


class Command(TyperCommand):
    """A command that takes an option once, unless the option may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed.

        Raises:
            ScenarioError: if an option is given twice; only its last value would have an effect.
        """
        given = self.make_parser(ctx).parse_args(list(args))[2]
        once = [one for one in given if not (one.multiple or one.nargs == -1)]
        for place, one in enumerate(once):
            if one in once[:place]:
                raise ScenarioError(one.opts[0], "given twice", "this option once")
        return super().parse_args(ctx, args)


@contextmanager
def _warnings_as_messages() -> Iterator[None]:
    """Write the package's own warnings to stderr as messages, each of them once."""
    said: set[str] = set()
    with warnings.catch_warnings():
        show = warnings.showwarning

        def write(
            message: Warning | str, category: type[Warning], *place: Any, **more: Any
        ) -> None:
            if not issubclass(category, OWN_WARNINGS):
                show(message, category, *place, **more)
            elif str(message) not in said:
                said.add(str(message))
                warn([str(message)])

        for own in OWN_WARNINGS:
            warnings.simplefilter("always", own)
        warnings.showwarning = write
        yield
