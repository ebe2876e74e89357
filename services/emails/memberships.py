"""What customers are told of their subscriptions."""

from datetime import UTC, datetime, timedelta

from models import ENDED, EmailKind, Invoice, Subscription, SubscriptionStatus
from services.emails.about import About
from services.emails.purchases import reason_of, told
from services.emails.told import Fact, Told, facts
from services.emails.voice import Voice

RUNNING = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
OWING = frozenset({SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID, SubscriptionStatus.INCOMPLETE})


def started(voice: Voice, about: About) -> Told | None:
    """That a subscription or its trial has begun; nothing of one that has ended since."""
    row = about.subscription
    if row is None or row.status not in RUNNING:
        return None
    trial = _trial_end(voice, row)
    instalments = (about.price.instalments if about.price else None) or 0
    values = _plan(voice, about) | {"trial_end": trial, "instalments": instalments, "ends_on": voice.day(row.cancel_at)}
    if trial and _ends_unpaid(row):
        values["price"] = ""
    charged = "" if row.cancel_at_period_end else voice.day(row.trial_ends_at if trial else row.current_period_end)
    shown = _terms(voice, about) + facts(voice, trial_end=trial, next_charge=charged)
    return told(EmailKind.SUBSCRIPTION_STARTED, voice, about, values, facts=shown)


def trial_ending(voice: Voice, about: About) -> Told | None:
    """That a trial is nearly over; nothing once it is, or when the subscription ends with it, as one of instalments does not."""
    row = about.subscription
    if row is None or row.status != SubscriptionStatus.TRIALING or _ends_unpaid(row):
        return None
    own = row.stripe_payment_method_id or (about.customer.stripe_payment_method_id if about.customer else None)
    values = _plan(voice, about) | {"trial_end": _trial_end(voice, row), "has_method": own is not None}
    shown = _terms(voice, about) + facts(voice, trial_end=_trial_end(voice, row))
    return told(EmailKind.TRIAL_ENDING, voice, about, values, facts=shown)


def payment_failed(voice: Voice, about: About) -> Told | None:
    """That a period was not paid, what to do, and until when; nothing once it is paid."""
    row, invoice = about.subscription, about.invoice
    if row is None or row.status not in OWING:
        return None
    amount, again, until = _due(voice, invoice), voice.day(invoice.next_attempt_at if invoice else None), _access(voice, row)
    values = _plan(voice, about) | {
        "amount": amount,
        "reason": reason_of(voice, about.payment),
        "next_attempt": again,
        "access_until": until,
    }
    invoiced = facts(voice, plan=_name(about), amount=amount, invoice=invoice.number if invoice else None)
    shown = invoiced + facts(voice, next_attempt=again, access_until=until)
    url = (invoice.hosted_url if invoice else None) or voice.settings.email_account_url or ""
    return told(EmailKind.SUBSCRIPTION_PAYMENT_FAILED, voice, about, values, facts=shown, url=url)


def ending(voice: Voice, about: About) -> Told | None:
    """That a subscription will end, and when; nothing once it has, or goes on."""
    row = about.subscription
    if row is None or row.status in ENDED or row.cancel_at is None:
        return None
    ends_on = voice.day(row.cancel_at)
    values = _plan(voice, about) | {"ends_on": ends_on}
    shown = facts(voice, plan=_name(about), ends_on=ends_on)
    return told(EmailKind.SUBSCRIPTION_ENDING, voice, about, values, facts=shown)


def ended(voice: Voice, about: About) -> Told | None:
    """That a subscription has ended; nothing of one that was begun twice: its customer has the other, and is told of the money."""
    row = about.subscription
    if row is None or row.status not in ENDED or about.duplicate:
        return None
    ended_on = voice.day(row.ended_at or row.canceled_at or row.created_at)
    values = _plan(voice, about) | {"ended_on": ended_on, "unpaid": about.invoice is not None}
    shown = facts(voice, plan=_name(about), ended_on=ended_on)
    return told(EmailKind.SUBSCRIPTION_ENDED, voice, about, values, facts=shown)


def _plan(voice: Voice, about: About) -> dict[str, str | int | bool]:
    """`plan` is the house's name where the catalogue does not have what Stripe bills; `price` is that of all pieces, not of one.

    With a promotion code it is empty: how much is taken off, and how often, Stripe alone knows.
    """
    quantity = about.subscription.quantity if about.subscription else 1
    price = "" if about.code else voice.price(about.price, quantity)
    return {"plan": voice.name(_name(about) or voice.house.name), "price": price}


def _name(about: About) -> str:
    return about.plan.name if about.plan else ""


def _terms(voice: Voice, about: About) -> tuple[Fact, ...]:
    row, price = about.subscription, about.price
    quantity = voice.formats.number(row.quantity) if row and row.quantity > 1 else None
    instalments = voice.formats.number(price.instalments) if price and price.instalments else None
    code = about.code.code if about.code else None
    return facts(voice, plan=_name(about), price=voice.price(price), quantity=quantity, promotion_code=code, instalments=instalments)


def _due(voice: Voice, invoice: Invoice | None) -> str:
    """What Stripe charges for an invoice, with what earlier ones left; empty where it has not told of it yet."""
    return voice.money(invoice.total - invoice.amount_paid - invoice.credit_applied, invoice.currency) if invoice else ""


def _trial_end(voice: Voice, row: Subscription) -> str:
    return voice.day(row.trial_ends_at) if row.status == SubscriptionStatus.TRIALING else ""


def _ends_unpaid(row: Subscription) -> bool:
    """Of one in its trial, whether it ends with it."""
    return row.cancel_at is not None and (row.trial_ends_at is None or row.cancel_at <= row.trial_ends_at)


def _access(voice: Voice, row: Subscription) -> str:
    """Until when a past due subscription entitles; empty once it does not."""
    if row.past_due_since is None:
        return ""
    until = row.past_due_since + timedelta(days=voice.settings.past_due_grace_days)
    return voice.day(until) if until > datetime.now(UTC) else ""
