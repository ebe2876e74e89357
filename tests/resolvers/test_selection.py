"""Selections of every form read the same rows: aliases, fragments, directives, the same list twice."""

import asyncio
import contextvars
import gc
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from graphql import parse

from models import Payment, Plan, Subscription
from models.database import transaction
from models.rows import Row, watch
from models.selects import Select
from resolvers import plans
from resolvers.planner import load
from tests.resolvers import asking as asking_module
from tests.resolvers.asking import Asking
from tests.resolvers.world import World, payment, price


async def test_aliases_with_other_arguments_and_selections(asking: Asking, world: World) -> None:
    await price(world.pro, "EUR", 4500)
    text = """{ plan(code: "pro") {
      usd: prices(currency: "USD") { unitAmount { text: decimal } }
      eur: prices(currency: "EUR") { cost: unitAmount { currency } plan { name } }
      prices { active }
    } }"""
    assert await asking.ask("owner", text) == {
        "plan": {
            "usd": [{"unitAmount": {"text": "49.00"}}],
            "eur": [{"cost": {"currency": "EUR"}, "plan": {"name": "Pro"}}],
            "prices": [{"active": True}, {"active": True}],
        }
    }


async def test_the_same_key_under_different_places_of_one_page(asking: Asking, world: World) -> None:
    text = """{ payments {
      nodes { shown: customer { email } }
      again: nodes { shown: customer { name payments(first: 1) { totalCount } } }
      edges { node { shown: plan { code } } other: node { shown: refunds { id } } }
      more: edges { cursor node { id } }
    } }"""
    page = (await asking.ask("owner", text))["payments"]
    assert page["nodes"] == [{"shown": {"email": "alice@example.test"}}]
    assert page["again"] == [{"shown": {"name": "Alice", "payments": {"totalCount": 1}}}]
    assert page["edges"] == [{"node": {"shown": {"code": "pro"}}, "other": {"shown": [{"id": world.alice.refund.id}]}}]
    assert page["more"][0]["node"] == {"id": world.alice.payment.id}


async def test_fragments_merge(asking: Asking, world: World) -> None:
    text = """query($id: ID!) { node(id: $id) {
      ...A ... on Payment { customer { name } } ...B ... on Node { __typename } ... on Refund { reason } } }
    fragment A on Payment { customer { email ...C } }
    fragment B on Payment { ...A amount { amount } amountMore: amountRefunded { amount } }
    fragment C on Customer { payments { totalCount } }"""
    assert await asking.ask("owner", text, id=world.alice.payment.id) == {
        "node": {
            "customer": {"email": "alice@example.test", "payments": {"totalCount": 1}, "name": "Alice"},
            "amount": {"amount": 4900},
            "amountMore": {"amount": 900},
            "__typename": "Payment",
        }
    }


async def test_one_document_with_other_variables(asking: Asking, world: World) -> None:
    from graphql import execute

    from schema.schema import schema

    document = parse(
        """query($on: Boolean!, $off: Boolean = false, $n: Int) { payments(first: $n) {
        nodes { id @include(if: $on) customer @skip(if: $off) { name } ... @include(if: $on) { quantity } }
        totalCount @include(if: $off) } }"""
    )

    async def run(who: str, **variables: Any) -> Any:
        answer = await execute(schema._schema, document, context_value=asking.context(who), variable_values=variables)  # type: ignore[misc]  # reads, so waits
        assert answer.errors is None
        return answer.data["payments"]

    assert await run("owner", on=True) == {"nodes": [{"id": world.alice.payment.id, "customer": {"name": "Alice"}, "quantity": 1}]}
    assert await run("owner", on=False) == {"nodes": [{"customer": {"name": "Alice"}}]}
    assert await run("owner", on=False, off=True) == {"nodes": [{}], "totalCount": 1}
    assert await run("other", on=True, off=True) == {"nodes": [{"id": world.bob.payment.id, "quantity": 1}], "totalCount": 1}
    await payment(world.alice.customer, 9)
    assert len((await run("owner", on=True, n=1))["nodes"]) == 1
    assert len((await run("owner", on=True, n=2))["nodes"]) == 2


async def test_only_so_many_plans_are_kept(asking: Asking, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "PLANS_KEPT", 3)
    monkeypatch.setattr(plans, "_roots", {})
    monkeypatch.setattr(asking_module, "parse", cache(parse))
    for number in range(9):
        assert await asking.ask("owner", f"{{ p{number}: payments {{ totalCount }} }}") == {f"p{number}": {"totalCount": 1}}
    assert len(plans._roots) == 3


async def test_a_plan_goes_with_its_document(asking: Asking, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_roots", {})
    kept = cache(parse)
    monkeypatch.setattr(asking_module, "parse", kept)
    await asking.ask("owner", "{ payments { totalCount } }")
    assert len(plans._roots) == 1
    kept.cache_clear()
    gc.collect()
    assert plans._roots == {}


async def test_reading_neither_waits_for_a_writer_nor_sees_what_is_not_committed(asking: Asking, world: World) -> None:
    text = "{ payments { nodes { quantity } } }"
    async with transaction():
        await Payment.filter(id=world.alice.payment.id).update(quantity=7)
        beside = asyncio.create_task(asking.ask("owner", text), context=contextvars.Context())
        assert await asyncio.wait_for(beside, 5) == {"payments": {"nodes": [{"quantity": 1}]}}
    assert await asking.ask("owner", text) == {"payments": {"nodes": [{"quantity": 7}]}}


async def test_only_the_columns_that_are_asked_for_are_read(asking: Asking, world: World) -> None:
    with watch() as statements:
        await asking.ask("admin", "{ payments { nodes { status customer { email } } } }")
    assert [statement.sql.partition(" FROM ")[0] for statement in statements] == [
        'SELECT "payment"."customer_id", "payment"."id", "payment"."status"',
        'SELECT "customer"."email", "customer"."external_id", "customer"."id"',
    ]


async def test_a_list_asked_for_its_count_alone_reads_no_rows(asking: Asking, world: World) -> None:
    with watch() as statements:
        await asking.ask("admin", "{ payments { totalCount } }")
    assert [statement.sql for statement in statements] == ['SELECT (SELECT COUNT(*) FROM "payment") AS "total"']


async def test_a_viewer_without_purchases(asking: Asking, database: str) -> None:
    text = "{ viewer { externalId customer { id } } payments { totalCount } }"
    assert await asking.ask("owner", text) == {"viewer": {"externalId": "alice", "customer": None}, "payments": {"totalCount": 0}}
    assert await asking.ask("anonymous", "{ viewer { externalId } }") == {"viewer": None}


async def test_the_configuration(asking: Asking, world: World) -> None:
    text = "{ config { publishableKey enabled testMode sandbox defaultCurrency currencies } }"
    expected = {"publishableKey": "pk_test_reads", "enabled": True, "testMode": True, "sandbox": True, "defaultCurrency": "USD"}
    assert await asking.ask("anonymous", text) == {"config": {**expected, "currencies": ["EUR", "USD"]}}
    from models import Price

    await Price.all().update(active=False)
    assert await asking.ask("anonymous", text) == {"config": {**expected, "currencies": ["USD"]}}


@pytest.mark.parametrize(
    ("status", "since", "expected"),
    [
        ("TRIALING", None, True),
        ("ACTIVE", None, True),
        ("PAST_DUE", timedelta(days=6, hours=23), True),
        ("PAST_DUE", timedelta(days=7, minutes=1), False),
        ("PAST_DUE", None, True),
        ("INCOMPLETE", None, False),
        ("INCOMPLETE_EXPIRED", None, False),
        ("UNPAID", None, False),
        ("PAUSED", None, False),
        ("CANCELED", None, False),
        ("UNKNOWN", None, False),
    ],
)
async def test_who_is_entitled(asking: Asking, world: World, status: str, since: timedelta | None, expected: bool) -> None:
    past_due_since = since and datetime.now(UTC) - since
    await Subscription.filter(id=world.alice.subscription.id).update(status=status, past_due_since=past_due_since)
    assert await asking.ask("owner", "{ subscriptions { nodes { entitled } } }") == {"subscriptions": {"nodes": [{"entitled": expected}]}}


@pytest.mark.parametrize(("locale", "text"), [("en", "$49.00"), ("de", "49,00\xa0$"), ("xx-none", "$49.00"), (None, "$49.00")])
async def test_money_for_people(asking: Asking, world: World, locale: str | None, text: str) -> None:
    query = "query($locale: String) { payments { nodes { amount { formatted(locale: $locale) plain: formatted } } } }"
    (node,) = (await asking.ask("owner", query, locale=locale))["payments"]["nodes"]
    assert node == {"amount": {"formatted": text, "plain": "$49.00"}}


@pytest.mark.parametrize("column", ["failure_code", "failure_message", "method_type"])
async def test_no_failure_and_no_method(asking: Asking, world: World, column: str) -> None:
    text = "{ payments { nodes { failure { code message } method { type } } } }"
    await Payment.filter(id=world.alice.payment.id).update(**{column: None})
    (node,) = (await asking.ask("owner", text))["payments"]["nodes"]
    assert (
        node
        == {
            "failure_code": {"failure": {"code": "unknown", "message": "Your card has insufficient funds."}, "method": {"type": "card"}},
            "failure_message": {"failure": {"code": "card_declined", "message": "card_declined"}, "method": {"type": "card"}},
            "method_type": {"failure": {"code": "card_declined", "message": "Your card has insufficient funds."}, "method": None},
        }[column]
    )


def test_a_column_that_was_not_read_is_named() -> None:
    with pytest.raises(AttributeError, match="amount of Row was not read"):
        _ = Row({"id": "x"}).amount


async def test_every_column_reads_as_the_model_has_it(world: World) -> None:
    from models import CheckoutSession, Customer, Price, Refund
    from models.rows import fetch

    for model in (CheckoutSession, Customer, Payment, Plan, Price, Refund, Subscription):
        columns = tuple(model._meta.fields_db_projection)
        rows = {row.id: row for row in await fetch(Select(model, columns))}
        for instance in await model.all():
            read = {name: getattr(rows[instance.id], name) for name in columns}
            assert read == {name: getattr(instance, name) for name in columns}


async def test_loading_for_a_payload(asking: Asking, world: World) -> None:
    """The same aliases twice below a payload's field, as a mutation reads them."""
    import strawberry
    from graphql import execute, parse
    from strawberry.schema.config import StrawberryConfig

    from schema.fields import bind
    from schema.query import Query
    from schema.scalars import SCALARS
    from schema.types.payment import Payment as PaymentType

    @strawberry.type
    class Payload:
        payment: PaymentType | None

    async def read_again(info: strawberry.Info, id: str) -> Payload:  # noqa: A002 - the argument's name
        return Payload(payment=await load(info, Payment, id, "payment"))  # type: ignore[arg-type]  # rows stand for types

    @strawberry.type
    class Mutation:
        reread: Payload = strawberry.mutation(resolver=read_again)

    made = strawberry.Schema(query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map=SCALARS))
    bind(made._schema)
    text = """mutation($id: String!) { reread(id: $id) {
      payment { id shown: customer { email } } other: payment { shown: customer { name } status refunds { id } } } }"""
    for who, expected in (
        (
            "owner",
            {
                "payment": {"id": world.alice.payment.id, "shown": {"email": "alice@example.test"}},
                "other": {"shown": {"name": "Alice"}, "status": "PARTIALLY_REFUNDED", "refunds": [{"id": world.alice.refund.id}]},
            },
        ),
        ("other", {"payment": None, "other": None}),
    ):
        for run in (
            made.execute(text, variable_values={"id": world.alice.payment.id}, context_value=asking.context(who)),
            execute(made._schema, parse(text), variable_values={"id": world.alice.payment.id}, context_value=asking.context(who)),
        ):
            answer: Any = await run  # type: ignore[misc]  # reads, so waits
            assert (answer.errors, answer.data) == (None, {"reread": expected})
