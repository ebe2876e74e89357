"""Who may call what: a mutation of the schema that is missing from the table fails."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest
from graphql import GraphQLObjectType

import models
from models.record import Record
from schema.schema import schema
from services.billing import Billing
from services.catalogue import PlanTerms, save_plan
from services.invoices import InvoiceTerms, LineTerms, create_invoice
from services.promotion_codes import PromotionTerms, create_promotion_code
from services.refund_requests import Asked, request_refund
from services.sellers import SellerTerms, save_seller
from tests.models.sound_rows import sound_row
from tests.mutations.test_mutations import event_of
from tests.resolvers.asking import ROLES, Asking
from tests.services.between import Between
from tests.services.shop import ALICE, SUPPORT, paid, price_of
from tests.services.subscribers import begun

SIGNED_IN = frozenset(ROLES) - {"anonymous"}
OWNER = frozenset({"owner"})
OWNER_AND_STAFF = OWNER | {"support", "service", "admin"}
OPERATORS = frozenset({"support", "admin"})
HOSTS = frozenset({"service", "admin"})
ADMIN = frozenset({"admin"})

Subject = dict[str, str]
Given = Callable[[Subject], dict[str, Any]]

BOOKING = {"customerExternalId": "alice", "amount": 1, "description": "x", "idempotencyKey": "key"}
LINES = [{"description": "Fee", "unitAmount": 5000}]
TABLE: dict[str, tuple[str, Given, frozenset[str], frozenset[str]]] = {
    "createCheckoutSession": ("checkoutSession", lambda _: {"planCode": "credits", "quantity": 5}, SIGNED_IN, SIGNED_IN),
    "createPaymentIntent": ("payment", lambda _: {"planCode": "credits", "quantity": 5}, SIGNED_IN, SIGNED_IN),
    "refreshPayment": ("payment", lambda ids: {"id": ids["payment"]}, SIGNED_IN, OWNER | {"support", "service", "admin"}),
    "createPortalSession": ("url", lambda _: {}, SIGNED_IN, SIGNED_IN),
    "createRefund": ("refund", lambda ids: {"paymentId": ids["payment"], "amount": 100, "idempotencyKey": "key"}, OPERATORS, OPERATORS),
    "requestRefund": ("refundRequest", lambda ids: {"paymentId": ids["other"], "reason": "Broken"}, SIGNED_IN, OWNER),
    "approveRefundRequest": ("refundRequest", lambda ids: {"id": ids["request"]}, OPERATORS, OPERATORS),
    "rejectRefundRequest": ("refundRequest", lambda ids: {"id": ids["request"], "note": "No"}, OPERATORS, OPERATORS),
    "withdrawRefundRequest": ("refundRequest", lambda ids: {"id": ids["request"]}, SIGNED_IN, OWNER),
    "cancelSubscription": ("subscription", lambda ids: {"id": ids["subscription"]}, SIGNED_IN, OWNER_AND_STAFF),
    "resumeSubscription": ("subscription", lambda ids: {"id": ids["subscription"]}, SIGNED_IN, OWNER_AND_STAFF),
    "changeSubscription": (
        "subscription",
        lambda ids: {"id": ids["subscription"], "priceId": ids["price"], "proration": "ALWAYS_INVOICE"},
        SIGNED_IN,
        OWNER_AND_STAFF,
    ),
    "pauseSubscription": ("subscription", lambda ids: {"id": ids["subscription"]}, SIGNED_IN, OWNER_AND_STAFF),
    "unpauseSubscription": ("subscription", lambda ids: {"id": ids["subscription"]}, SIGNED_IN, OWNER_AND_STAFF),
    "createInvoice": ("invoice", lambda _: {"customerExternalId": "alice", "currency": "USD", "lines": LINES}, HOSTS, HOSTS),
    "voidInvoice": ("invoice", lambda ids: {"id": ids["invoice"]}, HOSTS, HOSTS),
    "saveSeller": ("seller", lambda _: {"externalId": "dan", "name": "Dan"}, HOSTS, HOSTS),
    "grantCredits": ("entry", lambda _: BOOKING, HOSTS, HOSTS),
    "useCredits": ("entry", lambda _: BOOKING, HOSTS, HOSTS),
    "savePlan": (
        "plan",
        lambda _: {"code": "new", "kind": "PACKAGE", "name": "New", "prices": [{"currency": "USD", "unitAmount": 900}]},
        ADMIN,
        ADMIN,
    ),
    "archivePlan": ("plan", lambda _: {"code": "parting"}, ADMIN, ADMIN),
    "createPromotionCode": ("promotionCode", lambda _: {"code": f"TEN-{token_hex(6)}", "percentOff": 10}, ADMIN, ADMIN),
    "deactivatePromotionCode": ("promotionCode", lambda ids: {"id": ids["code"]}, ADMIN, ADMIN),
    "createEventDestination": ("eventDestination", lambda _: {"url": "https://93.184.215.14/"}, ADMIN, ADMIN),
    "updateEventDestination": ("eventDestination", lambda ids: {"id": ids["destination"], "rotateSecret": True}, ADMIN, ADMIN),
    "redeliver": ("delivery", lambda ids: {"id": ids["delivery"]}, ADMIN, ADMIN),
    "deleteEventDestination": ("eventDestination", lambda ids: {"id": ids["destination"]}, ADMIN, ADMIN),
    "eraseCustomer": ("customer", lambda ids: {"id": ids["stranger"]}, ADMIN, ADMIN),
    "replayWebhookEvent": ("webhookEvent", lambda ids: {"id": ids["event"]}, OPERATORS, OPERATORS),
}
"""Mutation -> the field of its result, its input, who may call it at all, and who gets something of these subjects, which are Alice's."""

KINDS = [one for one in vars(models).values() if isinstance(one, type) and issubclass(one, Record)]


def mutations() -> dict[str, Any]:
    kind = schema._schema.type_map["Mutation"]
    assert isinstance(kind, GraphQLObjectType)
    return dict(kind.fields)


def test_the_table_holds_every_mutation() -> None:
    assert set(TABLE) == set(mutations())


async def subjects(shop: Billing, stripe: Between) -> Subject:
    await save_seller(SUPPORT, SellerTerms("carol", "Carol"), None)
    await save_plan(shop, PlanTerms("parting", models.PlanKind.PACKAGE, "Parting", ()))
    payment, other = await paid(shop), await models.Payment.get(id=(await another(shop)).id)
    request = await request_refund(ALICE, Asked(payment.id, "Broken", 1_000), None)
    invoice = await create_invoice(SUPPORT, InvoiceTerms("alice", "USD", (LineTerms("Fee", 5000),)), None)
    code = await create_promotion_code(shop, SUPPORT, PromotionTerms(f"FIVE-{token_hex(6)}", percent_off=5.0), None)
    event = await event_of(payment)
    rows = {"payment": payment.id, "other": other.id, "request": request.object_id, "invoice": invoice.object_id}
    subscribed = {"subscription": (await begun(shop, stripe)).id, "price": (await price_of("pro", "USD", "YEAR")).id}
    delivery = await sound_row(models.Delivery)
    stranger = await models.Customer.create(external_id="stranger", email="stranger@example.test")
    told = {"stranger": stranger.id, "delivery": delivery.id, "destination": delivery.destination_id}
    return rows | subscribed | told | {"code": code.object_id, "event": event.id}


async def another(shop: Billing) -> models.Payment:
    """A second payment of Alice's, of credits."""
    from services.payment_intents import PaymentIntentRequest, create_payment_intent
    from services.purchases import Choice
    from tests.services.shop import confirm

    done = await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(plan_code="credits", currency="USD", quantity=5)))
    await confirm(shop, await models.Payment.get(id=done.object_id))
    return await models.Payment.get(id=done.object_id)


async def everything() -> dict[str, list[dict[str, Any]]]:
    return {kind.__name__: await kind.all().order_by("id").values() for kind in KINDS}


def text(name: str) -> str:
    result, kind = TABLE[name][0], mutations()[name].args["input"].type
    shown = result if result == "url" else f"{result} {{ id }}"
    return f"mutation($input: {kind}) {{ {name}(input: $input) {{ {shown} userErrors {{ code }} }} }}"


@pytest.mark.parametrize("who", list(ROLES))
async def test_who_may_call_what(asking: Asking, shop: Billing, stripe: Between, who: str) -> None:
    ids = await subjects(shop, stripe)
    await models.CreditEntry.all().count()
    for name, (result, given, may, gets) in TABLE.items():
        before = await everything()
        stripe.clear()
        answer = await asking.run(who, text(name), input=given(ids))
        if who in may:
            assert answer.errors is None, (name, answer.errors)
            assert answer.data is not None
            assert (name, answer.data[name][result] is not None) == (name, who in gets), answer.data
        else:
            expected = "UNAUTHENTICATED" if who == "anonymous" else "FORBIDDEN"
            assert [error.extensions["code"] for error in answer.errors or [] if error.extensions] == [expected], name
            assert (await everything(), stripe.posted) == (before, []), name
        if name in ("approveRefundRequest", "rejectRefundRequest", "withdrawRefundRequest"):
            await models.RefundRequest.filter(id=ids["request"]).update(
                status="PENDING", decided_at=None, pending_payment_id=ids["payment"], refund_id=None
            )
