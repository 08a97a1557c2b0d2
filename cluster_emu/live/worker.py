"""The process of one session: it plays, and talks to the server through a pipe."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Mapping
from multiprocessing.connection import Connection

from cluster_emu.errors import ClusterEmuError
from cluster_emu.live.frames import to_json
from cluster_emu.live.player import Player, Send
from cluster_emu.live.source import SourceFactory

MESSAGES_AT_ONCE = 100

BINARY, TEXT = b"B", b"T"
"""The first byte of what goes to the server: a frame, or a message in JSON."""

log = logging.getLogger("cluster_emu.live")


def serve(connection: Connection, factory: SourceFactory, settings: Mapping[str, str]) -> None:
    """Play until the server closes its end of the pipe.

    Args:
        connection: takes messages of the page as JSON, gives frames and messages to the page.
        factory: makes the lanes.
        settings: the settings in the address of the page.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which closes the pipe

    def send(data: bytes | str) -> None:
        connection.send_bytes(BINARY + data if isinstance(data, bytes) else TEXT + data.encode())

    try:
        _play(connection, factory, settings, send)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the browser or the server has gone
    except ClusterEmuError as error:
        send(to_json({"type": "fatal", "text": str(error)}))
    except Exception as error:
        log.exception("a session has ended")
        text = f"internal error: {type(error).__name__}: {error}"
        send(to_json({"type": "fatal", "text": text}))


def _play(
    connection: Connection, factory: SourceFactory, settings: Mapping[str, str], send: Send
) -> None:
    player = Player(factory, settings, send, is_asked=connection.poll)
    try:
        while True:
            rest_s = player.work()
            for _ in range(MESSAGES_AT_ONCE):
                if not connection.poll(rest_s):
                    break
                rest_s = 0.0
                player.handle(json.loads(connection.recv_bytes()))
    finally:
        player.close()
