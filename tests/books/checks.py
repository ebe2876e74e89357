"""Everything that must hold of the rows after each step: among themselves, with Stripe's objects, and with the books."""

from itertools import accumulate
from typing import Any

from models import (
    Allocation,
    CheckoutSession,
    CreditEntry,
    CreditLot,
    Customer,
    Dispute,
    Entitlement,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Payment,
    PromotionCode,
    Refund,
    RefundRequest,
    Subscription,
)
from models.database import transaction
from services.statistics.folding import fold
from services.statistics.recounting import differences
from services.time_zones import zone_of
from tests.books.audit_trail import check_audit
from tests.books.model import COURSE, PRO, Books
from tests.books.world import World
from tests.convergence.rows import assert_nothing_went_back, assert_true
from tests.convergence.stage import Stage


async def check(world: World, books: Books) -> None:
    await assert_true(world.stage)
    await assert_nothing_went_back(world.given_up)
    names = await _names()
    await _payments(books, names)
    await _refunds(world.stage)
    await _requests(books, names)
    await _credits(books, names)
    await _entitlements(books, names)
    await _invoices(world.stage, books, names)
    await _codes(world, books)
    await _sellers(world, books, names)
    await _pages(books)
    await check_audit()
    await _statistics()
    await _outbox(books)


async def _names() -> dict[str, str]:
    """How the books name our payments and subscriptions, by our ids."""
    payments = {row.id: row.stripe_payment_intent_id or row.id for row in await Payment.all()}
    return payments | {row.id: row.stripe_subscription_id for row in await Subscription.all()}


async def _payments(books: Books, names: dict[str, str]) -> None:
    rows = {names[row.id]: row for row in await Payment.filter(succeeded_at__not_isnull=True)}
    assert set(rows) == set(books.payments)
    refunds = await Refund.filter(status__in=["SUCCEEDED", "PENDING"])
    for intent, paid in books.payments.items():
        row = rows[intent]
        assert (row.amount, row.amount_refunded, row.disputed) == (paid.amount, paid.refunded, paid.contested or paid.lost), intent
        assert row.quantity == paid.quantity
        assert sum(refund.amount for refund in refunds if refund.payment_id == row.id) == row.amount_refunded <= row.amount


async def _refunds(stage: Stage) -> None:
    """Each of Stripe's is one of ours; one that Stripe has not failed, and is as Stripe has it."""
    at_stripe = {one["id"]: one for one in await stage.objects("refund")}
    for row in await Refund.all():
        if row.stripe_refund_id is None:
            assert row.status == "FAILED"
            continue
        told = at_stripe.pop(row.stripe_refund_id)
        assert (row.amount, row.currency, row.status) == (told["amount"], told["currency"].upper(), told["status"].upper())
    assert at_stripe == {}


async def _requests(books: Books, names: dict[str, str]) -> None:
    rows = await RefundRequest.all()
    assert {row.id: (names[row.payment_id], row.amount, row.status) for row in rows} == {
        name: (asking.intent, asking.amount, asking.status) for name, asking in books.requests.items()
    }
    for row in rows:
        assert (row.refund_id is not None) == (row.status == "APPROVED")
        assert row.pending_payment_id == (row.payment_id if row.status == "PENDING" else None)


async def _credits(books: Books, names: dict[str, str]) -> None:
    for customer in await Customer.all():
        entries = await CreditEntry.filter(customer_id=customer.id).order_by("id")
        assert [entry.balance_after for entry in entries] == list(accumulate(entry.amount for entry in entries))
        assert customer.credit_balance == sum(entry.amount for entry in entries) == books.balance(customer.external_id)
        lots = await CreditLot.filter(customer_id=customer.id)
        assert sum(lot.remaining for lot in lots) == max(0, customer.credit_balance)
        for lot in lots:
            assert 0 <= lot.remaining <= lot.granted - lot.expired
            if lot.payment_id is not None:
                paid = books.payments[names[lot.payment_id]]
                assert (lot.granted, lot.withdrawn, lot.expired) == (paid.granted, paid.withdrawn, paid.expired)


async def _entitlements(books: Books, names: dict[str, str]) -> None:
    for customer in await Customer.all():
        rows = await Entitlement.filter(customer_id=customer.id, revoked_reason=None)
        found = {(names[str(row.payment_id or row.subscription_id)], row.feature, row.disputed) for row in rows}
        assert found == books.rights(customer.external_id)


async def _invoices(stage: Stage, books: Books, names: dict[str, str]) -> None:
    received = {one["id"]: one["amount_received"] for one in await stage.objects("payment_intent")}
    returned: dict[str, int] = {}
    for refund in await stage.objects("refund"):
        stays = refund["status"] in {"succeeded", "pending"}
        returned[refund["payment_intent"]] = returned.get(refund["payment_intent"], 0) + (refund["amount"] if stays else 0)
    assert {row.id for row in await Invoice.filter(origin="ISSUED")} == set(books.invoices)
    for row in await Invoice.filter(origin="ISSUED"):
        owed = books.invoices[row.id]
        at_stripe = {name: received[name] - returned.get(name, 0) for name in owed.payments if not books.payments[name].lost}
        laid = await _laid(row, names)
        paid, total = sum(books.laid(row.id)), sum(owed.lines)
        expected = "PAID" if paid == total else "PARTIALLY_PAID" if paid else "OPEN"
        assert [sum(share.values()) for share in laid] == books.laid(row.id)
        assert (row.total, row.amount_paid, row.status) == (total, paid, "VOID" if owed.void else expected)
        stuck = any(books.payments[name].contested or books.payments[name].came_back for name in owed.payments)
        assert row.amount_paid == sum(at_stripe.values()) or (stuck and row.amount_paid < sum(at_stripe.values()))
        _check_order(laid, owed.payments)


async def _laid(row: Invoice, names: dict[str, str]) -> list[dict[str, int]]:
    """Which payment pays how much of each line, in order of the lines."""
    lines = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
    shares = await Allocation.filter(line_id__in=[line.id for line in lines])
    found = [{names[share.payment_id]: share.amount for share in shares if share.line_id == line.id} for line in lines]
    assert [line.amount_paid for line in lines] == [sum(share.values()) for share in found]
    assert sum(len(share) for share in found) == len(shares)
    return found


def _check_order(laid: list[dict[str, int]], payments: list[str]) -> None:
    """Earlier payments pay earlier lines."""
    used = [payments.index(name) for line in laid for name in sorted(line, key=payments.index)]
    assert used == sorted(used)


async def _codes(world: World, books: Books) -> None:
    assert world.sandbox is not None
    now = world.sandbox.clock.now()
    found = {row.id: (row.active, row.times_redeemed, row.seller_id) for row in await PromotionCode.all()}
    assert found == {name: (code.is_active(now), code.used, world.sellers.get(code.seller or "")) for name, code in books.codes.items()}


async def _sellers(world: World, books: Books, names: dict[str, str]) -> None:
    """Payments are whose the plan, the invoice or the code is; and all that is of a payment is whose the payment is."""
    whose = {name: world.sellers.get(paid.seller or "") for name, paid in books.payments.items()}
    payments = {row.id: row.seller_id for row in await Payment.all()}
    assert {name: payments[row_id] for row_id, name in names.items() if name in whose} == whose
    for kind in (Refund, Dispute, RefundRequest):
        rows: list[Any] = await kind.all()
        assert [row.seller_id for row in rows] == [payments[row.payment_id] for row in rows], kind
    for row in await Subscription.all():
        code = books.subscriptions[row.stripe_subscription_id].code
        assert row.seller_id == world.sellers.get((code and code.seller) or "")
    for invoice in await Invoice.filter(origin="ISSUED"):
        assert invoice.seller_id == world.sellers.get(books.invoices[invoice.id].seller or "")


async def _pages(books: Books) -> None:
    """No page stands open for what is held already, is void, or asks for more than is due."""
    for session in await CheckoutSession.filter(status="OPEN").select_related("price__plan", "customer", "payment"):
        if session.invoice_id:
            assert session.payment is not None
            assert session.payment.amount <= books.due(session.invoice_id)
            continue
        assert session.price is not None
        plan, who = session.price.plan.code, session.customer.external_id
        assert not (plan == COURSE and books.holds(who))
        assert not (plan == PRO and books.running(who))


async def _outbox(books: Books) -> None:
    """All is done but what came back, which waits for an operator."""
    errors = [str(entry.error) for entry in await OutboxEntry.all()]
    assert not errors or any(paid.came_back for paid in books.payments.values())
    assert [error for error in errors if not error.startswith("CameBack: ")] == []


async def _statistics() -> None:
    """The kept sums, folded or not yet, are what counting all rows comes to."""
    zone = zone_of("Europe/Berlin")
    await fold(zone, 10)
    async with transaction():
        assert await differences(zone) == []
