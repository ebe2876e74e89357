"""What one would write by hand: plain ASGI, SQL text and the database's driver, no framework; the same statements, JSON and checks.

BENCH_URL names the database, BENCH_SECRET signs tokens, BENCH_WEBHOOK_SECRET signs webhooks.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sqlite3
import time
from typing import Any, Protocol

import aiosqlite
import asyncpg
import jwt

from models.ids import Prefix, new_id

PAYMENTS = """SELECT id, status, amount, currency, created_at FROM payment
WHERE customer_id = (SELECT id FROM customer WHERE external_id = {0}) ORDER BY id DESC LIMIT 21"""
REFUNDS = "SELECT id, status, amount, currency, payment_id FROM refund WHERE payment_id IN ({0}) ORDER BY id"
EVENT = """INSERT INTO webhook_event (id, created_at, stripe_event_id, type, api_version, object_id, status, attempts, payload, occurred_at,
received_at, processed_at) VALUES ({0}) ON CONFLICT (stripe_event_id) DO NOTHING"""
LOCK = "SELECT * FROM payment WHERE stripe_payment_intent_id = {0} LIMIT 1"
PAID = """UPDATE payment SET stripe_status = 'succeeded', failure_code = NULL, amount = {0}, succeeded_at = {1}, status = 'SUCCEEDED',
intent_version = {2} WHERE id = {3}"""
AUDIT = "INSERT INTO audit_entry (id, created_at, actor, action, object_id, changes) VALUES ({0})"
COUNTER = """INSERT INTO receipt_counter (id, created_at, series, kind, year, highest) VALUES ({0}) ON CONFLICT (series, kind, year)
DO UPDATE SET highest = receipt_counter.highest + 1 RETURNING highest"""
RECEIPT = """INSERT INTO receipt (id, created_at, kind, number, series, year, sequence, cause_id, customer_id, payment_id) VALUES ({0})"""
COUNTED = "INSERT INTO statistics_delta (id, created_at, minute, seller_key, measure, currency, detail, number, amount) VALUES ({0})"


class Database(Protocol):
    """The statements of both endpoints in one engine's driver."""

    async def page(self, subject: str) -> tuple[list[Any], list[Any]]: ...
    async def paid(self, event: dict[str, Any], payload: str) -> None: ...


class Sqlite:
    """Reads run in the event loop, which is the quickest; writes go through aiosqlite, so that no commit blocks the loop."""

    def __init__(self, path: str, writer: aiosqlite.Connection) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.writer = writer
        self.turn = asyncio.Lock()
        self.customer = [row[1] for row in self.connection.execute("PRAGMA table_info(payment)")].index("customer_id")

    @classmethod
    async def open(cls, path: str) -> "Sqlite":
        opened = cls(path, await aiosqlite.connect(path, isolation_level=None))
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
            opened.connection.execute(f"PRAGMA {pragma}")
            await opened.writer.execute_fetchall(f"PRAGMA {pragma}")
        return opened

    async def page(self, subject: str) -> tuple[list[Any], list[Any]]:
        payments = self.connection.execute(PAYMENTS.format("?"), (subject,)).fetchall()
        marks = ",".join("?" * min(20, len(payments)))
        return payments, self.connection.execute(REFUNDS.format(marks), [row[0] for row in payments[:20]]).fetchall()

    async def paid(self, event: dict[str, Any], payload: str) -> None:
        now, created = _moment(time.time()), _moment(event["created"])
        row = _event_row(event, payload, now, created)
        async with self.turn:
            await self.writer.execute_fetchall("BEGIN IMMEDIATE")
            if (await self.writer.execute(EVENT.format(",".join("?" * 12)), row)).rowcount:
                (payment,) = await self.writer.execute_fetchall(LOCK.format("?"), (row[5],))
                await self.writer.execute_fetchall(PAID.format("?", "?", "?", "?"), (100, created, event["created"], payment[0]))
                await self.writer.execute_fetchall(AUDIT.format(",".join("?" * 6)), _audit_row(event, now, payment[0]))
                ((sequence,),) = await self.writer.execute_fetchall(COUNTER.format(",".join("?" * 6)), _counter_row(now))
                receipt = _receipt_row(now, sequence, payment[0], payment[self.customer])
                await self.writer.execute_fetchall(RECEIPT.format(",".join("?" * 10)), receipt)
                await self.writer.executemany(COUNTED.format(",".join("?" * 9)), _counted_rows(now))
            await self.writer.execute_fetchall("COMMIT")


class Postgres:
    """asyncpg with a pool of ten."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def page(self, subject: str) -> tuple[list[Any], list[Any]]:
        async with self.pool.acquire() as connection:
            payments = await connection.fetch(PAYMENTS.format("$1"), subject)
            marks = ",".join(f"${n}" for n in range(1, min(20, len(payments)) + 1))
            return payments, await connection.fetch(REFUNDS.format(marks), *(row[0] for row in payments[:20]))

    async def paid(self, event: dict[str, Any], payload: str) -> None:
        now, created = _aware(time.time()), _aware(event["created"])
        row = _event_row(event, payload, now, created)
        async with self.pool.acquire() as connection, connection.transaction():
            if (await connection.execute(EVENT.format(",".join(f"${n}" for n in range(1, 13))), *row)).endswith("1"):
                payment = await connection.fetchrow(LOCK.format("$1") + " FOR NO KEY UPDATE", row[5])
                await connection.execute(PAID.format("$1", "$2", "$3", "$4"), 100, created, event["created"], payment["id"])
                await connection.execute(AUDIT.format("$1,$2,$3,$4,$5,$6"), *_audit_row(event, now, payment["id"]))
                sequence = await connection.fetchval(COUNTER.format("$1,$2,$3,$4,$5,$6"), *_counter_row(now))
                receipt = _receipt_row(now, sequence, payment["id"], payment["customer_id"])
                await connection.execute(RECEIPT.format("$1,$2,$3,$4,$5,$6,$7,$8,$9,$10"), *receipt)
                await connection.executemany(COUNTED.format("$1,$2,$3,$4,$5,$6,$7,$8,$9"), _counted_rows(now))


def _event_row(event: dict[str, Any], payload: str, now: Any, created: Any) -> tuple[Any, ...]:
    intent = event["data"]["object"]["id"]
    own = (new_id(Prefix.WEBHOOK_EVENT), now, event["id"], event["type"], event["api_version"], intent, "PROCESSED", 1)
    return (*own, payload, created, now, now)


def _audit_row(event: dict[str, Any], now: Any, payment_id: str) -> tuple[Any, ...]:
    return (new_id(Prefix.AUDIT_ENTRY), now, "stripe", event["type"], payment_id, "{}")


def _counter_row(now: Any) -> tuple[Any, ...]:
    return (new_id(Prefix.RECEIPT_COUNTER), now, "house", "RECEIPT", time.gmtime().tm_year, 1)


def _receipt_row(now: Any, sequence: int, payment_id: str, customer_id: str) -> tuple[Any, ...]:
    year = time.gmtime().tm_year
    return (new_id(Prefix.RECEIPT), now, "RECEIPT", f"{year}-{sequence:06d}", "house", year, sequence, payment_id, customer_id, payment_id)


def _counted_rows(now: Any) -> list[tuple[Any, ...]]:
    minute = int(time.time()) // 60
    measures = (("SUCCEEDED", "EUR", "", 100), ("WAITED", "EUR", "", 0), ("WEBHOOK", "", "PROCESSED:20", 0))
    return [
        (new_id(Prefix.STATISTICS_DELTA), now, minute, "", name, currency, detail, 1, sum_) for name, currency, detail, sum_ in measures
    ]


def _aware(seconds: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: float) -> str:
    return str(_aware(seconds))


def _text(moment: Any) -> str:
    return (moment if isinstance(moment, str) else moment.isoformat()).replace(" ", "T").replace("+00:00", "Z")


def render(payments: list[Any], refunds: list[Any]) -> bytes:
    """The page as the GraphQL answer has it."""
    under: dict[str, list[dict[str, Any]]] = {}
    for refund in refunds:
        under.setdefault(refund[4], []).append(
            {"id": refund[0], "status": refund[1], "amount": {"amount": refund[2], "currency": refund[3]}}
        )
    nodes = [
        {"id": p[0], "status": p[1], "amount": {"amount": p[2], "currency": p[3]}, "createdAt": _text(p[4]), "refunds": under.get(p[0], [])}
        for p in payments[:20]
    ]
    return json.dumps(
        {"data": {"payments": {"nodes": nodes, "pageInfo": {"hasNextPage": len(payments) > 20}}}}, separators=(",", ":")
    ).encode()


class Baseline:
    """POST /page and POST /webhook."""

    def __init__(self) -> None:
        self.database: Database | None = None
        self.starting = asyncio.Lock()
        self.secret = os.environ["BENCH_SECRET"]
        self.webhook_secret = os.environ["BENCH_WEBHOOK_SECRET"].encode()

    async def connect(self) -> Database:
        async with self.starting:
            if self.database is None:
                url = os.environ["BENCH_URL"]
                if url.startswith("sqlite"):
                    self.database = await Sqlite.open(url.removeprefix("sqlite:///"))
                else:
                    self.database = Postgres(await asyncpg.create_pool(url, min_size=10, max_size=10))
        return self.database

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers, body, more = dict(scope["headers"]), b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        answer = await (self.page(headers) if scope["path"] == "/page" else self.webhook(headers, body))
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    async def page(self, headers: dict[bytes, bytes]) -> bytes:
        token = headers[b"authorization"].removeprefix(b"Bearer ")
        claims = jwt.decode(
            token, self.secret, algorithms=["HS256"], audience="billgraph", issuer="billgraph", options={"require": ["exp", "sub"]}
        )
        database = self.database or await self.connect()
        return render(*await database.page(claims["sub"]))

    async def webhook(self, headers: dict[bytes, bytes], body: bytes) -> bytes:
        moment, signature = (part.split("=", 1)[1] for part in headers[b"stripe-signature"].decode().split(","))
        expected = hmac.new(self.webhook_secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature) or abs(time.time() - int(moment)) > 300:
            raise ValueError("signature")
        database = self.database or await self.connect()
        await database.paid(json.loads(body), body.decode())
        return b"{}"


app = Baseline()
