"""Statistics in GraphQL: every field, asked for by everybody, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from models import AuditEntry, Dispute, Seller, StatisticsDelta, StatisticsRollup, Subscription
from models.rows import watch
from schema.limits import Limits, Measurement, too_costly
from schema.schema import schema
from services.statistics.folding import fold
from services.statistics.recounting import rebuild
from services.time_zones import zone_of
from tests.resolvers.asking import ROLES, STAFF, Asking
from tests.resolvers.world import World, at, payment

STATISTICS = "Query.statistics"
RANGE = 'range: {since: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z"}'
ASK = f"{{ statistics(filter: {{{RANGE}}}) {{ %s }} }}"
OF = "query($range: DateTimeRange!, $seller: ID) { statistics(filter: {range: $range, sellerId: $seller}) { %s } }"


def money(amount: int, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


MONEY = "{ amount currency }"

CURRENCY: dict[str, tuple[str, list[Any], list[Any]]] = {
    "currency": ("", ["EUR", "USD"], ["USD"]),
    "gross": (MONEY, [money(0, "EUR"), money(10_800)], [money(5_900)]),
    "refunded": (MONEY, [money(0, "EUR"), money(1_800)], [money(900)]),
    "lostToDisputes": (MONEY, [money(0, "EUR"), money(700)], [money(700)]),
    "net": (MONEY, [money(0, "EUR"), money(8_300)], [money(4_300)]),
    "monthlyRecurringRevenue": (MONEY, [money(0, "EUR"), money(9_800)], [money(4_900)]),
    "succeeded": ("", [0, 3], [2]),
    "failed": ("", [1, 1], [1]),
    "successRate": ("", [0.0, 0.75], [2 / 3]),
    "refundRate": ("", [None, 1 / 6], [900 / 5900]),
    "averageSecondsToPay": ("", [None, 120.0], [120.0]),
    "series": (
        "{ date succeeded }",
        [[{"date": "2026-01-01", "succeeded": 0}], [{"date": "2026-01-01", "succeeded": 2}, {"date": "2026-01-04", "succeeded": 1}]],
        [[{"date": "2026-01-01", "succeeded": 1}, {"date": "2026-01-04", "succeeded": 1}]],
    ),
}
"""Selection, and what staff and the seller are told, of each currency."""

POINT: dict[str, tuple[str, Any, Any]] = {
    "date": ("", "2026-01-01", "2026-01-01"),
    "gross": (MONEY, money(9_800), money(4_900)),
    "refunded": (MONEY, money(1_800), money(900)),
    "lostToDisputes": (MONEY, money(700), money(700)),
    "succeeded": ("", 2, 1),
    "failed": ("", 1, 1),
}
"""Of the first day in dollars."""

WHOLE: dict[str, tuple[str, Any, Any]] = {
    "currencies": ("{ currency }", [{"currency": "EUR"}, {"currency": "USD"}], [{"currency": "USD"}]),
    "activeSubscriptions": ("", 2, 1),
    "newSubscriptions": ("", 2, 1),
    "canceledSubscriptions": ("", 1, 1),
    "churnRate": ("", 1.0, 1.0),
    "failureReasons": ("{ code }", [{"code": "expired_card"}, {"code": "insufficient_funds"}], [{"code": "insufficient_funds"}]),
}
REASON: dict[str, tuple[str, Any, Any]] = {
    "code": ("", ["expired_card", "insufficient_funds"], ["insufficient_funds"]),
    "count": ("", [1, 1], [1]),
}
DELIVERY: dict[str, Any] = {"received": 1, "processed": 1, "failed": 0, "ignored": 0, "stale": 0, "p95Milliseconds": 65_536.0}

TOLD = {
    STATISTICS,
    "Statistics.webhookDelivery",
    *(f"Statistics.{name}" for name in WHOLE),
    *(f"CurrencyStatistics.{name}" for name in CURRENCY),
    *(f"StatisticsPoint.{name}" for name in POINT),
    *(f"WebhookDelivery.{name}" for name in DELIVERY),
    *(f"FailureReason.{name}" for name in REASON),
}
"""Every field of statistics, each of which is asked for here."""


@pytest.fixture
async def history(world: World) -> World:
    """Beside what Alice and Bob have, of Carol's: a payment days late, one that failed, a lost dispute, and a subscription that ended."""
    carol: dict[str, Any] = {"seller_id": world.seller.id}
    await payment(world.alice.customer, 3 * 1440 + 118, amount=1_000, succeeded_at=at(3 * 1440 + 120), **carol)
    failed = {"status": "FAILED", "failure_code": "card_declined", "failure_decline_code": "insufficient_funds"}
    await payment(world.alice.customer, 11, **failed, **carol)
    await payment(world.bob.customer, 12, status="FAILED", failure_code="expired_card", currency="EUR")
    await payment(world.bob.customer, 13, status="CANCELED")
    await Dispute.create(
        payment_id=world.alice.payment.id, amount=700, currency="USD", status="LOST", stripe_status="lost", reason="fraudulent",
        stripe_dispute_id="dp_lost", created_at=at(20), **carol,
    )  # fmt: skip
    ended: dict[str, Any] = {"status": "CANCELED", "stripe_subscription_id": "sub_old", "created_at": at(-1440), "ended_at": at(60)}
    await Subscription.create(customer_id=world.alice.customer.id, **ended, **carol)
    assert len(await rebuild("UTC")) > 0
    return world


def refusal_of(who: str) -> str | None:
    return {"owner": "FORBIDDEN", "other": "FORBIDDEN", "anonymous": "UNAUTHENTICATED"}.get(who)


async def answer(asking: Asking, who: str, selection: str) -> Any:
    """What is told; None when it is refused, as it must be."""
    if code := refusal_of(who):
        result = await asking.run(who, ASK % selection)
        assert result.data is None
        assert [error.extensions["code"] for error in result.errors or [] if error.extensions] == [code]
        return None
    return (await asking.ask(who, ASK % selection))["statistics"]


@pytest.mark.parametrize("who", list(ROLES))
@pytest.mark.parametrize("folded", [False, True])
async def test_every_field(asking: Asking, history: World, who: str, folded: bool) -> None:
    if folded:
        await fold(zone_of("UTC"), 1000)
    place = 1 if who == "seller" else 0
    for name, (selection, *expected) in WHOLE.items():
        told = await answer(asking, who, f"{name} {selection}")
        assert told == (None if refusal_of(who) else {name: expected[place]}), name
    for name, (selection, *expected) in CURRENCY.items():
        told = await answer(asking, who, f"currencies {{ {name} {selection} }}")
        assert told == (None if refusal_of(who) else {"currencies": [{name: one} for one in expected[place]]}), name
    for name, (selection, *expected) in POINT.items():
        told = await answer(asking, who, f"currencies {{ series {{ {name} {selection} }} }}")
        assert refusal_of(who) or told["currencies"][-1]["series"][0] == {name: expected[place]}, name
    for name, (_, *expected) in REASON.items():
        told = await answer(asking, who, f"failureReasons {{ {name} }}")
        assert refusal_of(who) or told == {"failureReasons": [{name: one} for one in expected[place]]}


@pytest.mark.parametrize("who", list(ROLES))
async def test_what_became_of_events_is_for_staff(asking: Asking, history: World, who: str) -> None:
    for name, expected in DELIVERY.items():
        text = ASK % f"webhookDelivery {{ {name} }}"
        if who in STAFF:
            assert await asking.ask(who, text) == {"statistics": {"webhookDelivery": {name: expected}}}
        else:
            assert await asking.codes(who, text) == [refusal_of(who) or "FORBIDDEN"]


async def test_a_sellers_own_are_what_staff_see_of_them(asking: Asking, history: World) -> None:
    await Seller.create(external_id="dave", name="Dave")
    selection = "activeSubscriptions churnRate failureReasons { code count } currencies { gross { amount } net { amount } series { date } }"
    given = {"range": {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}}
    own = await asking.ask("seller", OF % selection, **given)
    assert own["statistics"]["currencies"][0]["gross"] == {"amount": 5_900}
    for who in ("seller", *STAFF):
        assert await asking.ask(who, OF % selection, **given, seller=history.seller.id) == own
    dave = (await Seller.get(external_id="dave")).id
    empty: dict[str, Any] = {"activeSubscriptions": 0, "churnRate": None, "failureReasons": [], "currencies": []}
    assert (await asking.ask("admin", OF % selection, **given, seller=dave))["statistics"] == empty
    assert await asking.codes("seller", OF % selection, **given, seller=dave) == ["FORBIDDEN"]
    assert await asking.codes("owner", OF % selection, **given, seller=history.seller.id) == ["FORBIDDEN"]
    await Seller.filter(external_id="carol").update(external_id="somebody-else")
    assert (await asking.ask("seller", OF % selection, **given))["statistics"] == empty
    assert await asking.codes("seller", OF % selection, **given, seller=history.seller.id) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "INVALID_INPUT", "The range ends before it begins."),
        ({"since": "2026-02-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}, "INVALID_INPUT", "The range ends before it begins."),
        ({"since": "2001-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}, "INVALID_INPUT", "A range has 3660 days at most."),
        ({"since": "0001-01-01T00:00:00Z"}, "INVALID_INPUT", "A range has 3660 days at most."),
        ({"since": "9999-12-31T00:00:00Z"}, "INVALID_INPUT", "The range ends before it begins."),
        (
            {"since": "2024-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
            "INVALID_INPUT",
            "A series is told of 400 days at most: ask for a shorter range.",
        ),
    ],
)
async def test_what_cannot_be_told_is_refused(asking: Asking, history: World, given: dict[str, str], code: str, message: str) -> None:
    result = await asking.run("admin", OF % "currencies { series { date } }", range=given)
    (error,) = {str(one): one for one in result.errors or []}.values()
    assert (result.data, error.message) == (None, message)
    assert error.extensions == {"code": code, "retryable": False, "field": ["filter", "range"]}


@pytest.mark.parametrize("seller", ["sel_00000000000000000000000000", "x", "\ud800", "x" * 300])
async def test_a_seller_that_is_not_there(asking: Asking, history: World, seller: str) -> None:
    codes = await asking.codes("admin", OF % "activeSubscriptions", range={}, seller=seller)
    assert codes in (["NOT_FOUND"], ["INVALID_INPUT"])


async def test_a_long_range_without_a_series_is_told(asking: Asking, history: World) -> None:
    given = {"since": "2017-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    told = await asking.ask("admin", OF % "activeSubscriptions churnRate currencies { gross { decimal formatted } }", range=given)
    assert told["statistics"] == {
        "activeSubscriptions": 2,
        "churnRate": None,
        "currencies": [{"gross": {"decimal": "0.00", "formatted": "€0.00"}}, {"gross": {"decimal": "108.00", "formatted": "$108.00"}}],
    }


async def test_a_range_is_of_the_last_thirty_days_unless_it_says_more(asking: Asking, history: World) -> None:
    now = datetime.now(UTC)
    for days in (0, 29, 40):
        await payment(history.bob.customer, currency="JPY", amount=1, succeeded_at=now - timedelta(days=days), created_at=now)
    await rebuild("UTC")
    selection = "currencies { currency succeeded }"
    for given, expected in (
        ({}, 2),
        ({"since": (now - timedelta(days=50)).isoformat()}, 3),
        ({"until": (now - timedelta(days=35)).isoformat()}, 1),
    ):
        told = await asking.ask("admin", OF % selection, range=given)
        assert {"currency": "JPY", "succeeded": expected} in told["statistics"]["currencies"]


@pytest.mark.parametrize(
    "selection",
    [
        "{ currencies { days: series { date } } }",
        "{ ...A } fragment A on Statistics { currencies { ...B } } fragment B on CurrencyStatistics { ... { days: series { date } } }",
        "{ currencies { days: series @skip(if: false) { date } } ...C } fragment C on Statistics { currencies { days: series { date } } }",
    ],
)
async def test_a_series_is_told_however_it_is_asked_for(asking: Asking, history: World, selection: str) -> None:
    days = [["2026-01-01"], ["2026-01-01", "2026-01-04"]]
    for folded in (False, True):
        inside, _, fragments = selection.partition(" fragment")
        text = f"{{ statistics(filter: {{{RANGE}}}) {inside} }}{fragments and ' fragment'}{fragments}"
        told = await asking.ask("admin", text)
        assert told["statistics"]["currencies"] == [{"days": [{"date": day} for day in one]} for one in days]
        assert folded or await fold(zone_of("UTC"), 1000)


async def test_it_is_one_statement_and_writes_nothing(asking: Asking, history: World) -> None:
    before = (await StatisticsDelta.all().count(), await StatisticsRollup.all().count(), await AuditEntry.all().count())
    with watch() as seen:
        await asking.ask("admin", ASK % "activeSubscriptions currencies { series { gross { amount } } }")
    assert seen == []  # nothing but the one statement over the sums
    assert (await StatisticsDelta.all().count(), await StatisticsRollup.all().count(), await AuditEntry.all().count()) == before


@pytest.mark.parametrize(
    ("selection", "cost"),
    [
        ("activeSubscriptions", 101),
        ("currencies { gross { amount } }", 103),
        ("currencies { series { date gross { amount } succeeded } }", 102 + 400 * 4),
    ],
)
def test_what_it_costs(selection: str, cost: int) -> None:
    document = parse(ASK % selection)
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    size = Measurement(schema._schema, document, Limits()).operation(operation)
    assert size.cost == cost
    assert too_costly(size, Limits(), operation).message.startswith(f"The operation costs {cost}:")
