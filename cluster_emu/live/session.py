"""One browser: a process that plays for it, and ends when the browser has gone."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from cluster_emu.live.source import SourceFactory
from cluster_emu.live.worker import serve

PRELOADED = ["cluster_emu.live.live_source", "cluster_emu.live.worker"]
END_WITHIN_S = 2.0


def process_context() -> BaseContext:
    """Return how the processes of sessions are started.

    Where there is a fork server, it loads the model once, and a session begins in milliseconds.
    """
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        return context
    return multiprocessing.get_context("spawn")


class Session:
    """A process that plays, seen from the event loop of the server.

    Args:
        context: starts the process.
        factory: makes the lanes.
        settings: the settings in the address of the page.

    Attributes:
        outbox: what the process sends to the page: its first byte says of which kind it is, see
            `worker`; None once it has ended.
    """

    def __init__(
        self, context: BaseContext, factory: SourceFactory, settings: Mapping[str, str]
    ) -> None:
        self.outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._context = context
        self._factory = factory
        self._settings = settings
        self._connection: Connection | None = None
        self._process: BaseProcess | None = None

    @property
    def process_number(self) -> int | None:
        """Number of the process, None before it was started."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process."""
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._start)
        threading.Thread(
            target=self._read, args=(loop,), name="cluster-emu-session", daemon=True
        ).start()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(  # type: ignore[attr-defined]
            target=serve, args=(theirs, self._factory, self._settings), daemon=True
        )
        process.start()
        theirs.close()
        self._connection, self._process = ours, process

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass on what the process sends, in a thread of its own."""
        connection = self._connection
        assert connection is not None
        data: bytes | None = b""
        while data is not None:
            try:
                data = connection.recv_bytes()
            except (EOFError, OSError):
                data = None
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.outbox.put_nowait, data)

    async def send(self, text: str) -> None:
        """Send a message of the page to the process."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):  # it has ended, which `outbox` tells
                await asyncio.to_thread(connection.send_bytes, text.encode())

    async def close(self) -> None:
        """End the process and let go of everything."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        process = self._process
        if process is not None:
            process.terminate()
            process.join(END_WITHIN_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
