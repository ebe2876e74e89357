"""At Stripe: nothing can be paid any more by who is erased, and their customer is deleted."""

from models import Erasure
from services.billing import Billing
from services.erasure.traces import Traces
from services.errors import StripeRejected
from services.open_checkouts import close_of


async def close_open(billing: Billing, _: Erasure, traces: Traces) -> None:
    """Expire the open checkout sessions, and cancel the payment intents that wait to be paid."""
    await close_of(billing, traces.customer_id)


async def delete_customer(billing: Billing, _: Erasure, traces: Traces) -> None:
    """Delete Stripe's customer (docs.stripe.com/api/customers/delete); one that is gone already is what was wanted."""
    stripe_id = traces.stripe_customer_id
    if stripe_id is None:
        return
    try:
        await billing.stripe.call("customer.delete", lambda client: client.v1.customers.delete_async(stripe_id))
    except StripeRejected:
        read = await billing.stripe.retrieve("customer", stripe_id)
        if read is not None and not read.gone:
            raise
