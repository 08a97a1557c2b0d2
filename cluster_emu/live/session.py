"""One browser: a process that plays for it, and ends when the browser has gone."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from cluster_emu.live.source import SourceFactory
from cluster_emu.live.worker import serve

PRELOADED = ["cluster_emu.live.live_source", "cluster_emu.live.worker"]
END_WITHIN_S = 2.0
MOST_WAITING = 64
"""Messages that wait for the page at most; the process rests until it takes them."""
LOOK_S = 0.2
"""How often a full outbox is looked at for whether the session ends."""


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
            `worker`; None once it has ended. It holds `MOST_WAITING` at most.
    """

    def __init__(
        self, context: BaseContext, factory: SourceFactory, settings: Mapping[str, str]
    ) -> None:
        self.outbox: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        self._context = context
        self._factory = factory
        self._settings = settings
        self._connection: Connection | None = None
        self._process: BaseProcess | None = None
        self._reader: threading.Thread | None = None
        self._ends = threading.Event()
        self._sending = threading.Lock()

    async def start(self) -> None:
        """Start the process."""
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._start)
        self._reader = threading.Thread(
            target=self._read, args=(loop,), name="cluster-emu-session", daemon=True
        )
        self._reader.start()

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
            if not self._hand_over(data, loop):
                return

    def _hand_over(self, data: bytes | None, loop: asyncio.AbstractEventLoop) -> bool:
        """Wait until there is room in the outbox; return False if the session ends meanwhile."""
        put = self.outbox.put(data)
        try:
            waiting = asyncio.run_coroutine_threadsafe(put, loop)
        except RuntimeError:  # the loop has ended
            put.close()
            return False
        while not self._ends.is_set():
            try:
                waiting.result(LOOK_S)
            except TimeoutError:
                continue
            except CancelledError:  # with the loop
                return False
            return True
        waiting.cancel()
        return False

    async def send(self, text: str) -> None:
        """Send a message of the page to the process."""
        await asyncio.to_thread(self._send, text.encode())

    def _send(self, data: bytes) -> None:
        with self._sending, contextlib.suppress(OSError):  # it has ended, which `outbox` tells
            if self._connection is not None:
                self._connection.send_bytes(data)

    async def close(self) -> None:
        """End the process and let go of everything."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._ends.set()
        process = self._process
        if process is not None:
            process.terminate()
            process.join(END_WITHIN_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
            self._process = None
        if self._reader is not None:  # the end of the process has ended what it waits for
            self._reader.join(END_WITHIN_S)
            self._reader = None
        with self._sending:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
