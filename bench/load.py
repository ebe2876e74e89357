"""A small load generator: keep-alive connections, one request at a time on each."""

import asyncio
import itertools
import time
from collections.abc import Iterator

ENOUGH = 10.0


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One HTTP/1.1 request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send one request, answer its status and body."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    length = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length"))
    return int(head[0].split(" ")[1]), await reader.readexactly(length)


async def _sender(port: int, requests: Iterator[bytes], until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.perf_counter() < until and (request := next(requests, None)) is not None:
        status, body = await asyncio.wait_for(exchange(reader, writer, request), ENOUGH)
        if status != 200 or b'"errors"' in body:
            raise RuntimeError(f"{status}: {body[:500]!r}")
        done += 1
    writer.close()
    await writer.wait_closed()
    return done


async def rate(port: int, requests: Iterator[bytes] | bytes, senders: int, seconds: float) -> float:
    """Requests answered a second by the server at `port`, `senders` connections at once, for at most `seconds`."""
    supply = itertools.repeat(requests) if isinstance(requests, bytes) else requests
    begun = time.perf_counter()
    done = await asyncio.gather(*(_sender(port, supply, begun + seconds) for _ in range(senders)))
    return sum(done) / (time.perf_counter() - begun)
