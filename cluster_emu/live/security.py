"""Who may use the page: this machine, or whoever has the access token.

A page on 127.0.0.1 can be reached by any web page that the user opens: with a name that leads to
127.0.0.1 (DNS rebinding), or straight through a WebSocket, which browsers do not keep to one
origin. So requests must name a host that is ours, and a WebSocket must come from our own page.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
SendMessage = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, SendMessage], Awaitable[None]]

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
TOKEN = "token"

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


def is_loopback(host: str) -> bool:
    """Return whether nobody but this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must show.

    Args:
        names: the names and addresses under which the page may be asked for.
        token: the token it must bring, None for none.
        any_address: whether any IP address is a good name, too, as where the server listens on all
            of them; DNS rebinding needs a name.
    """

    names: frozenset[str] = LOCAL_NAMES
    token: str | None = None
    any_address: bool = False

    @classmethod
    def to(cls, host: str, own_name: str) -> Access:
        """Return what is asked for by a server that listens on `host` of a machine `own_name`."""
        if is_loopback(host):
            return cls(LOCAL_NAMES | {host.strip("[]")})
        names = LOCAL_NAMES | {host.strip("[]").lower(), own_name.lower()}
        return cls(names, secrets.token_urlsafe(24), any_address=True)

    def allows_host(self, header: str) -> bool:
        """Return whether a Host header names this server."""
        name = _without_port(header).lower()
        if name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.any_address

    def allows_token(self, given: str) -> bool:
        """Return whether this is the token, where one is asked for."""
        if self.token is None:
            return True
        return hmac.compare_digest(given.encode(), self.token.encode())


class Guard:
    """Refuses requests that do not show what `Access` asks for, before the app sees them.

    A token in the address is kept in a cookie, which scripts cannot read and other sites do not
    get sent, and is taken out of the address, at every visit.

    Args:
        app: what is guarded.
        access: what a request must show.
    """

    def __init__(self, app: App, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: SendMessage) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        host = headers.get("host", "")
        if not self._access.allows_host(host):
            await _refuse(scope, send, 400, f"unknown host {host[:100]!r}")
            return
        if scope["type"] == "websocket" and not _same_origin(headers.get("origin"), host):
            await _refuse(scope, send, 403, "a WebSocket from another origin")
            return
        has_cookie = self._access.allows_token(
            _cookie(headers.get("cookie", ""), _cookie_name(host))
        )
        query = _query(scope)
        given = [value for name, value in query if name == TOKEN]
        if (
            scope["type"] == "http"
            and given
            and (has_cookie or self._access.allows_token(given[0]))
        ):
            await self._welcome([pair for pair in query if pair[0] != TOKEN], send, host)
        elif has_cookie:
            await self._app(scope, receive, _with_headers(send))
        else:
            await _refuse(
                scope, send, 401, "the address must have the access token that is printed"
            )

    async def _welcome(
        self, query: Sequence[tuple[str, str]], send: SendMessage, host: str
    ) -> None:
        """Set the cookie, and lead to the page without the token; never to another path or host."""
        path = "/" + (f"?{urlencode(query)}" if query else "")
        headers = [(b"location", path.encode())]
        if self._access.token is not None:
            cookie = f"{_cookie_name(host)}={self._access.token}; Path=/; HttpOnly; SameSite=Strict"
            headers.append((b"set-cookie", cookie.encode()))
        await send({"type": "http.response.start", "status": 303, "headers": [*headers, *HEADERS]})
        await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, send: SendMessage, status: int, why: str) -> None:
    if scope["type"] == "websocket":  # closing before accepting is HTTP 403
        await send({"type": "websocket.close", "code": 1008, "reason": why[:100]})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"cluster-emu: {why}\n".encode()})


def _with_headers(send: SendMessage) -> SendMessage:
    async def add(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return add


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


def _same_origin(origin: str | None, host: str) -> bool:
    """Return whether a page from the very host and port that were asked for sends this."""
    return origin in (f"http://{host}", f"https://{host}")


def _cookie_name(host: str) -> str:
    """Return the name of the cookie: cookies do not tell ports apart, so its name does."""
    port = host.rpartition(":")[2]
    return f"cluster-emu-{port}" if port.isdecimal() else "cluster-emu"


def _cookie(header: str, name: str) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(header)
    except CookieError:
        return ""
    return str(cookies[name].value) if name in cookies else ""


def _query(scope: Scope) -> list[tuple[str, str]]:
    """Return names and values of the address; any bytes may stand in it."""
    query: bytes = scope["query_string"]
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)
