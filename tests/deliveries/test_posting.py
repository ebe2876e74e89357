"""Receivers that are slow, huge, astray, or not there."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.deliveries import names, posting
from services.deliveries.destinations import MAX_DESTINATIONS
from services.deliveries.posting import MOST_READ, NotTaken, Poster
from services.deliveries.sending import AT_ONCE
from services.deliveries.transport import Transport
from tests.deliveries.receiver import Answer, Receiver, receiving

REDIRECT = "HTTP/1.1 302 Found\r\nlocation: {0}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


async def refusal(poster: Poster, url: str) -> tuple[str, int | None]:
    with pytest.raises(NotTaken) as found:
        await poster.post(url, b"{}", {"webhook-id": "bev_1"})
    return found.value.message, found.value.code


def answering(text: str) -> Answer:
    return lambda _receiver, _headers, _body: text.encode()


async def test_what_is_posted_is_taken(poster: Poster, receiver: Receiver) -> None:
    assert await poster.post(receiver.url, b'{"a": 1}', {"webhook-id": "bev_1"}) == 204
    ((headers, body),) = receiver.seen
    assert body == b'{"a": 1}'
    assert headers["request"] == "POST /events?of=billgraph HTTP/1.1"
    assert (headers["host"], headers["webhook-id"], headers["accept-encoding"]) == (f"127.0.0.1:{receiver.port}", "bev_1", "identity")


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "299 Other"])
async def test_every_success_is_taken(poster: Poster, receiver: Receiver, status: str) -> None:
    receiver.answer = answering(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok")
    assert await poster.post(receiver.url, b"{}", {}) == int(status[:3])


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_everything_else_is_not(poster: Poster, receiver: Receiver, status: int) -> None:
    receiver.answer = answering(f"HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n")
    assert await refusal(poster, receiver.url) == (f"It answered {status}.", status)


async def test_redirects_are_not_followed(poster: Poster, receiver: Receiver) -> None:
    receiver.answer = answering(REDIRECT.format(receiver.url))
    assert await refusal(poster, receiver.url) == ("It answered 302: redirects are not followed.", 302)
    assert len(receiver.seen) == 1


@pytest.mark.parametrize("location", ["https://xn--/", "http://xn--a/", "https://[::1", "//", ""])
async def test_where_a_redirect_leads_is_not_even_looked_at(poster: Poster, receiver: Receiver, location: str) -> None:
    receiver.answer = answering(REDIRECT.format(location))
    assert await refusal(poster, receiver.url) == ("It answered 302: redirects are not followed.", 302)


async def test_cookies_are_not_kept(poster: Poster, receiver: Receiver) -> None:
    """Destinations of one address would be sent each other's, and a jar has no bound."""
    receiver.answer = answering("HTTP/1.1 204 No Content\r\nset-cookie: of=somebody\r\nconnection: close\r\n\r\n")
    for _ in range(2):
        assert await poster.post(receiver.url, b"{}", {}) == 204
    assert ["cookie" in headers for headers, _ in receiver.seen] == [False, False]


async def test_a_huge_answer_is_read_to_its_bound(poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    iterate = httpx.Response.aiter_raw

    async def counted(self: httpx.Response) -> AsyncIterator[bytes]:
        nonlocal read
        async for part in iterate(self):
            read += len(part)
            yield part

    monkeypatch.setattr(httpx.Response, "aiter_raw", counted)
    receiver.answer = answering("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + "x" * 20_000_000)
    assert await poster.post(receiver.url, b"{}", {}) == 200
    assert MOST_READ <= read < 2 * MOST_READ + 65_536


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "again", "error"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "ReadError"),
        (b"HTTP/1.1 200 OK\r\n", b"a: " + b"b" * 1000 + b"\r\n", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\na: ", b"b" * 1000, "RemoteProtocolError"),
        (CHUNKED, b"1;" + b"e" * 1000 + b"\r\nx\r\n", "ReadError"),
        (CHUNKED, b"1\r\nx\r\n", "ReadError"),
        (CHUNKED + b"0\r\n", b"a: b\r\n", "RemoteProtocolError"),
    ],
    ids=["interim answers", "headers", "one header", "extensions of chunks", "small chunks", "trailers"],
)
async def test_what_has_no_end_is_left_soon(poster: Poster, begin: bytes, again: bytes, error: str) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begin)
            while True:
                writer.write(again * (8192 // len(again)))
                await writer.drain()
                sent += 8192
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    assert await refusal(poster, address) == (f"The connection failed ({error}).", None)
    server.close()
    assert sent < 20_000_000  # what the system keeps between the two may be some megabytes


@pytest.mark.parametrize(
    "text", ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"]
)
async def test_a_slow_one_is_left(poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nothing is answered, or a part, and then no more comes."""
    monkeypatch.setattr(posting, "LIMIT", 0.2)
    receiver.hold = asyncio.Event()
    assert await refusal(poster, receiver.url) == ("It did not answer within 0 seconds.", None)
    receiver.hold.set()
    assert len(receiver.seen) == 1


@pytest.mark.parametrize("text", ["nonsense\r\n\r\n", "", "HTTP/1.1 204 No Content\r\n"])
async def test_one_that_speaks_no_http_has_not_taken_it(poster: Poster, receiver: Receiver, text: str) -> None:
    receiver.answer = answering(text)
    assert await refusal(poster, receiver.url) == ("The connection failed (RemoteProtocolError).", None)


async def test_one_that_is_not_there(poster: Poster, receiver: Receiver) -> None:
    assert await refusal(poster, "http://127.0.0.1:1024/") == ("The connection failed (ConnectError).", None)


async def test_no_connection_serves_two_posts_and_no_proxy_is_asked(
    poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1024")
    receiver.answer = answering("HTTP/1.1 204 No Content\r\n\r\n")
    async with Poster(private=True) as other:
        for one in (poster, poster, other):
            assert await one.post(receiver.url, b"{}", {}) == 204
    assert receiver.connections == 3


NAME = "app.example.test"


def certificate(folder: Path) -> str:
    """A file with a key and a certificate of its own for NAME."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False).sign(key, hashes.SHA256())
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(key.private_bytes(*plain) + signed.public_bytes(serialization.Encoding.PEM))
    return str(folder / "server.pem")


async def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    file = certificate(tmp_path)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(file)
    trusting = ssl.create_default_context(cafile=file)
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=served)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", here)
    async with Poster(private=True) as stranger:
        assert await refusal(stranger, f"https://{NAME}:{port}/") == ("The connection failed (ConnectError).", None)
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **_: trusting)
    async with Poster(private=True) as poster:
        for name in (NAME, f"{NAME}."):
            assert await poster.post(f"https://{name}:{port}/", b"{}", {}) == 204
        assert await refusal(poster, f"https://other.example.test:{port}/") == ("The connection failed (ConnectError).", None)
    server.close()
    assert [headers["host"] for headers, _ in receiver.seen] == [f"{NAME}:{port}", f"{NAME}.:{port}"]


async def test_a_name_is_looked_up_once_for_an_attempt_and_what_was_checked_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads to a public address where it is checked, and to this machine where it is asked for the second time."""
    asked: list[str] = []
    connected: list[str] = []
    reach = Transport.handle_async_request

    def astray(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14" if len(asked) == 1 else "127.0.0.1", port))]

    async def noted(self: Transport, request: httpx.Request) -> httpx.Response:
        connected.append(request.url.host)
        request.url = request.url.copy_with(scheme="http", host=request.url.host.replace("93.184.215.14", "127.0.0.1"), port=receiver.port)
        return await reach(self, request)

    monkeypatch.setattr(socket, "getaddrinfo", astray)
    monkeypatch.setattr(Transport, "handle_async_request", noted)
    async with Poster(private=False) as strict:
        assert await strict.post(f"https://{NAME}/", b"{}", {}) == 204
    assert (asked, connected) == ([NAME], ["93.184.215.14"])


async def test_an_address_that_drops_what_it_is_sent_leaves_time_for_the_next(
    poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach, waited = Transport.handle_async_request, []

    def two(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]

    async def dropping(self: Transport, request: httpx.Request) -> httpx.Response:
        if request.url.host == "127.0.0.1":
            return await reach(self, request)
        waited.append(request.extensions["timeout"]["connect"])
        raise httpx.ConnectTimeout("")

    monkeypatch.setattr(socket, "getaddrinfo", two)
    monkeypatch.setattr(Transport, "handle_async_request", dropping)
    assert await poster.post(f"http://{NAME}:{receiver.port}/", b"{}", {}) == 204
    assert waited == [posting.LIMIT / 4]


async def test_a_name_that_is_not_answered_for_holds_up_nobody_else(
    poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred ask for it meanwhile: it is looked up once, and what is asked for beside it is answered."""
    answered, asked = threading.Event(), list[str]()

    def slow(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if host == "slow.example.test":
            answered.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(names, "LIMIT", 1.0)
    stuck = [asyncio.create_task(refusal(poster, f"https://slow.example.test:{receiver.port}/")) for _ in range(100)]
    await asyncio.sleep(0)
    assert await poster.post(f"http://quick.example.test:{receiver.port}/", b"{}", {}) == 204
    assert await asyncio.to_thread(lambda: "another") == "another"
    assert not any(task.done() for task in stuck)
    assert set(await asyncio.gather(*stuck)) == {("Its name leads to no address.", None)}
    assert sorted(asked) == ["quick.example.test", "slow.example.test"]
    answered.set()


async def test_slow_destinations_leave_a_connection_for_every_other(poster: Poster, receiver: Receiver) -> None:
    """Three hundred wait for their answers: as many as nineteen destinations have under way at most."""
    assert posting.MOST_CONNECTIONS >= MAX_DESTINATIONS * AT_ONCE
    async with receiving() as slow:
        slow.hold = asyncio.Event()
        stuck = [asyncio.create_task(poster.post(slow.url, b"{}", {})) for _ in range(300)]
        async with asyncio.timeout(9):
            while slow.connections < 300:  # noqa: ASYNC110 - the receiver is no event
                await asyncio.sleep(0.01)
        assert await poster.post(receiver.url, b"{}", {}) == 204
        slow.hold.set()
        assert set(await asyncio.gather(*stuck)) == {204}
