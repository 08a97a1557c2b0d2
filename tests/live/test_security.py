"""The guard refuses what does not come from our own page or lacks the token."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from cluster_emu.live.security import Access, Guard, is_loopback

LOCAL = Access.to("127.0.0.1", "box")
OPEN = Access.to("0.0.0.0", "box")


def ask(
    access: Access,
    kind: str = "http",
    query: str | bytes = "",
    path: str = "/",
    **headers: str,
) -> dict[str, Any]:
    """Return the first message of the answer, with `passed` if the app was asked."""
    answers: list[MutableMapping[str, Any]] = []
    passed: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(True)
        await send({"type": f"{kind}.response.start", "status": 200, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": f"{kind}.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(message)

    scope = {
        "type": kind,
        "path": path,
        "query_string": query.encode() if isinstance(query, str) else query,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Guard(app, access)(scope, receive, send))
    return {**answers[0], "passed": bool(passed)}


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_our_own_names_pass(host: str) -> None:
    assert ask(LOCAL, host=host)["passed"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1:80", ""]
)
def test_another_host_header_is_refused(host: str) -> None:
    answer = ask(LOCAL, host=host)
    assert not answer["passed"]
    assert answer["status"] == 400


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:9999", "null", "http://127.0.0.1:80.evil.example"],
)
def test_a_websocket_of_another_page_is_refused(origin: str) -> None:
    answer = ask(LOCAL, "websocket", host="127.0.0.1:80", origin=origin)
    assert not answer["passed"]
    assert answer["type"] == "websocket.close"


def test_a_websocket_without_an_origin_is_refused() -> None:
    assert not ask(LOCAL, "websocket", host="127.0.0.1:80")["passed"]


def test_a_websocket_of_our_own_page_passes() -> None:
    assert ask(LOCAL, "websocket", host="127.0.0.1:80", origin="http://127.0.0.1:80")["passed"]


def test_other_machines_need_the_token() -> None:
    assert OPEN.token is not None
    assert len(OPEN.token) >= 32
    for query in ("", "token=", "token=wrong", "token=" + OPEN.token[:-1]):
        answer = ask(OPEN, query=query, host="10.0.0.1:80")
        assert not answer["passed"]
        assert answer["status"] == 401
    assert not ask(OPEN, "websocket", host="10.0.0.1:80", origin="http://10.0.0.1:80")["passed"]


def test_the_token_becomes_a_cookie_and_leaves_the_address() -> None:
    answer = ask(OPEN, query=f"seed=3&token={OPEN.token}", host="10.0.0.1:80")
    headers = dict(answer["headers"])
    assert answer["status"] == 303
    assert headers[b"location"] == b"/?seed=3"
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie

    given = cookie.partition(";")[0]
    assert ask(OPEN, host="10.0.0.1:80", cookie=given)["passed"]
    assert not ask(OPEN, host="10.0.0.1:80", cookie=given + "x")["passed"]
    assert not ask(OPEN, host="10.0.0.1:81", cookie=given)["passed"]  # another server's
    web = {"host": "10.0.0.1:80", "cookie": given}
    assert ask(OPEN, "websocket", **web, origin="http://10.0.0.1:80")["passed"]
    assert not ask(OPEN, "websocket", **web, origin="http://evil.example")["passed"]


def cookie_of(access: Access) -> str:
    welcome = ask(access, query=f"token={access.token}", host="10.0.0.1:80")
    cookie: bytes = dict(welcome["headers"])[b"set-cookie"]
    return cookie.decode().partition(";")[0]


def test_a_second_visit_loses_the_token_again() -> None:
    answer = ask(
        OPEN, query=f"token={OPEN.token}&seed=3", host="10.0.0.1:80", cookie=cookie_of(OPEN)
    )
    assert not answer["passed"]
    assert answer["status"] == 303
    assert dict(answer["headers"])[b"location"] == b"/?seed=3"


@pytest.mark.parametrize("query", ["token=old", "token=", "token=a&token=b"])
def test_any_token_in_the_address_is_taken_out(query: str) -> None:
    for access, headers in (
        (OPEN, {"host": "10.0.0.1:80", "cookie": cookie_of(OPEN)}),
        (LOCAL, {"host": "127.0.0.1:80"}),
    ):
        answer = ask(access, query=query, **headers)
        assert answer["status"] == 303
        assert dict(answer["headers"])[b"location"] == b"/"
    assert b"set-cookie" not in dict(ask(LOCAL, query=query, host="localhost")["headers"])


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "//evil.example/%2f.."])
def test_the_token_never_leads_to_another_host(path: str) -> None:
    answer = ask(OPEN, query=f"token={OPEN.token}&seed=1", path=path, host="10.0.0.1:80")
    assert dict(answer["headers"])[b"location"] == b"/?seed=1"


def test_bytes_that_are_no_text_are_answered() -> None:
    token = str(OPEN.token).encode()
    for query in (b"\xff&token=" + token, b"seed=\xff\xfe&token=" + token, b"a=%ff&token=" + token):
        answer = ask(OPEN, query=query, host="10.0.0.1:80")
        assert answer["status"] == 303
        location: bytes = dict(answer["headers"])[b"location"]
        assert location.startswith(b"/?")
        assert location.isascii()
    for query in (b"\xff", b"token=\xff", b"token=%ff%fe"):
        assert ask(OPEN, query=query, host="10.0.0.1:80")["status"] == 401


def test_every_answer_forbids_other_sources() -> None:
    for answer in (ask(LOCAL, host="localhost"), ask(LOCAL, host="evil.example")):
        policy = dict(answer["headers"])[b"content-security-policy"].decode()
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.4", False),
        ("box", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    assert (Access.to(host, "box").token is None) is loopback
