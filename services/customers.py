"""Who buys: one row for each user, and one Stripe customer for each row, whatever races."""

import re
from typing import Any

from models import Customer
from services.authentication import Viewer
from services.billing import Billing
from services.errors import NotFound, StripeUnavailable
from services.mirror import write
from services.turns import turn

GONE = "This customer is just being changed at Stripe: ask again in a moment."

ERASED = "This customer was erased."

DELIVERABLE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
"""What Stripe takes for an e-mail address; another one is not sent, so that nobody is kept from buying by what their token says."""


async def row_of(viewer: Viewer) -> Customer:
    """The viewer's row, made now if there is none; for use inside the first transaction of a mutation."""
    return await spoken_to(await row_for(viewer.external_id, viewer.email, viewer.locale), viewer)


async def row_for(external_id: str, email: str | None = None, locale: str | None = None) -> Customer:
    """The row of whom the host knows by this id, made now, with the e-mail address and the locale, if there is none; as `row_of`.

    Raises NotFound for the pseudonym of somebody who was erased.
    """
    await Customer.bulk_create([Customer(external_id=external_id, email=email, locale=locale)], ignore_conflicts=True)
    row = await Customer.get(external_id=external_id)
    if row.erased_at is not None:
        raise NotFound(ERASED)
    return row


async def spoken_to(row: Customer, viewer: Viewer) -> Customer:
    """The row, with the locale that the viewer's token names now if the row is the viewer's; inside a transaction."""
    if viewer.locale not in {None, row.locale} and row.external_id == viewer.external_id:
        row.locale = viewer.locale
        await row.save(update_fields=["locale"])
    return row


async def stripe_id_of(billing: Billing, customer_id: str) -> str:
    """The Stripe customer of our row, made now if there is none; not inside a transaction.

    Raises NotFound for somebody who was erased, and the Refusals of the gateway.

    Stripe's key is made of the row, so that callers who race get the same customer; after a deletion at Stripe it is another one.
    """
    row = await Customer.get(id=customer_id)
    if row.erased_at is not None:
        raise NotFound(ERASED)
    if row.stripe_customer_id is None:
        async with turn(f"customer-{customer_id}"):
            row = await _made(billing, await Customer.get(id=customer_id))
    if row.stripe_customer_id is None:
        raise StripeUnavailable(GONE)
    return str(row.stripe_customer_id)


async def _made(billing: Billing, row: Customer) -> Customer:
    if row.stripe_customer_id is None:
        parameters = _parameters(row)
        options: Any = {"idempotency_key": f"customer-{row.id}" + (f"-{row.stripe_version}" if row.stripe_version else "")}
        made = await billing.stripe.call("customer.create", lambda client: client.v1.customers.create_async(parameters, options))
        await write(billing, made)
    return await Customer.get(id=row.id)


def _parameters(row: Customer) -> Any:
    known = {"email": row.email if row.email and DELIVERABLE.fullmatch(row.email) else None, "name": row.name}
    ours = {"billgraph_id": row.id, "billgraph_external_id": row.external_id}
    spoken = {"preferred_locales": [row.locale]} if row.locale else {}
    return {name: value for name, value in known.items() if value} | spoken | {"metadata": ours}
