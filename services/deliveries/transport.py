"""HTTP over connections of which a bounded number of bytes is read, a few at once, whatever they are of.

A body is not all that an answer may be endless in: so may interim answers, headers and what stands around the parts of a body.
"""

import ssl
from typing import Any

import httpcore
import httpx

MOST_BYTES = 196_608
"""Bytes that are read of a connection, three times what an answer's body may have."""

AT_ONCE = 4096
"""Bytes that are taken apart before others have their turn."""


class Transport(httpx.AsyncHTTPTransport):
    """Keeps no connection, and asks no proxy."""

    def __init__(self, most_connections: int) -> None:
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=most_connections,
            max_keepalive_connections=0,
            network_backend=_Network(),
        )


class _Network(httpcore.AsyncNetworkBackend):
    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(self, *where: Any, **how: Any) -> httpcore.AsyncNetworkStream:
        return _Connection(await self._network.connect_tcp(*where, **how))

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


class _Connection(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream, self._left = stream, MOST_BYTES

    async def read(self, max_bytes: int, *within: Any, **how: Any) -> bytes:
        if self._left <= 0:
            raise httpcore.ReadError
        got = await self._stream.read(min(max_bytes, AT_ONCE, self._left), *within, **how)
        self._left -= len(got)
        return got

    async def write(self, buffer: bytes, *within: Any, **how: Any) -> None:
        await self._stream.write(buffer, *within, **how)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, ssl_context: ssl.SSLContext, *name: Any, **how: Any) -> httpcore.AsyncNetworkStream:
        return _Connection(await self._stream.start_tls(ssl_context, *name, **how))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
