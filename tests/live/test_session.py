"""A session: what waits for a page that does not read is bounded, and its end leaves nothing."""

from __future__ import annotations

import asyncio
import json
import threading

from cluster_emu import load_scenario
from cluster_emu.live.live_source import LiveFactory
from cluster_emu.live.session import MOST_WAITING, Session, process_context

ASKED = 150


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "cluster-emu-session"]


async def ask_without_reading(session: Session) -> None:
    """Ask for more than the outbox holds, and wait until it is full."""
    for number in range(ASKED):
        await session.send(json.dumps({"do": "nothing", "id": number}))
    for _ in range(600):
        if session.outbox.full():
            return
        await asyncio.sleep(0.05)


async def answers(session: Session) -> list[int]:
    found: list[int] = []
    while len(found) < ASKED:
        data = await asyncio.wait_for(session.outbox.get(), 30)
        assert data is not None
        if data[:1] == b"T" and (message := json.loads(data[1:]))["type"] == "reply":
            found.append(message["id"])
    return found


async def one_session() -> None:
    session = Session(process_context(), LiveFactory(load_scenario("single")), {})
    await session.start()
    await ask_without_reading(session)
    await asyncio.sleep(0.3)
    assert session.outbox.qsize() == MOST_WAITING
    assert await answers(session) == list(range(ASKED))  # none is lost

    await ask_without_reading(session)
    assert session.outbox.full()
    assert len(readers()) == 1
    await asyncio.wait_for(session.close(), 10)
    assert not readers()
    await session.send("{}")  # of a page that is late


def test_the_outbox_is_bounded_and_a_full_one_does_not_hold_up_the_end() -> None:
    asyncio.run(one_session())
