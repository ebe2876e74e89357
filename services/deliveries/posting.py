"""Posting to other people's servers, which may be slow, huge, or lead astray."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from services.deliveries.targets import Address, Target, TargetRefused, addresses_of, target_of
from services.deliveries.transport import Transport

LIMIT = 10.0
"""Seconds that an attempt takes at most, from looking up the name to the end of the answer."""

MOST_READ = 65_536
"""Bytes of an answer's body that are read."""

MOST_ADDRESSES = 4
"""Addresses of one name that are tried, where no connection is had."""

CONNECTING = LIMIT / MOST_ADDRESSES
"""Seconds that a connection to one of several addresses may take: the next may answer where this one drops what it is sent."""

MOST_CONNECTIONS = 800
"""As many as all destinations together may have under way: none waits for a connection that slow ones hold."""


class NotTaken(Exception):
    """The event was not taken; the message says why, `code` is the answer's status if there was one."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message, self.code = message, code


class Poster:
    """Posts to checked addresses, a connection for each: none is kept, so that none that was checked for one name serves another.

    No proxy of the environment is asked, redirects are not followed, and what is answered is read to its bound and dropped.
    """

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._transport = Transport(MOST_CONNECTIONS)

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close what is open."""
        await self._transport.aclose()

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """The status that it was taken with (2xx). Raises NotTaken, ten seconds after the beginning at the latest."""
        try:
            async with asyncio.timeout(LIMIT):
                return await self._post(target_of(url, private=self._private), content, headers)
        except TimeoutError:
            raise NotTaken(f"It did not answer within {LIMIT:.0f} seconds.") from None
        except TargetRefused as refused:
            raise NotTaken(str(refused)) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotTaken(f"The connection failed ({type(error).__name__}).") from None

    async def _post(self, target: Target, content: bytes, headers: Mapping[str, str]) -> int:
        *others, last = (await addresses_of(target))[:MOST_ADDRESSES]
        for address in others:
            try:
                return await self._post_to(address, target, content, headers, CONNECTING)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._post_to(last, target, content, headers, LIMIT)

    async def _post_to(self, address: Address, target: Target, content: bytes, headers: Mapping[str, str], connecting: float) -> int:
        """The URL names the address; the server's certificate is checked for the name.

        Not by a client of httpx: that takes redirects apart which are not followed, and brings cookies of one destination to others.
        """
        host = f"[{address}]" if address.version == 6 else str(address)
        names = {"sni_hostname": target.host.rstrip(".")} if target.scheme == "https" else {}
        request = httpx.Request(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.path}",
            content=content,
            headers={**headers, "host": target.authority, "accept-encoding": "identity"},
            extensions={"timeout": httpx.Timeout(LIMIT, connect=connecting).as_dict(), **names},
        )
        answer = await self._transport.handle_async_request(request)
        try:
            await _read(answer)
        finally:
            await answer.aclose()
        return _taken(answer.status_code)


async def _read(answer: httpx.Response) -> None:
    read = 0
    async for part in answer.aiter_raw():
        read += len(part)
        if read >= MOST_READ:
            return


def _taken(status: int) -> int:
    if 200 <= status < 300:
        return status
    raise NotTaken(f"It answered {status}{': redirects are not followed' if 300 <= status < 400 else ''}.", status)
