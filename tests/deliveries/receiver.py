"""A back end that takes events: a real HTTP server on loopback, which answers what a test wants."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Headers = dict[str, str]
Answer = Callable[["Receiver", Headers, dict[str, Any]], bytes]

OK = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass
class Receiver:
    """`taken` are the bodies that were answered 2xx, in order; `seen` all of them with their headers. `hold` keeps answers back."""

    port: int = 0
    answer: Answer = lambda _receiver, _headers, _body: OK
    seen: list[tuple[Headers, bytes]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?of=billgraph"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        headers["request"] = lines[0]
        body = await reader.readexactly(int(headers["content-length"]))
        self.seen.append((headers, body))
        answer = self.answer(self, headers, json.loads(body))
        if self.hold is not None:
            await self.hold.wait()
        if answer.startswith(b"HTTP/1.1 2"):
            self.taken.append(json.loads(body))
        writer.write(answer)
        await writer.drain()

    def times(self) -> Counter[str]:
        """How often each message id came."""
        return Counter(headers["webhook-id"] for headers, _ in self.seen)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
