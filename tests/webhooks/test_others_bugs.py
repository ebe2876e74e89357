"""What users of other billing back ends had to report, each with the tests that guard against it here.

A sale that two checkout sessions, open at the same time, could both be paid for (lago-api #5708) is guarded as far as the second purchase
of what somebody has is refused; of two sessions that were opened before either was paid, both can be paid.
"""

import re
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx

from models import AuditEntry, Payment, Refund, Subscription, WebhookEvent
from models.money import Money
from tests.mirror.catalogue import Ids
from tests.mirror.objects import MONTH, START, charge, event, intent, invoice, refund, subscription, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf
from tests.webhooks.endpoint import send
from webhooks.handlers import HANDLERS

ROOT = Path(__file__).parent.parent
HERE = f"webhooks/{Path(__file__).name}"

GUARDED = {
    "Stripe was called inside a transaction (dj-stripe)": [
        "webhooks/test_inbox.py::test_asking_stripe_inside_a_transaction_is_seen_by_these_tests",
    ],
    "events at once ended in deadlocks (dj-stripe #1267)": [
        "webhooks/test_concurrent.py::test_events_that_lock_two_payments_in_turn_neither_wait_for_ever_nor_fail",
        "webhooks/test_concurrent.py::test_fifty_events_of_one_new_subscription_end_in_the_newest",
    ],
    "refund.* and invoice_payment.paid did nothing (dj-stripe)": [
        f"{HERE}::test_events_of_refunds_and_of_payments_of_invoices_have_their_effect",
    ],
    "a stored event could not be replayed (dj-stripe)": [
        "webhooks/test_replay.py::test_a_replay_does_what_the_preview_said_and_is_audited",
        "webhooks/test_replay_command.py::test_a_dry_run_shows_and_a_replay_does",
    ],
    "amounts of JPY were divided by 100 (dj-stripe)": [
        f"{HERE}::test_amounts_are_stripes_own_minor_units_in_every_currency",
        "models/test_money.py::test_known_amounts",
    ],
    "the table of events grew without end (dj-stripe #1071)": [
        "webhooks/test_replay.py::test_old_payloads_of_handled_events_go_and_their_rows_stay",
    ],
    "the second event of one second was lost, or an older one won (stripe/sync-engine #268)": [
        f"{HERE}::test_of_two_events_of_one_second_neither_is_lost_nor_believed_blindly",
        "mirror/test_payments.py::test_a_tie_is_read_from_stripe",
        "webhooks/test_inbox.py::test_events_of_one_second_at_once_end_in_what_stripe_has",
    ],
    "our clock was held against Stripe's (stripe/sync-engine)": [
        f"{HERE}::test_our_clock_says_nothing_about_what_is_newer",
        "services/test_stripe_failures.py::test_an_answer_is_dated_by_stripe_s_clock",
    ],
    "an event of unknown type was answered 400 (stripe/sync-engine)": [
        "webhooks/test_route.py::test_an_unknown_type_is_recorded_as_ignored",
    ],
    "backfill looked at creation, and missed changes of old objects (stripe/sync-engine #111)": [
        "reconciliation/test_backfill.py::test_a_change_of_an_old_object_is_found",
        "reconciliation/test_reconcile.py::test_an_open_row_is_read_whatever_its_age",
    ],
    "only one secret was taken (stripe/sync-engine)": [
        "webhooks/test_route.py::test_each_secret_of_a_rotation_is_believed",
    ],
    "duplicates acted twice (pay #371, lago-api)": [
        "webhooks/test_route.py::test_a_duplicate_changes_nothing",
        "webhooks/test_concurrent.py::test_fifty_copies_of_one_event_have_one_effect",
    ],
    "late events put a subscription back to incomplete (cashier-stripe #1201, #1759, #1760, #1773)": [
        f"{HERE}::test_late_events_do_not_put_a_subscription_back_to_incomplete",
        "mirror/test_moves.py::test_subscriptions",
    ],
    "events that failed were never tried again (lago-api)": [
        "webhooks/test_inbox.py::test_what_is_due_is_tried_again_until_the_limit",
        "webhooks/test_worker.py::test_a_failed_event_is_ended_and_the_worker_goes_on",
    ],
    "what was paid by a renewal could be paid again by an open session (lago-api #5547, #5708)": [
        "services/test_checkout.py::test_a_plan_is_subscribed_to_once",
        "services/test_checkout.py::test_a_course_is_bought_once_and_credits_often",
    ],
    "the second of two equal partial refunds was swallowed (saleor/apps #2446)": [
        f"{HERE}::test_two_equal_refunds_of_the_dashboard_are_two",
        "services/test_refunds.py::test_two_equal_refunds_are_two_and_one_key_is_one",
    ],
    "an update of the same second left a paid invoice open (posthog #98651)": [
        f"{HERE}::test_a_paid_invoice_is_not_left_open_by_a_word_of_the_same_second",
    ],
    "an endpoint of another API version wrote NULLs (posthog #94427)": [
        "mirror/test_versions.py::test_every_version_ends_in_the_same_rows",
        f"{HERE}::test_what_a_version_shows_nowhere_fails_its_event_and_blanks_nothing",
    ],
    "a cancel in the portal was missed, which sets cancel_at alone (convex/stripe #18, better-auth #5818)": [
        f"{HERE}::test_a_cancel_that_sets_cancel_at_alone_is_a_scheduled_end",
    ],
    "first purchases at once made several customers at Stripe (llmgateway #3033)": [
        "services/test_customers.py::test_fifty_first_purchases_at_once_make_one_customer",
    ],
    "400 events of one renewal hour timed out (craftcms #1296)": [
        "webhooks/test_concurrent.py::test_four_hundred_events_of_one_renewal_hour_are_all_taken_at_once",
    ],
    "new features of a product never reached those who had it (formbricks #8141)": [
        "mutations/test_features.py::test_new_features_reach_those_who_have_the_plan",
    ],
}
"""What went wrong elsewhere -> file and name of the tests here."""


def test_each_of_them_has_its_tests() -> None:
    for name in (name for names in GUARDED.values() for name in names):
        file, _, test = name.partition("::")
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), name


async def statuses(client: httpx.AsyncClient, *sent: dict[str, Any]) -> list[str]:
    """Post the events one after the other, each answered 200; what became of each."""
    answers = [await send(client, one) for one in sent]
    assert [answer.status_code for answer in answers] == [200] * len(sent)
    return [answer.json()["status"] for answer in answers]


async def test_events_of_refunds_and_of_payments_of_invoices_have_their_effect(client: httpx.AsyncClient, ids: Ids, shelf: Shelf) -> None:
    assert {"refund.created", "refund.updated", "refund.failed", "invoice_payment.paid"} <= set(HANDLERS)
    shelf.put(charge(amount_refunded=1000))
    shelf.now = START + 100
    told = [
        event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5),
        event("refund.created", refund(status="pending"), START + 50),
        event("refund.updated", refund(status="succeeded"), START + 51),
        event("refund.failed", refund(status="failed", failure_reason="lost_or_stolen_card"), START + 52),
    ]
    found = []
    for one in told:
        assert await statuses(client, one) == ["PROCESSED"]
        found.append([row.status async for row in Refund.all()])
    assert found == [[], ["PENDING"], ["SUCCEEDED"], ["FAILED"]]
    for thing in (
        subscription(),
        invoice(pays="pi_2"),
        succeeded(id="pi_2", latest_charge="ch_2"),
        charge(id="ch_2", payment_intent="pi_2"),
    ):
        shelf.put(thing)
    paid = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid", "amount_paid": 4900}
    assert await statuses(client, event("invoice_payment.paid", paid, START + 60)) == ["PROCESSED"]
    assert shown(await Payment.get(stripe_invoice_id="in_1"), "status", "amount", "stripe_charge_id") == ["SUCCEEDED", 4900, "ch_2"]


async def test_amounts_are_stripes_own_minor_units_in_every_currency(client: httpx.AsyncClient, ids: Ids) -> None:
    wanted = {
        "usd": ("49.00", "10.00"),
        "jpy": ("4900", "1000"),
        "kwd": ("4.900", "1.000"),
        "krw": ("4900", "1000"),
        "isk": ("49.00", "10.00"),
    }
    found = {}
    for currency in wanted:
        ours = await Payment.create(
            customer_id=ids.customer, amount=4900, currency=currency.upper(), stripe_payment_intent_id=f"pi_{currency}"
        )
        of = {"id": f"ch_{currency}", "payment_intent": f"pi_{currency}", "currency": currency}
        paid = succeeded(id=f"pi_{currency}", currency=currency, latest_charge=of["id"])
        await statuses(client, event("payment_intent.succeeded", paid, START + 5))
        await statuses(client, event("charge.refunded", charge(**of, amount_refunded=1000), START + 9))
        row = await Payment.get(id=ours.id)
        assert shown(row, "status", "amount", "amount_refunded", "currency") == ["PARTIALLY_REFUNDED", 4900, 1000, currency.upper()]
        found[currency] = (Money(row.amount, row.currency).decimal, Money(row.amount_refunded, row.currency).decimal)
    assert found == wanted


async def test_of_two_events_of_one_second_neither_is_lost_nor_believed_blindly(client: httpx.AsyncClient, ids: Ids, shelf: Shelf) -> None:
    shelf.now = START + 40
    for number, order in enumerate(permutations([("past_due", 3), ("active", 2), ("active", 1)])):
        name = f"sub_{number}"
        shelf.put(subscription(id=name, status="active", quantity=2))
        sent = [
            event("customer.subscription.updated", subscription(id=name, status=status, quantity=seats), START, seats)
            for status, seats in order
        ]
        await statuses(client, *sent)
        assert shown(await Subscription.get(stripe_subscription_id=name), "status", "quantity") == ["ACTIVE", 2]
    assert await WebhookEvent.all().count() == 18


async def test_our_clock_says_nothing_about_what_is_newer(client: httpx.AsyncClient, ids: Ids, shelf: Shelf) -> None:
    """Stripe's clock is decades behind ours, and then ahead of it."""
    for began in (500_000_000, 4_000_000_000):
        name = f"sub_{began}"
        sent = [
            event("customer.subscription.updated", subscription(id=name, begins=began, quantity=second + 1), began + second)
            for second in (1, 2, 0)
        ]
        assert await statuses(client, *sent) == ["PROCESSED", "PROCESSED", "STALE"]
        assert shown(await Subscription.get(stripe_subscription_id=name), "quantity", "stripe_version") == [3, began + 2]
    assert shelf.read == []


async def test_late_events_do_not_put_a_subscription_back_to_incomplete(client: httpx.AsyncClient, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription())
    shelf.now = START + 60
    begun, paid = subscription(status="incomplete"), subscription()
    late = [
        event("customer.subscription.created", begun, START + 4),
        event("customer.subscription.updated", begun, START + 5),
        event("customer.subscription.updated", begun, START + 6, 1),
        event("customer.subscription.updated", subscription(status="incomplete_expired"), START + 7, 2),
    ]
    await statuses(client, event("customer.subscription.updated", paid, START + 5, 3))
    before = values(await Subscription.get())
    assert before["status"] == "ACTIVE"
    assert await statuses(client, *late) == ["STALE"] * 4
    assert values(await Subscription.get()) == before
    assert [entry.changes["status"] async for entry in AuditEntry.filter(action="subscription.status")] == [[None, "ACTIVE"]]


async def test_two_equal_refunds_of_the_dashboard_are_two(client: httpx.AsyncClient, ids: Ids) -> None:
    await statuses(
        client,
        event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5),
        event("refund.created", refund(id="re_1"), START + 50),
        event("refund.created", refund(id="re_2"), START + 50),
        event("charge.refunded", charge(amount_refunded=2000), START + 50),
    )
    assert sorted([(row.stripe_refund_id, row.amount) async for row in Refund.all()]) == [("re_1", 1000), ("re_2", 1000)]
    assert shown(await Payment.get(id=ids.payment), "status", "amount_refunded") == ["PARTIALLY_REFUNDED", 2000]


async def test_a_paid_invoice_is_not_left_open_by_a_word_of_the_same_second(client: httpx.AsyncClient, ids: Ids, shelf: Shelf) -> None:
    shelf.now = START + 60
    for number, order in enumerate(permutations(["invoice.finalized", "invoice.updated", "invoice.paid"])):
        of = {"id": f"in_{number}", "pays": f"pi_{number}"}
        states = {"invoice.finalized": "open", "invoice.updated": "open", "invoice.paid": "paid"}
        for thing in (subscription(), invoice(**of), succeeded(id=of["pays"], latest_charge=f"ch_{number}")):
            shelf.put(thing)
        shelf.put(charge(id=f"ch_{number}", payment_intent=of["pays"]))
        await statuses(client, *(event(kind, invoice(**of, status=states[kind]), START + 6) for kind in order))
        assert shown(await Payment.get(stripe_invoice_id=of["id"]), "status", "amount") == ["SUCCEEDED", 4900]
        late = event("payment_intent.created", intent(id=of["pays"]), START + 6)
        await statuses(client, late)
        assert (await Payment.get(stripe_invoice_id=of["id"])).status == "SUCCEEDED"


async def test_what_a_version_shows_nowhere_fails_its_event_and_blanks_nothing(client: httpx.AsyncClient, ids: Ids) -> None:
    await statuses(client, event("customer.subscription.created", subscription(), START))
    before = values(await Subscription.get())
    (item,) = subscription()["items"]["data"]
    unseen = {name: value for name, value in item.items() if not name.startswith("current_period")}
    told = subscription(status="past_due", items={"object": "list", "data": [unseen]})
    answer = await send(client, event("customer.subscription.updated", told, START + 9) | {"api_version": "2031-01-01.unheard"})
    assert (answer.status_code, answer.json()["status"]) == (500, "FAILED")
    assert values(await Subscription.get()) == before


async def test_a_cancel_that_sets_cancel_at_alone_is_a_scheduled_end(client: httpx.AsyncClient, ids: Ids) -> None:
    ends = START + MONTH
    told = [subscription(), subscription(cancel_at=ends, canceled_at=START + 9), subscription()]
    found = []
    for second, thing in enumerate(told):
        await statuses(client, event("customer.subscription.updated", thing, START + second))
        row = await Subscription.get()
        found.append((row.status, row.cancel_at_period_end, row.cancel_at and int(row.cancel_at.timestamp())))
    assert found == [("ACTIVE", False, None), ("ACTIVE", True, ends), ("ACTIVE", False, None)]
