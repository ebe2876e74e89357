"""What follows when money comes in, goes back or is contested: credits, entitlements, invoices paid, work staged for later.

One call at the end of the transaction that mirrored it. All of it is worked out from what the rows say now, so that doing it again changes
nothing, and the order in which Stripe spoke does not matter.
"""

from services.fulfilment.fulfilling import fulfil

__all__ = ["fulfil"]
