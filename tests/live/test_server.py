"""The command as it runs: whom it refuses, and that sessions end with their page."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from cluster_emu.live.frames import Frame
from tests._support.live_page import live_page


@dataclass(frozen=True)
class Answer:
    status: int
    cookie: str


def get(address: str, path: str = "/", **headers: str) -> Answer:
    place = urlsplit(address)
    assert place.hostname is not None
    with closing(HTTPConnection(place.hostname, place.port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return Answer(answer.status, str(answer.getheader("set-cookie")).partition(";")[0])


@pytest.mark.slow
def test_who_is_refused_on_this_machine() -> None:
    with live_page("single") as address:
        assert address.startswith("http://127.0.0.1:")
        assert get(address).status == 200
        assert get(address, Host="evil.example").status == 400
        assert get(address, "/static/../../model.py").status == 404
        assert get(address, "/static/%2e%2e/%2e%2e/model.py").status == 404
        web = address.replace("http", "ws") + "live"
        for origin in ("http://evil.example", None):
            with pytest.raises(InvalidStatus, match="403"), connect(web, origin=origin):
                pass
        with connect(web, origin=address.rstrip("/")) as page:
            assert json.loads(page.recv(timeout=30))["type"] == "notice"


@pytest.mark.slow
def test_other_machines_need_the_token() -> None:
    with live_page("single", "--host", "0.0.0.0") as address:
        place = urlsplit(address)
        assert place.query.startswith("token=")
        local = f"http://127.0.0.1:{place.port}/"
        assert get(local).status == 401
        assert get(local, "/static/main.js").status == 401
        assert get(local, f"/?token={'x' * 32}").status == 401
        welcome = get(local, f"/?{place.query}")
        assert welcome.status == 303
        assert get(local, Cookie=welcome.cookie).status == 200
        web = local.replace("http", "ws") + "live"
        with (
            pytest.raises(InvalidStatus, match="403"),
            connect(web, origin=local.rstrip("/")),
        ):
            pass


@pytest.mark.slow
def test_no_message_ends_the_session() -> None:
    malformed: list[str | bytes] = [
        b"\xff\xfe",
        b"{}",
        "",
        "no JSON",
        "[1, 2]",
        "null",
        "[" * 100_000,
        "1" * 10_000,
        '{"do": "details", "kind": ["host"], "number": 0}',
        '{"do": "details", "kind": "host", "number": 1e400}',
        '{"do": "restart", "settings": {"seed": {}}}',
        '{"do": "search", "text": "\\u00b2"}',
        '{"do": "act", "action": {"do": ["drain"]}}',
        '{"do": "panel", "name": ["gantt"], "arguments": {"lanes": []}}',
        '{"do": {}}',
    ]
    with live_page("single") as address:
        web = address.replace("http", "ws") + "live"
        with connect(web, origin=address.rstrip("/")) as page:
            for message in malformed:
                page.send(message)
            page.send('{"do": "pause", "id": 7}')
            replies: list[dict[str, object]] = []
            while not replies or replies[-1]["id"] != 7:
                data = page.recv(timeout=30)
                if isinstance(data, str) and (one := json.loads(data))["type"] == "reply":
                    replies.append(one)
    assert len(replies) == len(malformed) + 1
    found = [reply["ok"] for reply in replies]
    search = malformed.index('{"do": "search", "text": "\\u00b2"}')
    assert [place for place, ok in enumerate(found) if ok] == [search, len(malformed)]


def children(process: int) -> set[int]:
    command = ["ps", "-o", "pid=", "--ppid", str(process)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return {int(text) for text in found.stdout.split()}


def sessions() -> set[int]:
    """Return all processes of the servers that this process has started."""
    servers = children(os.getpid())
    below = set[int]().union(*map(children, servers))
    return below.union(*map(children, below))


@pytest.mark.slow
def test_a_session_ends_with_its_page() -> None:
    with live_page("single") as address:
        web = address.replace("http", "ws") + "live?seed=4"
        with connect(web, origin=address.rstrip("/")) as page:
            page.recv(timeout=30)
        time.sleep(2)
        before = sessions()
        with connect(web, origin=address.rstrip("/")) as page:
            first = [page.recv(timeout=30) for _ in range(4)]
            during = sessions()
        frame = Frame.unpack(next(one for one in first if isinstance(one, bytes)))
        assert frame.header["time_s"] == 0
        assert len(during - before) == 1
        end_s = time.monotonic() + 10
        while sessions() - before and time.monotonic() < end_s:
            time.sleep(0.1)
        assert not sessions() - before


@pytest.mark.slow
def test_settings_that_are_not_allowed_are_answered_in_words() -> None:
    with live_page("single") as address:
        web = address.replace("http", "ws") + "live?strategy=qemuu"
        with connect(web, origin=address.rstrip("/")) as page:
            messages = [json.loads(page.recv(timeout=30)) for _ in range(2)]
    assert messages[-1]["type"] == "fatal"
    assert "qemu" in messages[-1]["text"]
