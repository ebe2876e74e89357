"""What the filters of lists let through."""

from datetime import timedelta
from typing import Any

import pytest

from models import Payment, Subscription
from tests.resolvers.asking import Asking
from tests.resolvers.world import World, at, payment

LIST = "query($filter: PaymentFilter) { payments(filter: $filter) { nodes { id } totalCount } }"
NESTED = "query($filter: PaymentFilter) { viewer { customer { payments(filter: $filter) { nodes { id } totalCount } } } }"
SUBSCRIPTIONS = "query($filter: SubscriptionFilter) { subscriptions(filter: $filter) { nodes { id } totalCount } }"
PLANS = "query($filter: PlanFilter) { plans(filter: $filter) { nodes { code } totalCount } }"


async def found(asking: Asking, who: str, **given: Any) -> list[str]:
    page = (await asking.ask(who, LIST, filter=given))["payments"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["id"] for node in page["nodes"]]


async def test_a_customer_cannot_ask_for_another(asking: Asking, world: World) -> None:
    bob, alice = world.bob.customer.id, world.alice.customer.id
    assert await found(asking, "owner", customerId=bob) == []
    assert await found(asking, "owner", customerId=alice) == [world.alice.payment.id]
    assert await found(asking, "support", customerId=bob) == [world.bob.payment.id]
    assert await found(asking, "support", customerId="nonsense") == []
    assert await found(asking, "support", customerId=world.bob.payment.id) == []


async def test_status_and_currency(asking: Asking, world: World) -> None:
    failed = await payment(world.alice.customer, 10, status="FAILED")
    yen = await payment(world.bob.customer, 11, status="FAILED", currency="JPY", amount=500)
    assert await found(asking, "support", status=["FAILED"]) == [yen.id, failed.id]
    assert await found(asking, "owner", status=["FAILED"]) == [failed.id]
    everything = [yen.id, failed.id, *sorted([world.alice.payment.id, world.bob.payment.id], reverse=True)]
    assert await found(asking, "support", status=["FAILED", "PARTIALLY_REFUNDED", "FAILED"]) == everything
    assert await found(asking, "owner", status=["FAILED", "PARTIALLY_REFUNDED"]) == [failed.id, world.alice.payment.id]
    assert await found(asking, "support", status=[]) == []
    assert await found(asking, "support", currency="JPY") == [yen.id]
    assert await found(asking, "support", currency="USD", status=["FAILED"]) == [failed.id]
    assert await found(asking, "owner", currency="JPY") == []


async def test_created_from_and_before(asking: Asking, world: World) -> None:
    rows = [await payment(world.alice.customer, 0, created_at=at(100) + timedelta(microseconds=offset)) for offset in (0, 400, 999, 1000)]

    async def between(since: str | None, until: str | None) -> list[str]:
        span = {name: value for name, value in (("since", since), ("until", until)) if value}
        return sorted(await found(asking, "owner", created=span, status=["SUCCEEDED"]))

    expected = [sorted(row.id for row in rows[start:]) for start in range(4)]
    assert await between("2026-01-01T01:40:00Z", None) == expected[0]
    assert await between("2026-01-01T01:40:00.000400Z", None) == expected[1]
    assert await between("2026-01-01T03:40:00.000401+02:00", None) == expected[2]
    assert await between("2026-01-01T01:40:00.001Z", "2026-01-01T01:40:00.001001Z") == [rows[3].id]
    assert await between("2026-01-01T01:40:00.000Z", "2026-01-01T01:40:00.001Z") == sorted(row.id for row in rows[:3])
    assert await between("1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z") == expected[0]
    assert await between("9999-12-31T23:59:59Z", None) == []
    assert await between(None, "1900-01-01T00:00:00Z") == []


@pytest.mark.parametrize("who", ["owner", "support"])
@pytest.mark.parametrize(
    "text",
    ["pi_alice", "ch_alice", "in_alice", "cus_alice", "sub_alice", "cs_alice", "re_alice", " pi_alice ", "payment", "refund", "session"],
)
async def test_search_by_an_id(asking: Asking, world: World, who: str, text: str) -> None:
    row = getattr(world.alice, text, None)
    assert await found(asking, who, search=row.id if row else text) == [world.alice.payment.id]
    assert await found(asking, "other", search=row.id if row else text) == []


async def test_search_by_email_is_for_staff(asking: Asking, world: World) -> None:
    assert await found(asking, "support", search="bob@example.test") == [world.bob.payment.id]
    assert await found(asking, "owner", search="alice@example.test") == []
    await type(world.bob.customer).filter(id=world.bob.customer.id).update(email="alice@example.test")
    assert sorted(await found(asking, "support", search="alice@example.test")) == sorted([world.alice.payment.id, world.bob.payment.id])
    assert await found(asking, "support", search="alice@example.test", status=["PENDING"]) == []


@pytest.mark.parametrize("text", ["", " ", "nothing", "pi_none", "%", "a\0b", "\ud800", "x" * 400, "1 OR 1=1", "pay_0", "who@nowhere"])
async def test_search_that_finds_nothing(asking: Asking, world: World, text: str) -> None:
    assert await found(asking, "support", search=text) == []


async def test_a_filter_below_a_customer(asking: Asking, world: World) -> None:
    failed = await payment(world.alice.customer, 10, status="FAILED")
    for given, expected in (
        ({"status": ["FAILED"]}, [failed.id]),
        ({"status": ["FAILED", "PARTIALLY_REFUNDED"]}, [failed.id, world.alice.payment.id]),
        ({"customerId": world.bob.customer.id}, []),
        ({"search": "pi_alice"}, [world.alice.payment.id]),
        ({"search": "pi_bob"}, []),
        ({"currency": "JPY"}, []),
    ):
        customer = (await asking.ask("owner", NESTED, filter=given))["viewer"]["customer"]
        assert customer == {"payments": {"nodes": [{"id": row_id} for row_id in expected], "totalCount": len(expected)}}


async def test_an_email_below_a_customer_is_that_customers(asking: Asking, world: World) -> None:
    text = (
        "query($id: ID!, $search: String!) { node(id: $id) { ... on Customer { payments(filter: {search: $search}) { nodes { id } } } } }"
    )
    alice = world.alice.customer.id
    mine = await asking.ask("support", text, id=alice, search="alice@example.test")
    assert mine == {"node": {"payments": {"nodes": [{"id": world.alice.payment.id}]}}}
    assert await asking.ask("support", text, id=alice, search="bob@example.test") == {"node": {"payments": {"nodes": []}}}


async def test_subscriptions(asking: Asking, world: World) -> None:
    await Subscription.filter(id=world.bob.subscription.id).update(status="CANCELED")

    async def ids(who: str, **given: Any) -> list[str]:
        page = (await asking.ask(who, SUBSCRIPTIONS, filter=given))["subscriptions"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    assert await ids("support", status=["CANCELED"]) == [world.bob.subscription.id]
    assert await ids("owner", status=["CANCELED"]) == []
    assert len(await ids("support", status=["CANCELED", "ACTIVE"])) == 2
    assert await ids("support", planId=world.pro.id) == [world.alice.subscription.id]
    assert await ids("support", planId=world.pro.id, status=["CANCELED"]) == []
    assert await ids("support", planId="plan") == []
    assert await ids("support", customerId=world.bob.customer.id) == [world.bob.subscription.id]
    assert await ids("support", created={"since": "2026-01-01T00:02:00Z"}) == []


@pytest.mark.parametrize(
    ("who", "given", "expected"),
    [
        ("anonymous", {}, ["pro"]),
        ("anonymous", {"active": True}, ["pro"]),
        ("anonymous", {"active": False}, []),
        ("support", {"active": False}, ["old"]),
        ("support", {"kind": "SUBSCRIPTION"}, ["pro", "old"]),
        ("support", {"kind": "PACKAGE"}, []),
        ("anonymous", {"currency": "USD"}, ["pro"]),
        ("anonymous", {"currency": "JPY"}, []),
        ("support", {"currency": "EUR"}, ["old"]),
    ],
)
async def test_plans(asking: Asking, world: World, who: str, given: dict[str, Any], expected: list[str]) -> None:
    page = {"nodes": [{"code": code} for code in expected], "totalCount": len(expected)}
    assert await asking.ask(who, PLANS, filter=given) == {"plans": page}


async def test_prices_of_a_plan(asking: Asking, world: World) -> None:
    text = (
        '{ plan(code: "pro") { usd: prices(currency: USD) { id } year: prices(interval: YEAR) { id } jpy: prices(currency: JPY) { id } } }'
    )
    text = text.replace("USD)", '"USD")').replace("JPY)", '"JPY")')
    mine = {"usd": [{"id": world.pro_price.id}], "year": [], "jpy": []}
    assert await asking.ask("anonymous", text) == {"plan": mine}
    assert await asking.ask("admin", text) == {"plan": mine | {"jpy": [{"id": world.retired_price.id}]}}


async def test_a_payment_by_one_of_its_ids(asking: Asking, world: World) -> None:
    text = "query($by: PaymentBy!) { payment(by: $by) { id } }"
    for by in ({"id": world.alice.payment.id}, {"stripePaymentIntentId": "pi_alice"}, {"stripeSessionId": "cs_alice"}):
        assert await asking.ask("owner", text, by=by) == {"payment": {"id": world.alice.payment.id}}
        assert await asking.ask("other", text, by=by) == {"payment": None}
    for by in ({"id": "x"}, {"stripePaymentIntentId": "pi_\0"}, {"stripeSessionId": ""}):
        assert await asking.ask("owner", text, by=by) == {"payment": None}
    assert await Payment.all().count() == 2
