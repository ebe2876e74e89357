"""Looking names up. Their servers may be slow on purpose, and what asks them cannot be stopped: so each name has a thread of its own."""

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread

LIMIT = 5.0
"""Seconds that a look-up is waited for."""

_under_way: dict[tuple[str, int], "Future[list[str]]"] = {}


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, as texts. Raises OSError, TimeoutError as well, and UnicodeError.

    Who asks for a name that is being looked up waits for the same answer, so that one name keeps one thread busy at most, and none of those
    that other work is done in.
    """
    found = _under_way.get((host, port)) or _begun(host, port)
    async with asyncio.timeout(LIMIT):
        return await asyncio.wrap_future(found)


def _begun(host: str, port: int) -> "Future[list[str]]":
    found: Future[list[str]] = Future()
    found.set_running_or_notify_cancel()
    _under_way[host, port] = found
    Thread(target=_work, args=(host, port, found), name="look-up", daemon=True).start()
    return found


def _work(host: str, port: int, found: "Future[list[str]]") -> None:
    try:
        addresses = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except Exception as error:  # noqa: BLE001 - whoever waits is told
        _under_way.pop((host, port), None)
        found.set_exception(error)
    else:
        _under_way.pop((host, port), None)
        found.set_result(addresses)
