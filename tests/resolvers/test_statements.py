# ruff: noqa: S608 - the rows of a big table are made by SQL of numbers alone
"""What reading costs: one statement for each field that reads, however many rows; and each finds its rows by an index."""

import json
import re
from typing import Any

import pytest

from models import Customer, Payment, Refund
from models.database import client
from models.rows import watch
from models.statements import Statement
from tests.resolvers.asking import Asking
from tests.resolvers.world import World, at, build, plan, price

DEEP = """query($first: Int!) {
  payments(first: $first) {
    totalCount
    nodes {
      customer {
        email
        payments(first: 2) { nodes { id refunds { id } } totalCount pageInfo { hasNextPage } }
        subscriptions { nodes { id plan { code } } }
      }
      plan { code prices { id plan { name } } }
      price { unitAmount { amount } }
      subscription { id customer { id } }
      refunds { id payment { id } }
    }
  }
}"""


@pytest.fixture
async def many(database: str) -> World:
    """120 payments of 60 customers, each with refunds, and 30 plans."""
    world = await build()
    customers = [Customer(external_id=f"c{number}", email=f"c{number}@example.test") for number in range(60)]
    await Customer.bulk_create(customers)
    shared = {"amount": 100, "currency": "USD", "status": "SUCCEEDED", "plan_id": world.pro.id, "price_id": world.pro_price.id}
    payments = [Payment(customer_id=customers[number % 60].id, created_at=at(number), **shared) for number in range(120)]
    await Payment.bulk_create(payments)
    refunds = [Refund(payment_id=row.id, customer_id=row.customer_id, amount=1, currency="USD") for row in payments for _ in range(2)]
    await Refund.bulk_create(refunds)
    for number in range(30):
        await price(await plan(f"plan{number}"), "USD", 100)
    return world


async def statements(asking: Asking, who: str, query: str, **variables: Any) -> list[Statement]:
    with watch() as seen:
        await asking.ask(who, query, **variables)
    return seen


async def test_a_page_of_one_and_of_a_hundred_take_the_same_statements(asking: Asking, many: World) -> None:
    one = await statements(asking, "admin", DEEP, first=1)
    hundred = await statements(asking, "admin", DEEP, first=100)
    fields = ["payments", "totalCount", "customer", "customer.payments", "its totalCount", "refunds", "customer.subscriptions"]
    fields += ["plan", "prices", "plan", "price", "refunds", "payment"]
    assert len(one) == len(hundred) == len(fields)
    alone = await statements(asking, "owner", DEEP, first=1)
    assert len(alone) == len([*fields, "customer.subscriptions.plan", "subscription", "subscription.customer"])
    assert len(await statements(asking, "owner", DEEP, first=100)) == len(alone)


async def test_a_hundred_plans_with_prices_take_two(asking: Asking, many: World) -> None:
    text = "query($first: Int!) { plans(first: $first) { nodes { code prices { id } } } }"
    assert len(await statements(asking, "anonymous", text, first=1)) == 2
    assert len(await statements(asking, "anonymous", text, first=100)) == 2


async def test_the_text_of_a_statement_does_not_grow_with_its_rows(asking: Asking, many: World) -> None:
    text = "query($first: Int!) { payments(first: $first) { nodes { id refunds { id } customer { id } } } }"
    one = await statements(asking, "admin", text, first=1)
    hundred = await statements(asking, "admin", text, first=100)
    assert [statement.sql for statement in one] == [statement.sql for statement in hundred]


PAGED = "{ edges { cursor node { id status } } pageInfo { hasNextPage } }"
LISTS = {
    "all": ("support", "{ payments(%s) " + PAGED + " }"),
    "own": ("owner", "{ payments(%s) " + PAGED + " }"),
    "own, status": ("owner", "{ payments(filter: {status: [SUCCEEDED]}, %s) " + PAGED + " }"),
    "own, statuses": ("owner", "{ payments(filter: {status: [SUCCEEDED, FAILED]}, %s) " + PAGED + " }"),
    "own, currency": ("owner", '{ payments(filter: {currency: "USD"}, %s) ' + PAGED + " }"),
    "a customer": ("support", '{ payments(filter: {customerId: "CUSTOMER"}, %s) ' + PAGED + " }"),
    "a customer, status": ("support", '{ payments(filter: {customerId: "CUSTOMER", status: [FAILED]}, %s) ' + PAGED + " }"),
    "status": ("support", "{ payments(filter: {status: [FAILED]}, %s) " + PAGED + " }"),
    "statuses": ("support", "{ payments(filter: {status: [FAILED, SUCCEEDED, PENDING]}, %s) " + PAGED + " }"),
    "status, currency": ("support", '{ payments(filter: {status: [FAILED], currency: "USD"}, %s) ' + PAGED + " }"),
    "currency": ("support", '{ payments(filter: {currency: "JPY"}, %s) ' + PAGED + " }"),
    "created": (
        "support",
        '{ payments(filter: {created: {since: "2026-01-01T00:30:00Z", until: "2026-01-02T00:00:00Z"}}, %s) ' + PAGED + " }",
    ),
    "created, own": ("owner", '{ payments(filter: {created: {since: "2026-01-01T00:30:00Z"}}, %s) ' + PAGED + " }"),
    "created, status": ("support", '{ payments(filter: {status: [FAILED], created: {since: "2026-01-01T00:30:00Z"}}, %s) ' + PAGED + " }"),
    "seller": ("support", '{ payments(filter: {sellerId: "SELLER"}, %s) ' + PAGED + " }"),
    "seller, status": ("support", '{ payments(filter: {sellerId: "SELLER", status: [FAILED]}, %s) ' + PAGED + " }"),
    "sold": ("seller", "{ payments(%s) " + PAGED + " }"),
    "sold, statuses": ("seller", "{ payments(filter: {status: [FAILED, REFUNDED]}, %s) " + PAGED + " }"),
    "search intent": ("support", '{ payments(filter: {search: "pi_alice"}, %s) ' + PAGED + " }"),
    "search intent, own": ("owner", '{ payments(filter: {search: "pi_alice"}, %s) ' + PAGED + " }"),
    "search session": ("support", '{ payments(filter: {search: "cs_alice"}, %s) ' + PAGED + " }"),
    "search customer": ("support", '{ payments(filter: {search: "cus_alice"}, %s) ' + PAGED + " }"),
    "search subscription": ("support", '{ payments(filter: {search: "sub_alice"}, %s) ' + PAGED + " }"),
    "search refund": ("support", '{ payments(filter: {search: "re_alice"}, %s) ' + PAGED + " }"),
    "search id": ("support", '{ payments(filter: {search: "PAYMENT"}, %s) ' + PAGED + " }"),
    "search email": ("support", '{ payments(filter: {search: "alice@example.test"}, %s) ' + PAGED + " }"),
    "subscriptions": ("support", "{ subscriptions(%s) " + PAGED + " }"),
    "subscriptions, own": ("owner", "{ subscriptions(%s) " + PAGED + " }"),
    "subscriptions, plan": ("support", '{ subscriptions(filter: {planId: "PLAN"}, %s) ' + PAGED + " }"),
    "subscriptions, statuses": ("support", "{ subscriptions(filter: {status: [ACTIVE, PAST_DUE]}, %s) " + PAGED + " }"),
    "refunds": ("support", "{ refunds(%s) " + PAGED + " }"),
    "refunds, own": ("owner", "{ refunds(%s) " + PAGED + " }"),
    "disputes": ("support", "{ disputes(%s) " + PAGED + " }"),
    "disputes, own": ("owner", "{ disputes(%s) " + PAGED + " }"),
    "events": ("support", "{ webhookEvents(%s) " + PAGED + " }"),
    "events, type": ("support", '{ webhookEvents(filter: {type: "charge.refunded"}, %s) ' + PAGED + " }"),
    "events, status": ("support", "{ webhookEvents(filter: {status: [FAILED]}, %s) " + PAGED + " }"),
    "events, statuses": ("support", "{ webhookEvents(filter: {status: [FAILED, STALE]}, %s) " + PAGED + " }"),
    "events, type, status": ("support", '{ webhookEvents(filter: {type: "charge.refunded", status: [STALE]}, %s) ' + PAGED + " }"),
    "events, received": (
        "support",
        '{ webhookEvents(filter: {received: {since: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z"}}, %s) ' + PAGED + " }",
    ),
    "below a customer": ("owner", "{ viewer { customer { payments(%s) " + PAGED + " } } }"),
    "below customers": ("support", "{ payments(first: 100) { nodes { customer { payments(%s) " + PAGED + " } } } }"),
    "refunds of payments": ("owner", "{ payments(%s) { nodes { id refunds { id } } } }"),
}
"""Every list in every form of its filter."""

BIG = 30_000
"""Payments, refunds, disputes and events of the tables that are explained: enough that no planner reads it whole for want of rows."""


async def filled() -> World:
    """A world of 30 000 payments of 300 customers, made by the database itself."""
    world = await build()
    sqlite = client().capabilities.dialect == "sqlite"
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {BIG})"
        if sqlite
        else f"WITH n(i) AS (SELECT generate_series(1, {BIG}))"
    )
    text, moment = ("printf('%026d', i)", "'2026-01-01 00:00:00+00:00'") if sqlite else ("lpad(i::text, 26, '0')", "now()")
    await client().execute_script(
        f"{numbers} INSERT INTO customer (id, created_at, external_id, email, stripe_version) "
        f"SELECT 'cust_' || {text}, {moment}, 'c' || i, 'c' || i || '@example.test', 0 FROM n WHERE i <= 300;"
    )
    await client().execute_script(
        f"{numbers} INSERT INTO payment (id, created_at, customer_id, status, amount, amount_refunded, currency, quantity, metadata, "
        f"intent_version, charge_version, invoice_version) SELECT 'pay_' || {text}, {moment}, "
        f"'cust_' || {'printf' if sqlite else 'lpad'}({_bucket(sqlite)}), CASE WHEN i % 50 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, "
        f"100, 0, CASE WHEN i % 90 = 0 THEN 'JPY' ELSE 'USD' END, 1, '{{}}', 0, 0, 0 FROM n;"
    )
    await client().execute_script(
        f"{numbers} INSERT INTO refund (id, created_at, payment_id, customer_id, status, amount, currency, reason, stripe_version) "
        f"SELECT 'rfd_' || {text}, {moment}, 'pay_' || {text}, 'cust_' || {'printf' if sqlite else 'lpad'}({_bucket(sqlite)}), "
        "'SUCCEEDED', 1, 'USD', 'OTHER', 0 FROM n;"
    )
    await client().execute_script(
        f"{numbers} INSERT INTO dispute (id, created_at, payment_id, customer_id, status, stripe_status, reason, amount, currency, "
        f"stripe_dispute_id, stripe_version) SELECT 'dsp_' || {text}, {moment}, 'pay_' || {text}, "
        f"'cust_' || {'printf' if sqlite else 'lpad'}({_bucket(sqlite)}), 'WON', 'won', 'general', 1, 'USD', 'dp_' || i, 0 FROM n;"
    )
    await client().execute_script(
        f"{numbers} INSERT INTO webhook_event (id, created_at, stripe_event_id, type, status, attempts, payload, occurred_at, received_at) "
        f"SELECT 'whe_' || {text}, {moment}, 'evt_of_many_' || i, CASE WHEN i % 20 = 0 THEN 'charge.refunded' ELSE 'charge.succeeded' END, "
        f"CASE WHEN i % 50 = 0 THEN 'FAILED' ELSE 'PROCESSED' END, 1, '{{}}', {moment}, {moment} FROM n;"
    )
    await client().execute_script("ANALYZE;")
    return world


def _bucket(sqlite: bool) -> str:
    return "'%026d', i % 300 + 1" if sqlite else "(i % 300 + 1)::text, 26, '0'"


def bad_of_sqlite(plan_text: list[str]) -> list[str]:
    """Steps that read a table whole or sort. Walking an index in order until the page is full is neither."""
    return [
        step
        for step in plan_text
        if (step.startswith("SCAN") and "INDEX" not in step and "VIRTUAL TABLE" not in step) or "TEMP B-TREE FOR ORDER BY" in step
    ]


def bad_of_postgres(node: dict[str, Any], below: int = 0) -> list[str]:
    """Nodes that read a big table whole, or sort more than a page."""
    found = []
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in {"payment", "refund", "dispute", "webhook_event"}:
        found.append(f"Seq Scan on {node['Relation Name']}")
    if "Sort" in node["Node Type"] and node["Plan Rows"] > 1000:
        found.append(f"{node['Node Type']} of {node['Plan Rows']}")
    return found + [text for child in node.get("Plans", []) for text in bad_of_postgres(child)]


async def bad(statement: Statement) -> list[str]:
    if client().capabilities.dialect == "sqlite":
        rows = await client().read(f"EXPLAIN QUERY PLAN {statement.sql}", statement.values)
        return bad_of_sqlite([row[3] for row in rows])
    rows = await client().read(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.values)
    return bad_of_postgres(json.loads(rows[0][0])[0]["Plan"])


async def test_every_list_finds_its_rows_by_an_index(asking: Asking, database: str) -> None:
    world = await filled()
    ids = {"CUSTOMER": f"cust_{7:026d}", "PLAN": world.pro.id, "SELLER": world.seller.id, "PAYMENT": world.alice.payment.id}
    cursor = (await asking.ask("support", "{ payments(first: 50) { pageInfo { endCursor } } }"))["payments"]["pageInfo"]["endCursor"]
    problems = {}
    for name, (who, text) in LISTS.items():
        for window in ("first: 20", "last: 20", f'first: 20, after: "{cursor}"', f'last: 20, before: "{cursor}"'):
            if ("after" in window or "before" in window) and ("payments(" not in text or name == "refunds of payments"):
                continue
            query = re.sub("|".join(ids), lambda found: ids[found[0]], text % window)
            for statement in await statements(asking, who, query):
                found = await bad(statement)
                if found:
                    problems[name, window, statement.sql] = found
    assert problems == {}


async def test_a_list_that_is_too_long_is_refused_not_cut(asking: Asking, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.planner.LIST_LIMIT", 2)
    more: list[dict[str, Any]] = [
        {"payment_id": world.alice.payment.id, "customer_id": world.alice.customer.id, "amount": 1, "currency": "USD"}
    ] * 2
    text = "{ payments { nodes { refunds { id } } } }"
    await Refund.create(**more[0])
    assert len((await asking.ask("owner", text))["payments"]["nodes"][0]["refunds"]) == 2
    await Refund.create(**more[1])
    assert await asking.codes("owner", text) == ["BAD_USER_INPUT"]
