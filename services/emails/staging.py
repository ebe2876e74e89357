"""Mails are rows, written in the transaction that they tell of: without it there are none, with it none is missing."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tortoise.exceptions import IntegrityError

from models import PAID, Customer, Email, EmailKind, Payment, Price, RefundRequest, Seller, Subscription, SubscriptionStatus
from models.database import client, transaction
from models.persistence import find, insert, new
from models.record import Record
from models.rows import fetch
from models.selects import Comparison, Condition, Select
from services.deliveries.events import Event
from services.emails.addresses import is_mailable
from services.emails.configuration import kinds_on
from services.emails.occasions import Occasion, decided, given_up, occasions_of
from services.row_change import Change
from settings import Settings

LAST = {
    "sqlite": """SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), (SELECT max("position") FROM "email"
        WHERE "object_id" = json_extract(value, '$[0]') AND "recipient" = json_extract(value, '$[1]')) FROM json_each(?)""",
    "postgres": """SELECT pair->>0, pair->>1, (SELECT max("position") FROM "email"
        WHERE "object_id" = pair->>0 AND "recipient" = pair->>1) FROM jsonb_array_elements($1::text::jsonb) AS "of"(pair)""",
}
"""By engine: the last position of each pair of an object and a recipient."""

TO_SELLERS = frozenset({EmailKind.SALE, EmailKind.SALE_REFUNDED})
TO_ADMINS = frozenset(kind for kind in EmailKind if kind.startswith("ADMIN_"))
"""Kinds by whom they go to; all others go to customers."""

NEWCOMER = timedelta(days=1)
"""Who bought something longer ago is not welcomed any more."""


NEVER_BEGUN = (SubscriptionStatus.INCOMPLETE.value, SubscriptionStatus.INCOMPLETE_EXPIRED.value)
"""Statuses of subscriptions that their customers never had."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """An occasion and whom it is told to; `cause` is what the row is unique by."""

    occasion: Occasion
    cause: str
    recipient: str
    customer_id: str | None = None
    seller_id: str | None = None


async def stage_emails(settings: Settings, changes: Sequence[Change], told: Iterable[Event] = ()) -> None:
    """Add the mails that changes, and what is told beside them, come to; inside the transaction, their rows locked.

    Where e-mails are off nothing is read or written. IntegrityError when another transaction told of one of these rows just now: begin the
    work again.
    """
    on = kinds_on(settings)
    if on:
        await _stage(settings, on, occasions_of(changes, told, datetime.now(UTC)))


async def stage_decision(settings: Settings, row: RefundRequest) -> None:
    """Add the mail about a refund request that was just closed; as `stage_emails`."""
    on = kinds_on(settings)
    if on:
        await _stage(settings, on, decided(row))


async def stage_given_up(settings: Settings, row: Record) -> None:
    """Add the mails about work that was just given up (services.emails.occasions.given_up), unless another transaction just does that."""
    on = kinds_on(settings)
    if on:
        with suppress(IntegrityError):
            async with transaction():
                await _stage(settings, on, [given_up(row, datetime.now(UTC))])


async def _stage(settings: Settings, on: frozenset[str], occasions: Iterable[Occasion]) -> None:
    wanted: dict[str, Occasion] = {}
    for one in occasions:
        if one.kind in on and not (one.unplanned and await _in_instalments(one.row)):
            wanted.setdefault(f"{one.kind} {one.cause}", one)
    addressed = await _not_told(await _addressed(settings, wanted)) if wanted else []
    addressed = await _without_known(addressed)
    if addressed:
        await insert(await _rows(addressed))


async def _in_instalments(row: Record) -> bool:
    price_id = getattr(row, "price_id", None)
    price = await find(Price, id=price_id) if price_id else None
    return price is not None and price.instalments is not None


async def _addressed(settings: Settings, wanted: dict[str, Occasion]) -> list[Addressed]:
    """Whom each is told to; nobody where no address is known that can be written to."""
    customers = await _addresses(Customer, [_of(one, "customer_id") for one in wanted.values() if _goes_to_customers(one)])
    sellers = await _addresses(Seller, [_of(one, "seller_id") for one in wanted.values() if one.kind in TO_SELLERS])
    found: list[Addressed] = []
    for cause, one in wanted.items():
        owner, seller = _of(one, "customer_id"), _of(one, "seller_id")
        if one.kind in TO_ADMINS:
            found += [Addressed(one, f"{cause} {place}", address) for place, address in enumerate(settings.email_admin, 1)]
        elif one.kind in TO_SELLERS and seller in sellers:
            found.append(Addressed(one, cause, sellers[seller], seller_id=seller))
        elif _goes_to_customers(one) and owner in customers:
            found.append(Addressed(one, cause, customers[owner], customer_id=owner))
    return found


def _goes_to_customers(one: Occasion) -> bool:
    return one.kind not in TO_SELLERS | TO_ADMINS


def _of(one: Occasion, column: str) -> str | None:
    return getattr(one.row, column, None)


async def _addresses(model: type[Record], ids: list[str | None]) -> dict[str | None, str]:
    asked = sorted({row_id for row_id in ids if row_id})
    if not asked:
        return {}
    rows = await fetch(Select(model, ("id", "email"), (Condition("id", Comparison.ONE_OF, asked),)))
    return {row.id: row.email for row in rows if is_mailable(row.email)}


async def _not_told(addressed: list[Addressed]) -> list[Addressed]:
    """Without what was told before."""
    causes = sorted(one.cause for one in addressed)
    told = {str(cause) for cause in await Email.filter(cause__in=causes).values_list("cause", flat=True)} if causes else set()
    return [one for one in addressed if one.cause not in told]


async def _without_known(addressed: list[Addressed]) -> list[Addressed]:
    """Without welcomes of those who bought something longer ago, as before e-mails were turned on."""
    owners = sorted({str(one.customer_id) for one in addressed if one.occasion.kind == EmailKind.WELCOME})
    if not owners:
        return addressed
    theirs = {"customer_id__in": owners, "created_at__lt": datetime.now(UTC) - NEWCOMER}
    paid = await Payment.filter(**theirs, status__in=sorted(PAID)).distinct().values_list("customer_id", flat=True)
    begun = await Subscription.filter(**theirs).exclude(status__in=NEVER_BEGUN).distinct().values_list("customer_id", flat=True)
    known = {str(owner) for owner in [*paid, *begun]}
    return [one for one in addressed if one.occasion.kind != EmailKind.WELCOME or one.customer_id not in known]


async def _rows(addressed: list[Addressed]) -> list[Email]:
    now, rows = datetime.now(UTC), []
    last = await _last_positions(addressed)
    for one in addressed:
        pair = (str(one.occasion.row.id), one.recipient)
        last[pair] += 1
        told = {"kind": one.occasion.kind.value, "cause": one.cause, "object_id": pair[0]}
        to = {"recipient": one.recipient, "customer_id": one.customer_id, "seller_id": one.seller_id}
        rows.append(new(Email, **told, **to, position=last[pair], next_attempt_at=now))
    return rows


async def _last_positions(addressed: list[Addressed]) -> dict[tuple[str, str], int]:
    pairs = sorted({(str(one.occasion.row.id), one.recipient) for one in addressed})
    connection = client()
    rows = await connection.read(LAST[connection.capabilities.dialect], [json.dumps(pairs)])
    return {(str(object_id), str(recipient)): last or 0 for object_id, recipient, last in rows}
