"""The server of the page: static files, one WebSocket for each browser, and nothing else.

It is made of Starlette and uvicorn. The page is plain HTML, CSS and JavaScript modules of this
package; it asks no other machine for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from cluster_emu.errors import ScenarioError
from cluster_emu.live.frames import to_json
from cluster_emu.live.security import TOKEN, Access, Guard
from cluster_emu.live.session import Session, process_context
from cluster_emu.live.source import SourceFactory
from cluster_emu.live.worker import BINARY, TEXT
from cluster_emu.observation.palette import palette_script

STATIC = Path(__file__).parent / "static"
MOST_SESSIONS = 24
"""Browsers at once; each has a process of its own."""
MOST_MESSAGE_BYTES = 2**18
TOO_MANY = 1013
NO_OBJECT = to_json(
    {"type": "reply", "id": None, "ok": False, "error": "a message: allowed is an object in JSON"}
)


class LivePage:
    """The page of one source.

    Args:
        factory: makes the lanes of each session.
        access: what a request must show.

    Attributes:
        app: the ASGI application.
        sessions: the sessions of the browsers that are connected.
    """

    def __init__(self, factory: SourceFactory, access: Access) -> None:
        self.sessions: set[Session] = set()
        self._factory = factory
        self._context = process_context()
        routes = [
            Route("/", self._index),
            Route("/config.json", self._config),
            WebSocketRoute("/live", self._live),
            Route("/static/palette.js", self._palette),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        self.app = Guard(Starlette(routes=routes), access)

    async def _index(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")

    async def _config(self, _: Request) -> Response:
        found = {
            what: sorted(f"panels/{path.name}" for path in (STATIC / "panels").glob(f"*.{ending}"))
            for what, ending in (("panels", "js"), ("styles", "css"))
        }
        return JSONResponse(json.loads(to_json({**self._factory.describe(), **found})))

    async def _palette(self, _: Request) -> Response:
        return Response(palette_script(), media_type="text/javascript")

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self.sessions) >= MOST_SESSIONS:
            text = f"{MOST_SESSIONS} browsers have the page open already; close one"
            await socket.send_text(to_json({"type": "fatal", "text": text}))
            await socket.close(TOO_MANY)
            return
        session = Session(self._context, self._factory, dict(socket.query_params))
        self.sessions.add(session)
        try:
            await session.start()
            await self._pass_on(socket, session)
        finally:
            self.sessions.discard(session)
            await asyncio.shield(session.close())

    async def _pass_on(self, socket: WebSocket, session: Session) -> None:
        """Pass on what both sides send, until one of them has gone."""

        async def to_page() -> None:
            while (data := await session.outbox.get()) is not None:
                if data[:1] == BINARY:
                    await socket.send_bytes(data[1:])
                else:
                    await socket.send_text(data[1:].decode())
            await socket.close()

        async def to_process() -> None:
            while (received := await socket.receive())["type"] != "websocket.disconnect":
                text = received.get("text")
                if text is not None and _is_object(text):
                    await session.send(text)
                else:
                    await session.outbox.put(TEXT + NO_OBJECT.encode())

        tasks = [asyncio.create_task(to_page()), asyncio.create_task(to_process())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises:
        ScenarioError: if the address or the port cannot be had; it names the option.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
    except (OSError, UnicodeError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        if isinstance(error, socket.gaierror | UnicodeError):
            raise ScenarioError("--host", host, f"an address of this machine ({why})") from error
        if port == 0:
            raise ScenarioError("--host", host, f"an address of this machine ({why})") from error
        raise ScenarioError("--port", port, f"a port that is free at {host} ({why})") from error
    listening.listen(128)
    return listening


def address_of(listening: socket.socket, access: Access) -> str:
    """Return the address to open in a browser, with the token if one is needed."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    token = f"?{TOKEN}={access.token}" if access.token else ""
    return f"http://{shown}:{port}/{token}"


def serve_page(
    factory: SourceFactory,
    listening: socket.socket,
    access: Access,
    ready: Callable[[str], None],
) -> None:
    """Serve the page until a signal ends it.

    Args:
        factory: makes the lanes of each session.
        listening: the socket to serve on.
        access: what a request must show.
        ready: is called with the address once the page can be opened.
    """
    page = LivePage(factory, access)
    config = uvicorn.Config(
        page.app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=MOST_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # on one machine it costs time and saves none
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    server = uvicorn.Server(config)

    async def main() -> None:
        async def announce() -> None:
            while not server.started:
                await asyncio.sleep(0.01)
            ready(address_of(listening, access))

        announcing = asyncio.create_task(announce())
        await server.serve(sockets=[listening])
        announcing.cancel()

    asyncio.run(main())
