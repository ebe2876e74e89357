"""What a change would cost, asked in GraphQL: every field of it, by everybody."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, OperationDefinitionNode, parse

from models import AuditEntry, SubscriptionChange
from models.money import Money
from schema.limits import Limits, Measurement
from schema.schema import schema
from services.billing import Billing
from services.errors import RefusalCode
from tests.resolvers.asking import ROLES, Asking
from tests.services.between import Between, instead
from tests.services.shop import price_of
from tests.services.subscribers import begun

PREVIEW, PREVIEWED = "Query.previewSubscriptionChange", ("SubscriptionChangePreview", "PreviewLine")
MAY = frozenset({"owner", "support", "service", "admin"})
MONEY = "{ amount currency decimal }"
SELECTED = {"dueNow": MONEY, "nextInvoiceTotal": MONEY, "amount": MONEY, "lines": "{ description amount { amount } proration }"}
ASK = """query($id: ID!, $price: ID!, $quantity: Int, $proration: ProrationBehavior) {
  previewSubscriptionChange(id: $id, priceId: $price, quantity: $quantity, proration: $proration) { %s } }"""


def fields(kind: str) -> list[str]:
    found = schema._schema.type_map[kind]
    assert isinstance(found, GraphQLObjectType)
    return list(found.fields)


def selections() -> list[str]:
    """Each field alone."""
    whole = [f"{name} {SELECTED.get(name, '')}" for name in fields("SubscriptionChangePreview")]
    return whole + [f"lines {{ {name} {SELECTED.get(name, '')} }}" for name in fields("PreviewLine")]


@pytest.mark.parametrize("who", list(ROLES))
async def test_every_field_is_for_the_owner_and_staff(asking: Asking, shop: Billing, stripe: Between, who: str) -> None:
    subscription, price = await begun(shop, stripe), await price_of("pro", "USD", "YEAR")
    stripe.clear()
    for selection in selections():
        result = await asking.run(who, ASK % selection, id=subscription.id, price=price.id)
        if who in MAY:
            assert result.errors is None, selection
            assert result.data is not None
        else:
            expected = "UNAUTHENTICATED" if who == "anonymous" else "NOT_FOUND"
            assert [error.extensions["code"] for error in result.errors or [] if error.extensions] == [expected], selection
            assert (result.data, stripe.posted) == (None, [])
    assert (await SubscriptionChange.all().count(), await AuditEntry.filter(action="subscription.change").count()) == (0, 0)


async def test_what_it_says(asking: Asking, shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await price_of("pro", "USD", "YEAR")
    told = await asking.ask("owner", ASK % " ".join(selections()[:5]), id=subscription.id, price=price.id, quantity=2)
    preview = told["previewSubscriptionChange"]
    unused = -preview["lines"][0]["amount"]["amount"]
    assert 1_890 < unused <= 1_900
    due = Money(38_000 - unused, "USD")
    assert preview["dueNow"] == {"amount": due.amount, "currency": "USD", "decimal": due.decimal}
    assert preview["nextInvoiceTotal"] == {"amount": 38_000, "currency": "USD", "decimal": "380.00"}
    assert [line["proration"] for line in preview["lines"]] == [True, False]
    assert preview["prorationDate"] < preview["nextInvoiceAt"]


async def test_a_refusal_is_an_error_with_its_code(asking: Asking, shop: Billing, stripe: Between) -> None:
    subscription, yen = await begun(shop, stripe), await price_of("pro", "JPY", "MONTH")
    given: dict[str, Any] = {"id": subscription.id, "price": yen.id}
    result = await asking.run("owner", ASK % "dueNow { amount }", **given)
    (error,) = result.errors or []
    assert error.extensions == {"code": RefusalCode.INVALID_INPUT, "retryable": False, "field": ["priceId"]}
    assert error.message == "The subscription is paid in USD: choose a price in it."
    price = await price_of("pro", "USD", "YEAR")
    stripe.faults += [("/create_preview", instead(500))] * 4
    result = await asking.run("owner", ASK % "dueNow { amount }", **given | {"price": price.id})
    (error,) = result.errors or []
    assert error.extensions == {"code": RefusalCode.STRIPE_UNAVAILABLE, "retryable": True}


def test_it_costs_what_a_mutation_costs() -> None:
    document = parse(ASK % "dueNow { amount }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert Measurement(schema._schema, document, Limits()).operation(operation).cost == 502
