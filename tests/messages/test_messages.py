"""What an e-mail says is what is true when it is sent, read from the rows; what is not true any more is not said."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from pydantic import SecretStr
from pypdf import PdfReader

from models import (
    Allocation,
    CheckoutSession,
    Customer,
    Delivery,
    Dispute,
    EventDestination,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Payment,
    PromotionCode,
    Receipt,
    Refund,
    RefundRequest,
    Subscription,
    WebhookEvent,
)
from services.emails.messages import message_of
from tests.messages.conftest import AT, SETTINGS
from tests.messages.rows import customer, email, paid, refunded, seller, subscribed

SOON = AT + timedelta(days=3)


def text_of(message: EmailMessage | None, kind: str = "plain") -> str:
    assert message is not None
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def attached(message: EmailMessage | None) -> list[tuple[str | None, str]]:
    """The name of each PDF, and its text on one line."""
    assert message is not None
    return [
        (part.get_filename(), " ".join(PdfReader(BytesIO(part.get_content())).pages[0].extract_text().split()))
        for part in message.iter_attachments()
    ]


async def said(kind: str, row_id: str, **more: Any) -> tuple[str, str]:
    message = await message_of(SETTINGS, email(kind, row_id, **more))
    assert message is not None
    return str(message["Subject"]), text_of(message)


async def is_silent(kind: str, row_id: str) -> bool:
    return await message_of(SETTINGS, email(kind, row_id)) is None


async def test_a_receipt_comes_as_pdf_with_what_it_says(database: str) -> None:
    payment = await paid(await customer())
    number = (await Receipt.get(cause_id=payment.id)).number
    message = await message_of(SETTINGS, email("RECEIPT", payment.id))
    assert message is not None
    assert str(message["Subject"]) == f"Receipt {number} from Acme School: $49.00"
    assert str(message["Content-Language"]) == "en"
    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    assert "We have received your payment of $49.00 for Course." in text_of(message)
    assert "<p " in text_of(message, "html")
    ((name, shown),) = attached(message)
    assert name == f"{number}.pdf"
    assert f"Receipt {number} Acme School" in shown
    assert "Paid $49.00" in shown


async def test_the_same_message_is_made_again_but_for_its_boundary(database: str) -> None:
    payment = await paid(await customer())
    made = [await message_of(SETTINGS, email("RECEIPT", payment.id)) for _ in range(2)]
    parts = [[part.get_payload(decode=True) for part in one.walk() if not part.is_multipart()] for one in made if one]
    assert parts[0] == parts[1]
    assert len(parts[0]) == 3


@pytest.mark.parametrize(
    ("locale", "subject", "pdf"),
    [
        ("de-CH", "Zahlungsbeleg {} von Acme School: $\xa049.00", "Bezahlt am 20. November 2026"),
        ("fr", "Reçu {}, Acme School : 49,00\xa0$US", "Payé le 20 novembre 2026"),
        ("ar", "Receipt {} from Acme School: $49.00", "Paid on November 20, 2026"),
        ("no locale", "Receipt {} from Acme School: $49.00", None),
        (None, "Receipt {} from Acme School: $49.00", "Paid on November 20, 2026"),
    ],
)
async def test_customers_are_written_to_in_their_language(database: str, locale: str | None, subject: str, pdf: str | None) -> None:
    payment = await paid(await customer(locale=locale if pdf else None))
    number = (await Receipt.get(cause_id=payment.id)).number
    message = await message_of(SETTINGS, email("RECEIPT", payment.id))
    assert message is not None
    assert str(message["Subject"]) == subject.format(number)
    assert (pdf or "Paid on November 20, 2026") in attached(message)[0][1]


async def test_a_locale_that_is_not_known_is_as_none(database: str) -> None:
    holder = await customer(locale="no-such-language-1")
    row = await subscribed(holder)
    assert (await said("SUBSCRIPTION_STARTED", row.id))[0] == "Your subscription to Course has started"
    message = await message_of(SETTINGS, email("RECEIPT", (await paid(holder)).id))
    assert "Paid on November 20, 2026" in attached(message)[0][1]


async def test_sellers_and_administrators_are_written_to_in_the_houses_language(database: str) -> None:
    payment = await paid(await customer(locale="fr"))
    house = SETTINGS.model_copy(update={"receipt_locale": "de"})
    for kind, subject in (("SALE", "Sie haben Course verkauft: 49,00\xa0$"),):
        message = await message_of(house, email(kind, payment.id))
        assert message is not None
        assert str(message["Subject"]) == subject


async def test_a_receipt_of_what_is_not_paid_says_nothing(database: str) -> None:
    payment = await paid(await customer())
    await Payment.filter(id=payment.id).update(status="FAILED")
    assert await is_silent("RECEIPT", payment.id)
    assert await is_silent("SALE", payment.id)
    assert await is_silent("RECEIPT", "pay_00000000000000000000000000")
    assert await is_silent("RECEIPT", "not an id")


async def test_a_sale_shows_its_seller_the_customers_external_id_alone(database: str) -> None:
    buyer, owner = await customer(external_id="user-4711"), await seller()
    payment = await paid(buyer, seller_id=owner.id, quantity=2)
    back = await refunded(payment, 900, seller_id=owner.id)
    for kind, row_id, subject in (
        ("SALE", payment.id, "You sold Course: $49.00"),
        ("SALE_REFUNDED", back.id, "$9.00 refunded for Course"),
    ):
        message = await message_of(SETTINGS, email(kind, row_id, seller_id=owner.id))
        assert message is not None
        shown = text_of(message) + text_of(message, "html") + str(message["Subject"])
        assert str(message["Subject"]) == subject
        assert ("Hello Cleo," in shown, "Customer: user-4711" in shown, payment.id in shown) == (True, True, True)
        assert [secret for secret in ("Ada", "ada@example.test", buyer.id) if secret in shown] == []
        assert attached(message) == []


async def test_a_failed_payment_says_why_and_where_it_is_tried_again(database: str) -> None:
    declined = {"status": "FAILED", "failure_code": "card_declined", "failure_decline_code": "insufficient_funds", "succeeded_at": None}
    buyer = await customer()
    payment = await paid(buyer, **declined)
    subject, text = await said("PAYMENT_FAILED", payment.id)
    assert subject == "Your payment of $49.00 did not go through"
    assert "There was not enough money in the account" in text
    assert "Try again:\nhttps://app.example.test/account\n" in text
    url = "https://checkout.example.test/c/1"
    begun: dict[str, Any] = {
        "customer_id": buyer.id,
        "payment_id": payment.id,
        "price_id": payment.price_id,
        "mode": "PAYMENT",
        "stripe_session_id": "cs_1",
    }
    await CheckoutSession.create(**begun, status="OPEN", url=url, expires_at=SOON)
    assert f"Try again:\n{url}\n" in (await said("PAYMENT_FAILED", payment.id))[1]
    await CheckoutSession.filter(payment_id=payment.id).update(status="EXPIRED")
    assert f"{url}\n" not in (await said("PAYMENT_FAILED", payment.id))[1]
    for status in ("SUCCEEDED", "CANCELED", "PROCESSING"):
        await Payment.filter(id=payment.id).update(status=status)
        assert await is_silent("PAYMENT_FAILED", payment.id)
        assert await is_silent("ADMIN_PAYMENT_FAILED", payment.id)


@pytest.mark.parametrize("code", ["lost_card", "stolen_card", "fraudulent", "pickup_card", "do_not_honor", "a_new_code"])
async def test_a_holder_is_not_told_what_banks_keep_from_them(database: str, code: str) -> None:
    payment = await paid(await customer(), status="FAILED", failure_code="card_declined", failure_decline_code=code, succeeded_at=None)
    text = (await said("PAYMENT_FAILED", payment.id))[1]
    assert "The bank declined the payment without giving us a reason." in text
    assert code not in text
    admin = (await said("ADMIN_PAYMENT_FAILED", payment.id))[1]
    assert f"Reason: {code}" in admin
    assert f"https://dashboard.stripe.com/test/payments/{payment.stripe_payment_intent_id}" in admin


@pytest.mark.parametrize(
    ("told", "link"),
    [
        ({"stripe_secret_key": SecretStr("sk_live_1")}, "https://dashboard.stripe.com/payments/pi_seen"),
        ({"stripe_secret_key": SecretStr("sk_test_1")}, "https://dashboard.stripe.com/test/payments/pi_seen"),
        ({"sandbox": True, "stripe_api_base": "http://127.0.0.1:8000/sandbox"}, "https://pay.example.test/sandbox/"),
        ({"stripe_api_base": "http://127.0.0.1:12111"}, None),
    ],
)
async def test_administrators_are_led_to_where_the_payment_is(database: str, told: dict[str, Any], link: str | None) -> None:
    payment = await paid(await customer(), status="FAILED", succeeded_at=None, stripe_payment_intent_id="pi_seen")
    text = text_of(await message_of(SETTINGS.model_copy(update=told), email("ADMIN_PAYMENT_FAILED", payment.id)))
    assert (f"Open in Stripe:\n{link}\n" in text) is (link is not None)
    assert ("Open in Stripe" in text) is (link is not None)


async def test_a_refund_comes_with_its_credit_note(database: str) -> None:
    payment = await paid(await customer())
    back = await refunded(payment, 900)
    number = (await Receipt.get(cause_id=back.id)).number
    message = await message_of(SETTINGS, email("REFUND_CONFIRMED", back.id))
    assert message is not None
    assert str(message["Subject"]) == "Refund of $9.00 from Acme School"
    assert "We have refunded $9.00 for Course to Visa ••••\xa04242." in text_of(message)
    ((name, shown),) = attached(message)
    assert name == f"{number}.pdf"
    assert "Refunded $9.00" in shown
    await Refund.filter(id=back.id).update(status="FAILED")
    assert await is_silent("REFUND_CONFIRMED", back.id)
    assert await is_silent("SALE_REFUNDED", back.id)


async def test_administrators_are_told_of_a_refund_that_did_not_arrive(database: str) -> None:
    payment = await paid(await customer(external_id="user-4711"))
    back = await refunded(payment, 900)
    assert await is_silent("ADMIN_REFUND_FAILED", back.id)
    await Refund.filter(id=back.id).update(status="FAILED", failure_reason="expired_or_canceled_card")
    subject, text = await said("ADMIN_REFUND_FAILED", back.id)
    assert subject == "Refund of $9.00 failed"
    assert "may have been told that it is on its way. Stripe says: expired or canceled card.\n" in text
    assert f"Customer: user-4711, Ada Lovelace, ada@example.test\nReason: expired or canceled card\nPayment: {payment.id}\n" in text
    await Refund.filter(id=back.id).update(status="CANCELED", failure_reason=None)
    subject, text = await said("ADMIN_REFUND_FAILED", back.id)
    assert (subject, "Stripe says" in text) == ("Refund of $9.00 was canceled", False)


async def test_a_decision_comes_with_its_note(database: str) -> None:
    payment = await paid(await customer())
    asked: dict[str, Any] = {
        "payment_id": payment.id,
        "customer_id": payment.customer_id,
        "amount": 900,
        "currency": "USD",
        "reason": "Too hard",
    }
    row = await RefundRequest.create(**asked, status="REJECTED", decision_note="No.\r\n\r\nYou have used it.", decided_at=AT)
    subject, text = await said("REFUND_REQUEST_DECIDED", row.id)
    assert subject == "Your refund request was declined"
    assert "You asked for a refund of $9.00 for Course." in text
    assert "Our answer:\n\n> No.\n> You have used it.\n" in text
    await RefundRequest.filter(id=row.id).update(status="APPROVED", decision_note=None, amount=None)
    subject, text = await said("REFUND_REQUEST_DECIDED", row.id)
    assert subject == "Your refund request was approved"
    assert "Our answer" not in text
    await RefundRequest.filter(id=row.id).update(status="WITHDRAWN")
    assert await is_silent("REFUND_REQUEST_DECIDED", row.id)
    await RefundRequest.filter(id=row.id).update(status="PENDING", pending_payment_id=payment.id, decided_at=None)
    assert await is_silent("REFUND_REQUEST_DECIDED", row.id)


async def test_an_order_is_named_by_its_lines(database: str) -> None:
    buyer = await customer()
    invoice = await Invoice.create(customer_id=buyer.id, currency="USD", total=4_900, amount_paid=4_900, status="PAID", reference="ORDER-7")
    payment = await paid(buyer, invoice_id=invoice.id, plan_id=None, price_id=None)
    for place, name in enumerate(["Mug", "Shirt"], 1):
        told: dict[str, Any] = {"description": name, "position": place, "unit_amount": 2_450, "amount": 2_450, "currency": "USD"}
        line = await InvoiceLine.create(invoice_id=invoice.id, customer_id=buyer.id, **told)
        await Allocation.create(line_id=line.id, payment_id=payment.id, amount=2_450)
    _, text = await said("RECEIPT", payment.id)
    assert "payment of $49.00 for Mug and 1 more." in text
    assert "Mug: $24.50\nShirt: $24.50\n\nTotal: $49.00\nPaid: $49.00\n" in text
    assert "Reference: ORDER-7" in text
    assert "Item: Mug, Shirt" in (await said("SALE", payment.id))[1]


async def test_whoever_bought_first_is_welcomed_with_what(database: str) -> None:
    holder = await customer()
    payment, row = await paid(holder), await subscribed(holder)
    for row_id in (payment.id, row.id):
        subject, text = await said("WELCOME", row_id)
        assert subject == "Welcome to Acme School"
        assert "Thank you for your first purchase: Course." in text


async def test_a_subscription_is_told_as_it_stands(database: str) -> None:
    row = await subscribed(await customer(), current_period_end=SOON, quantity=3)
    text = (await said("SUBSCRIPTION_STARTED", row.id))[1]
    assert "Plan: Course\nPrice: $49.00 per month\nQuantity: 3\nNext payment: November 23, 2026\n" in text
    assert await is_silent("TRIAL_ENDING", row.id)
    assert await is_silent("SUBSCRIPTION_ENDING", row.id)
    assert await is_silent("SUBSCRIPTION_ENDED", row.id)
    assert await is_silent("SUBSCRIPTION_PAYMENT_FAILED", row.id)
    await Subscription.filter(id=row.id).update(cancel_at=SOON, cancel_at_period_end=True)
    assert (await said("SUBSCRIPTION_ENDING", row.id))[0] == "Your subscription to Course will end on November 23, 2026"
    assert "Next payment" not in (await said("SUBSCRIPTION_STARTED", row.id))[1]
    await Subscription.filter(id=row.id).update(status="CANCELED", ended_at=SOON)
    subject, text = await said("SUBSCRIPTION_ENDED", row.id)
    assert subject == "Your subscription to Course has ended"
    assert "ended on November 23, 2026." in text
    assert "invoice" not in text.lower()
    assert await is_silent("SUBSCRIPTION_STARTED", row.id)
    assert await is_silent("SUBSCRIPTION_ENDING", row.id)


async def test_nobody_is_told_that_a_subscription_renews_which_ends_before(database: str) -> None:
    row = await subscribed(await customer())
    assert "It renews automatically until you cancel it." in (await said("SUBSCRIPTION_STARTED", row.id))[1]
    await Subscription.filter(id=row.id).update(cancel_at=SOON, cancel_at_period_end=True)
    text = (await said("SUBSCRIPTION_STARTED", row.id))[1]
    assert "It ends on November 23, 2026." in text
    assert "renews" not in text


async def test_nobody_is_told_what_a_trial_costs_afterwards_that_ends_with_it(database: str) -> None:
    row = await subscribed(await customer(), status="TRIALING", trial_ends_at=SOON)
    assert "After that it costs $49.00 per month." in (await said("SUBSCRIPTION_STARTED", row.id))[1]
    await Subscription.filter(id=row.id).update(cancel_at=SOON, cancel_at_period_end=True)
    assert "After that" not in (await said("SUBSCRIPTION_STARTED", row.id))[1]


async def test_a_trial_of_several_pieces_is_told_what_all_of_them_cost(database: str) -> None:
    row = await subscribed(await customer(stripe_payment_method_id="pm_1"), status="TRIALING", trial_ends_at=SOON, quantity=3)
    for kind, sentence in (("SUBSCRIPTION_STARTED", "After that"), ("TRIAL_ENDING", "From then on")):
        text = (await said(kind, row.id))[1]
        assert f"{sentence} it costs $147.00 per month." in text
        assert "Price: $49.00 per month\nQuantity: 3\n" in text


async def test_nobody_who_has_a_discount_is_told_the_full_price_as_theirs(database: str) -> None:
    holder = await customer(stripe_payment_method_id="pm_1")
    row = await subscribed(holder, status="TRIALING", trial_ends_at=SOON)
    code = await PromotionCode.create(
        code="Spring",
        code_key="SPRING",
        active=True,
        percent_off=50.0,
        duration="FOREVER",
        stripe_promotion_code_id="promo",
        stripe_coupon_id="c",
    )
    begun: dict[str, Any] = {
        "customer_id": holder.id,
        "price_id": row.price_id,
        "mode": "SUBSCRIPTION",
        "status": "COMPLETE",
        "expires_at": SOON,
    }
    session = await CheckoutSession.create(**begun, subscription_id=row.id, quantity=1, parameters={})
    for kind, sentence in (("SUBSCRIPTION_STARTED", "After that"), ("TRIAL_ENDING", "From then on")):
        await CheckoutSession.filter(id=session.id).update(promotion_code_id=None)
        assert f"{sentence} it costs $49.00 per month." in (await said(kind, row.id))[1]
        await CheckoutSession.filter(id=session.id).update(promotion_code_id=code.id)
        text = (await said(kind, row.id))[1]
        assert sentence not in text
        assert "Price: $49.00 per month\nPromotion code: Spring\n" in text


async def test_a_subscription_to_what_the_catalogue_does_not_have_is_one_to_the_house(database: str) -> None:
    row = await subscribed(await customer(), plan_id=None, price_id=None)
    subject, text = await said("SUBSCRIPTION_STARTED", row.id)
    assert subject == "Your subscription to Acme School has started"
    assert "Thank you for subscribing to Acme School." in text
    assert "Plan:" not in text


async def test_a_trial_that_ends_asks_for_a_payment_method_only_where_there_is_none(database: str) -> None:
    holder = await customer()
    row = await subscribed(holder, status="TRIALING", trial_ends_at=SOON)
    subject, text = await said("TRIAL_ENDING", row.id)
    assert subject == "Your trial of Course ends on November 23, 2026"
    assert "If you would like to continue for $49.00 per month, please add a payment method before that date." in text
    await Customer.filter(id=holder.id).update(stripe_payment_method_id="pm_1")
    assert "From then on it costs $49.00 per month." in (await said("TRIAL_ENDING", row.id))[1]
    await Subscription.filter(id=row.id).update(cancel_at=SOON)
    assert await is_silent("TRIAL_ENDING", row.id)


async def test_a_period_that_could_not_be_charged_leads_to_stripes_page_of_the_invoice(database: str) -> None:
    holder = await customer()
    since = datetime.now(UTC) - timedelta(days=1)
    row = await subscribed(holder, status="PAST_DUE", past_due_since=since)
    subject, text = await said("SUBSCRIPTION_PAYMENT_FAILED", row.id)
    assert subject == "Payment for your subscription to Course did not go through"
    assert "We could not collect the payment for your subscription to Course.\n\nPlease check your payment method" in text
    url = "https://invoice.example.test/i/1"
    told: dict[str, Any] = {
        "customer_id": holder.id,
        "subscription_id": row.id,
        "currency": "USD",
        "total": 4_900,
        "credit_applied": 900,
        "status": "OPEN",
    }
    invoice = await Invoice.create(**told, origin="SUBSCRIPTION", number="A-7", hosted_url=url, next_attempt_at=SOON)
    await paid(holder, invoice_id=invoice.id, status="REQUIRES_ACTION", succeeded_at=None)
    text = (await said("SUBSCRIPTION_PAYMENT_FAILED", row.id))[1]
    assert "We could not collect $40.00 for your subscription to Course.\n\nYour bank asks you to confirm the payment." in text
    await Invoice.filter(id=invoice.id).update(credit_applied=-900)
    assert "We could not collect $58.00 for your subscription" in (await said("SUBSCRIPTION_PAYMENT_FAILED", row.id))[1]
    assert f"Pay now:\n{url}\n" in text
    assert "Invoice: A-7\nNext attempt: November 23, 2026\nAccess until: " in text
    await Subscription.filter(id=row.id).update(past_due_since=since - timedelta(days=30))
    assert "access" not in (await said("SUBSCRIPTION_PAYMENT_FAILED", row.id))[1].lower()
    await Subscription.filter(id=row.id).update(status="CANCELED", ended_at=AT, past_due_since=None)
    assert "An invoice had not been paid." in (await said("SUBSCRIPTION_ENDED", row.id))[1]
    await Subscription.filter(id=row.id).update(status="ACTIVE")
    assert await is_silent("SUBSCRIPTION_PAYMENT_FAILED", row.id)


async def test_administrators_are_told_of_disputes_and_how_they_end(database: str) -> None:
    payment = await paid(await customer(external_id="user-4711"))
    told: dict[str, Any] = {
        "payment_id": payment.id,
        "amount": 4_900,
        "currency": "EUR",
        "reason": "product_not_received",
        "stripe_dispute_id": "du_1",
    }
    row = await Dispute.create(**told, status="NEEDS_RESPONSE", stripe_status="needs_response", evidence_due_by=SOON)
    subject, text = await said("ADMIN_DISPUTE_OPENED", row.id)
    assert subject == "Dispute over €49.00: answer by November 23, 2026"
    assert "Dispute: du_1\nAmount: €49.00\nReason: product not received\nCustomer: user-4711, Ada Lovelace, ada@example.test\n" in text
    assert text.startswith("A payment is disputed\n\nThe bank")
    assert await is_silent("ADMIN_DISPUTE_CLOSED", row.id)
    await Dispute.filter(id=row.id).update(status="LOST", stripe_status="lost")
    assert (await said("ADMIN_DISPUTE_CLOSED", row.id))[0] == "Dispute over €49.00 lost"
    assert await is_silent("ADMIN_DISPUTE_OPENED", row.id)


async def test_administrators_are_told_what_was_given_up_and_by_which_command_it_goes_on(database: str) -> None:
    times: dict[str, Any] = {"occurred_at": AT, "received_at": AT}
    event = await WebhookEvent.create(stripe_event_id="evt_1", type="invoice.paid", status="FAILED", attempts=12, payload="{}", **times)
    entry = await OutboxEntry.create(kind="RETURN_EXCESS", subject_id=event.id, attempts=20, error="\x1b[31mNo\nmoney")
    destination = await EventDestination.create(url="https://app.example.test/events", secret="whsec_c2VjcmV0", event_types=[])
    sent: dict[str, Any] = {"event_id": "bev_1", "event_type": "invoice.paid", "object_id": event.id, "position": 1, "payload": "{}"}
    delivery = await Delivery.create(destination_id=destination.id, status="DEAD", attempts=12, error="It answered 500.", **sent)
    for row_id, subject, command, fact in (
        (event.id, "Given up after 12 attempts: event from Stripe", f"billgraph webhooks replay {event.id}", "Type: invoice.paid"),
        (entry.id, "Given up after 20 attempts: task at Stripe", f"billgraph outbox retry {entry.id}", "Error: [31mNo money"),
        (
            delivery.id,
            "Given up after 12 attempts: outgoing event",
            f"billgraph deliveries redeliver {delivery.id}",
            "Address: https://app.example.test/events",
        ),
    ):
        told, text = await said("ADMIN_WORK_GIVEN_UP", row_id)
        assert told == subject
        assert f"> {command}\n" in text
        assert fact in text
        assert "whsec_" not in text
    await WebhookEvent.filter(id=event.id).update(status="PROCESSED")
    await OutboxEntry.filter(id=entry.id).update(next_attempt_at=AT)
    await Delivery.filter(id=delivery.id).update(status="DELIVERED")
    assert [await is_silent("ADMIN_WORK_GIVEN_UP", row_id) for row_id in (event.id, entry.id, delivery.id)] == [True, True, True]


async def test_where_to_unsubscribe_stands_in_both_parts(database: str) -> None:
    payment = await paid(await customer())
    address = "https://pay.example.test/emails/unsubscribe/token?a=1&b=2"
    message = await message_of(SETTINGS, email("WELCOME", payment.id), address)
    assert f"Unsubscribe from e-mails like this one:\n{address}\n" in text_of(message)
    assert 'href="https://pay.example.test/emails/unsubscribe/token?a=1&amp;b=2"' in text_of(message, "html")
    assert "nsubscribe" not in text_of(await message_of(SETTINGS, email("RECEIPT", payment.id)))
