"""A link of limited rate between Unix sockets, shared fairly by all connections.

    python relay.py RATE_BYTES_PER_S LOGFILE LISTEN1=CONNECT1 [LISTEN2=CONNECT2 ...]

The way from source to destination is limited by one token bucket, shared in turns of CHUNK bytes
among the connections that have data waiting: max-min fair, and no capacity is lost while one of
them has. The way back is free. It listens on the sockets it is given and on nothing else. SIGTERM
ends it; then LOGFILE holds the bytes carried by each connection over time.
"""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import sys
import time
from pathlib import Path

CHUNK = 8192
QUEUE = 262_144
"""Bytes that wait per connection: a source that wakes late does not leave the link idle."""
STEP_S = 0.001
LOG_S = 0.05


class Connection:
    """One connection from a source to a destination."""

    def __init__(self, source: socket.socket, connect: str, number: int) -> None:
        self.source, self.number = source, number
        self.destination = socket.socket(socket.AF_UNIX)
        self.destination.connect(connect)
        source.setblocking(False)
        self.waiting = bytearray()
        self.ended = self.broken = False

    def receive(self) -> None:
        """Take what the source has, up to the queue's length."""
        try:
            data = self.source.recv(QUEUE - len(self.waiting))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.waiting += data
        self.ended = self.ended or not data
        self._finish()

    def send(self) -> int:
        """Send one chunk; return its length."""
        data = bytes(self.waiting[:CHUNK])
        try:
            self.destination.sendall(data)
        except OSError:
            self.broken = True
            return 0
        del self.waiting[: len(data)]
        self._finish()
        return len(data)

    def answer(self) -> None:
        """Carry what comes back."""
        try:
            data = self.destination.recv(65_536)
            self.source.setblocking(True)
            self.source.sendall(data)
            self.source.setblocking(False)
        except OSError:
            data = b""
        self.broken = self.broken or not data

    def close(self) -> None:
        """Close both ends."""
        for end in (self.source, self.destination):
            with contextlib.suppress(OSError):
                end.close()

    def _finish(self) -> None:
        if self.ended and not self.waiting:
            with contextlib.suppress(OSError):
                self.destination.shutdown(socket.SHUT_WR)


class Relay:
    """All connections over one link.

    Args:
        rate: byte/s of the link.
        pairs: (socket to listen on, socket to connect to) of each connection.
    """

    def __init__(self, rate: float, pairs: list[tuple[str, str]]) -> None:
        self.rate = rate
        self.carried = [0] * len(pairs)
        self.series: list[list[float]] = []
        self.stopped = False
        self._listeners = []
        for listen, _ in pairs:
            Path(listen).unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(listen)
            listener.listen(4)
            self._listeners.append(listener)
        self._connect = [connect for _, connect in pairs]
        self._connections: list[Connection] = []
        self._tokens, self._turn = 0.0, 0

    def run(self) -> None:
        """Carry bytes until it is stopped."""
        last_s = logged_s = time.monotonic()
        while not self.stopped:
            backlog = any(one.waiting for one in self._connections)
            self._receive(STEP_S if backlog else LOG_S)
            now_s = time.monotonic()
            burst = self.rate * 0.08 if backlog else max(2 * CHUNK, self.rate * 0.004)
            self._tokens = min(burst, self._tokens + (now_s - last_s) * self.rate)
            last_s = now_s
            self._send()
            for one in [each for each in self._connections if each.broken]:
                one.close()
                self._connections.remove(one)
            if now_s - logged_s >= LOG_S:
                logged_s = now_s
                self.series.append([round(time.time(), 3), *self.carried])
            if self._tokens < CHUNK:
                time.sleep(STEP_S)

    def _receive(self, longest_s: float) -> None:
        sources = {
            one.source: one
            for one in self._connections
            if not one.ended and len(one.waiting) < QUEUE
        }
        answers = {one.destination: one for one in self._connections}
        ready, _, _ = select.select([*self._listeners, *sources, *answers], [], [], longest_s)
        for each in ready:
            if each in sources:
                sources[each].receive()
            elif each in answers:
                answers[each].answer()
            else:
                number = self._listeners.index(each)
                accepted, _ = each.accept()
                self._connections.append(Connection(accepted, self._connect[number], number))

    def _send(self) -> None:
        while self._tokens >= CHUNK:
            waiting = [one for one in self._connections if one.waiting and not one.broken]
            if not waiting:
                return
            self._turn += 1
            one = waiting[self._turn % len(waiting)]
            sent = one.send()
            self._tokens -= sent
            self.carried[one.number] += sent


def main() -> None:
    """Run a relay until SIGTERM."""
    rate, log = float(sys.argv[1]), Path(sys.argv[2])
    pairs = [tuple(argument.split("=", 1)) for argument in sys.argv[3:]]
    relay = Relay(rate, pairs)

    def stop(*_: object) -> None:
        relay.stopped = True

    signal.signal(signal.SIGTERM, stop)
    print("relay ready", flush=True)
    relay.run()
    log.write_text(json.dumps({"rate": rate, "series": relay.series}))


if __name__ == "__main__":
    main()
