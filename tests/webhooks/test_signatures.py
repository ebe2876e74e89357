"""What nobody signed, or nobody could have meant, is refused whatever its form, and leaves every table as it was."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import webhooks.route
from models import Checkpoint, Payment, StatisticsDelta, WebhookEvent
from services.statistics.recounting import NAME as COUNTED
from tests.convergence.rows import every_model
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, event, intent, succeeded
from tests.mirror.rows import values
from tests.mirror.shelf import Shelf
from tests.recovery.process import Process
from tests.webhooks.endpoint import NEW, OLD, post, sign

BODY = json.dumps(event("payment_intent.succeeded", succeeded(), START))
UNHANDLED = event("customer.tax_id.created", {"id": "txi_1", "object": "tax_id"}, START)
WRONG = "whsec_wrong"
TRIES = 100


async def everything() -> list[dict[str, Any]]:
    """Every row of every table."""
    models = sorted(every_model(), key=lambda model: model.__name__)
    return [values(row) for model in models for row in await model.all().order_by("id")]


@pytest_asyncio.fixture
async def untouched(ids: Ids) -> AsyncIterator[None]:
    """The test leaves every row as it is."""
    before = await everything()
    assert len(before) > 5
    yield
    assert await everything() == before


def good(body: str, secret: str = NEW) -> str:
    """The right signature alone."""
    return sign(body, secret).partition(",")[2]


def now() -> str:
    return f"t={int(time.time())}"


BELIEVED: dict[str, Callable[[str], str]] = {
    "a wrong one before": lambda body: f"{now()},v1={'0' * 64},{good(body)}",
    "a wrong one behind": lambda body: f"{now()},{good(body)},v1={'0' * 64}",
    "another scheme before": lambda body: f"{now()},v0={'0' * 64},{good(body)}",
    "both secrets": lambda body: f"{now()},{good(body)},{good(body, OLD)}",
    "the same time twice": lambda body: f"{now()},{now()},{good(body)}",
    "an older time behind": lambda body: f"{now()},t=1,{good(body)}",
    "the signature before its time": lambda body: f"{good(body)},{now()}",
    "as old as may be": lambda body: sign(body, shift=-295),
    "as early as may be": lambda body: sign(body, shift=295),
}


async def test_a_right_signature_is_believed_whatever_stands_beside_it(client: httpx.AsyncClient, ids: Ids) -> None:
    answers = {}
    for number, (case, header) in enumerate(BELIEVED.items()):
        body = json.dumps(event("payment_intent.created", intent(id=f"pi_{number}"), START))
        answers[case] = (await post(client, body, header(body))).status_code
    assert answers == dict.fromkeys(BELIEVED, 200)
    assert await WebhookEvent.all().count() == len(BELIEVED)


def disbelieved() -> dict[str, str | bytes]:
    """Made at the time of the test, so that each is refused for what its name says."""
    return {
        "two wrong ones": f"{now()},v1={'0' * 64},v1={'1' * 64}",
        "of another time": f"t={int(time.time()) - 7},{good(BODY)}",
        "an older time before": f"t=1,{now()},{good(BODY)}",
        "in capitals": sign(BODY).upper().replace("T=", "t=").replace("V1=", "v1="),
        "in quotation marks": f'"{sign(BODY)}"',
        "with a space": sign(BODY).replace(",", ", "),
        "semicolons": sign(BODY).replace(",", ";"),
        "a negative time": sign(BODY).replace("t=", "t=-"),
        "a time in hundredths": sign(BODY).replace(",", ".00,"),
        "nothing but commas": "," * 500,
        "no values": "t,v1",
        "empty values": f"{now()},v1=",
        "bytes beyond ASCII": f"{now()},v1=".encode() + b"\xff" * 64,
        "of the signature's own digest": sign(good(BODY)),
        "of another body": sign(BODY + "\n"),
    }


async def test_a_signature_that_is_nearly_right_is_wrong(client: httpx.AsyncClient, untouched: None) -> None:
    cases = disbelieved()
    answers = {case: await post(client, BODY, header) for case, header in cases.items()}
    assert {case: answer.status_code for case, answer in answers.items()} == dict.fromkeys(cases, 400)
    assert {answer.text for answer in answers.values()} == {'{"error":"The signature does not verify."}'}


ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037", "utf-8-sig")


async def test_other_encodings_of_what_was_signed_are_refused(client: httpx.AsyncClient, untouched: None) -> None:
    """Signed as the text, as the bytes that they are, and as what is left of them in UTF-8."""
    for encoding in ENCODINGS:
        raw = BODY.encode(encoding)
        for signed in (BODY, raw.decode("latin-1"), raw.decode("utf-8", "replace")):
            assert (await post(client, raw, sign(signed))).status_code == 400, encoding


DOWN = '{"a":'


def nested(depth: int, opens: str = "[", closes: str = "]") -> str:
    return opens * depth + "1" + closes * depth


STRANGE = {
    "a deep list in the object": BODY.replace('"metadata": {}', f'"metadata": {nested(100_000)}'),
    "a deep object in the object": BODY.replace(
        '"metadata": {}', f'"metadata": {nested(50_000, chr(123) + chr(34) + "a" + chr(34) + ":", "}")}'
    ),
    "a deep list beside": BODY[:-1] + f', "pending_webhooks": {nested(100_000)}}}',
    "infinity": BODY.replace('"amount": 4900', '"amount": Infinity'),
    "minus infinity": BODY.replace('"amount": 4900', '"amount": -Infinity'),
    "a time beyond all": BODY[:-1] + ', "created": 1e999}',
    "a time with a fraction": BODY[:-1] + ', "created": 1.5}',
    "a time of 4000 digits": BODY[:-1] + f', "created": {"9" * 4000}}}',
    "two documents": BODY + BODY,
    "a comma at the end": BODY[:-1] + ",}",
    "a comment": BODY + "// event",
    "a raw U+0000": BODY.replace("usd", "us\x00d"),
    "single quotes": BODY.replace('"', "'"),
    "a form": "object=event&id=evt_1",
    "blanks": " " * 1000,
}


async def test_what_is_signed_but_no_sane_event_is_refused(client: httpx.AsyncClient, untouched: None) -> None:
    assert BODY not in STRANGE.values()
    answers = {case: await post(client, body, sign(body)) for case, body in STRANGE.items()}
    assert {case: answer.status_code for case, answer in answers.items()} == dict.fromkeys(STRANGE, 400)
    assert {answer.text for answer in answers.values()} == {'{"error":"The body is no event of Stripe\'s."}'}


async def test_of_a_field_given_twice_the_last_counts_everywhere(client: httpx.AsyncClient, ids: Ids) -> None:
    told = event("payment_intent.succeeded", succeeded(ours=ids.payment), START)
    body = '{"id": "evt_first", "type": "payment_intent.canceled", "created": 1, ' + json.dumps(told)[1:]
    assert (await post(client, body, sign(body))).json() == {"id": told["id"], "status": "PROCESSED"}
    row = await WebhookEvent.get()
    assert (row.stripe_event_id, row.type, int(row.occurred_at.timestamp()), row.payload) == (told["id"], told["type"], START, body)
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"


NO_AMOUNTS = ("1e999", "9" * 4000, "1" + "0" * 16, "-1", "4900.0", "true", '"4900"', "[4900]")


async def test_an_amount_that_is_no_amount_fails_its_event_and_writes_nothing_else(client: httpx.AsyncClient, ids: Ids) -> None:
    before = await everything()
    told = json.dumps(event("payment_intent.succeeded", succeeded(ours=ids.payment), START))
    for amount in NO_AMOUNTS:
        body = told.replace('"amount_received": 4900', f'"amount_received": {amount}')
        assert (await post(client, body, sign(body))).status_code == 500, amount
        row = await WebhookEvent.get()
        assert (row.status, row.attempts, row.payload) == ("FAILED", 1, body)
        assert row.error == "UnknownShape: payment_intent pi_1: `amount_received` is not a whole number"
        counted = await StatisticsDelta.get()
        assert (counted.measure, counted.detail, counted.number, counted.amount) == ("WEBHOOK", "FAILED:", 1, 0)
        await counted.delete()
        await row.delete()
        assert await everything() == before


async def test_a_body_that_does_not_come_is_not_waited_for(
    client: httpx.AsyncClient, untouched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks.route, "BODY_LIMIT", 0.05)
    never = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield BODY[:100].encode()
        await never.wait()

    answer = await client.post("/webhooks/stripe", content=slowly(), headers={"stripe-signature": sign(BODY)})
    assert (answer.status_code, answer.json()) == (408, {"error": "The body did not come in time."})


METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")


async def test_events_are_posted(client: httpx.AsyncClient, untouched: None) -> None:
    for method in METHODS:
        answer = await client.request(method, "/webhooks/stripe", content=BODY.encode(), headers={"stripe-signature": sign(BODY)})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_content_encoding_is_refused_though_the_bytes_are_signed(client: httpx.AsyncClient, untouched: None) -> None:
    for encoding in ("gzip", "deflate", "br", "identity, gzip", "x"):
        headers = {"stripe-signature": sign(BODY), "content-encoding": encoding}
        assert (await client.post("/webhooks/stripe", content=BODY.encode(), headers=headers)).status_code == 400


bounded = settings(max_examples=TRIES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
parts = st.one_of(
    st.sampled_from(["t", "v1", "v0", "t=", "v1=", "=", "", "t=0", f"v1={'0' * 64}", "v1=" + "f" * 63]),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=20),
)
headers = st.lists(parts, max_size=6).map(lambda given: ",".join([f"t={int(time.time())}", *given]).encode("latin-1"))
ascii_characters = st.characters(codec="ascii", exclude_characters="\r\n\x00")
flips = st.tuples(st.integers(0, len(BODY) - 1), st.integers(1, 255))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@bounded
@given(header=headers | st.binary(max_size=80).map(lambda raw: raw.translate(None, b"\r\n\x00")))
async def test_no_header_is_a_signature_by_chance(client: httpx.AsyncClient, untouched: None, header: bytes) -> None:
    assert (await post(client, BODY, header)).status_code == 400


@bounded
@given(
    place=st.integers(0, 80), cut=st.integers(0, 5), put=st.text(st.characters(codec="ascii", exclude_characters="\r\n\x00"), max_size=4)
)
async def test_no_change_makes_a_wrong_signature_right(client: httpx.AsyncClient, untouched: None, place: int, cut: int, put: str) -> None:
    wrong = sign(BODY, WRONG)
    assert (await post(client, BODY, wrong[:place] + put + wrong[place + cut :])).status_code == 400


@bounded
@given(flip=flips)
async def test_no_byte_may_change(client: httpx.AsyncClient, untouched: None, flip: tuple[int, int]) -> None:
    raw = bytearray(BODY.encode())
    raw[flip[0]] ^= flip[1]
    assert (await post(client, bytes(raw), sign(BODY))).status_code == 400


@bounded
@given(body=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
async def test_no_signed_body_without_an_event_is_taken(client: httpx.AsyncClient, untouched: None, body: bytes) -> None:
    assert (await post(client, body, sign(body.decode("utf-8", "replace")))).status_code == 400


@bounded
@given(field=st.sampled_from(["id", "type", "created", "api_version", "data", "request"]), value=json_values)
async def test_whatever_a_field_holds_an_event_is_taken_whole_or_refused(
    client: httpx.AsyncClient, database: str, field: str, value: Any
) -> None:
    await WebhookEvent.all().delete()
    body = json.dumps(UNHANDLED | {field: value})
    answer = await post(client, body, sign(body))
    assert answer.status_code in (200, 400)
    taken = [(row.status, row.payload) for row in await WebhookEvent.all()]
    assert taken == ([("IGNORED", body)] if answer.status_code == 200 else [])


@pytest_asyncio.fixture
async def server(tmp_path: Path, database: str, shelf: Shelf, ids: Ids) -> AsyncIterator[Process]:
    process = Process(tmp_path / "var", database, shelf.base, STRIPE_WEBHOOK_SECRET=f"{NEW},{OLD}")
    try:
        yield await process.start()
    finally:
        await process.stop()
    assert "Traceback" not in process.log.read_text()


async def status(port: int, raw: bytes) -> int:
    """Send bytes as they are, and hang up once there is a status."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        line = await reader.readline()
    writer.transport.abort()
    assert line.startswith(b"HTTP/1.1 ")
    return int(line[9:12])


async def hang_up(port: int, raw: bytes) -> None:
    """Send bytes as they are, and say that there will be no more; until the server has closed the connection."""
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        writer.write_eof()
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
    writer.close()


def request(body: str, *headers: str, method: str = "POST", signed: str | None = None) -> bytes:
    lines = [f"{method} /webhooks/stripe HTTP/1.1", "Host: billgraph.test", *headers]
    return "\r\n".join([*lines, f"Stripe-Signature: {signed or sign(body)}", "", body]).encode()


def chunked(*pieces: str) -> str:
    return "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in (*pieces, ""))


def lies() -> dict[str, tuple[bytes, int]]:
    """What a connection may say wrongly about its body, and what is answered."""
    size, halves, wrong = len(BODY), chunked(BODY[:99], BODY[99:]), sign(BODY, WRONG)
    return {
        "a length too short": (request(BODY, f"Content-Length: {size - 1}"), 400),
        "no length": (request(BODY, signed=sign(BODY)), 400),
        "a negative length": (request(BODY, "Content-Length: -1"), 400),
        "a length in words": (request(BODY, "Content-Length: many"), 400),
        "two lengths": (request(BODY, f"Content-Length: {size}", "Content-Length: 1"), 400),
        "a length and chunks": (request(halves, f"Content-Length: {size}", "Transfer-Encoding: chunked", signed=sign(BODY)), 400),
        "chunks that are none": (request(BODY, "Transfer-Encoding: chunked"), 400),
        "chunks wrongly signed": (request(halves, "Transfer-Encoding: chunked", signed=wrong), 400),
        "chunks of the wrong order": (request(chunked(BODY[99:], BODY[:99]), "Transfer-Encoding: chunked", signed=sign(BODY)), 400),
        "a header over two lines": (request(BODY, f"Content-Length: {size}", signed=sign(BODY).replace(",", ",\r\n ")), 400),
        "5 MB announced": (request(" " * 5_000_000, "Content-Length: 5000000"), 413),
        "5 MB in chunks": (request(chunked(*["x" * 65_536] * 80), "Transfer-Encoding: chunked", signed=wrong), 413),
        "gzip": (request(BODY, f"Content-Length: {size}", "Content-Encoding: gzip"), 400),
        "no signature": (request(BODY, f"Content-Length: {size}").replace(b"Stripe-Signature", b"X-Signature"), 400),
        "a wrong secret": (request(BODY, f"Content-Length: {size}", signed=wrong), 400),
        "PUT": (request(BODY, f"Content-Length: {size}", method="PUT"), 405),
        "GET": (request("", method="GET"), 405),
        "HEAD": (request("", method="HEAD"), 405),
    }


async def counted_anew() -> None:
    """Wait until the server's worker has counted for statistics what there was when it started, which it does once."""
    async with asyncio.timeout(60):
        while not any(row.position.get("time_zone") for row in await Checkpoint.filter(name=COUNTED)):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.05)


async def test_no_connection_gets_anything_in_that_is_not_signed(server: Process) -> None:
    await counted_anew()
    before = await everything()
    answers = {name: await status(server.port, raw) for name, (raw, _) in lies().items()}
    assert answers == {name: wanted for name, (_, wanted) in lies().items()}
    await hang_up(server.port, request(BODY, f"Content-Length: {len(BODY) + 1}"))
    await hang_up(server.port, request(BODY, f"Content-Length: {len(BODY)}")[:-1])
    assert await everything() == before
    halves = chunked(BODY[:99], BODY[99:])
    assert await status(server.port, request(halves, "Transfer-Encoding: chunked", signed=sign(BODY, OLD))) == 200
    assert [row.payload for row in await WebhookEvent.all()] == [BODY]
