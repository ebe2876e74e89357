"""How much of a payment still stands."""

from models import PAID, Dispute, DisputeStatus, Payment


async def is_lost(payment: Payment) -> bool:
    """Whether a dispute has taken the money for good."""
    if not payment.disputed:
        return False
    return await Dispute.filter(payment_id=payment.id, status=DisputeStatus.LOST.value).exists()


async def kept_of(payment: Payment) -> int:
    """Minor units that came in and neither went back nor were lost in a dispute."""
    if payment.status not in PAID or await is_lost(payment):
        return 0
    return int(payment.amount - payment.amount_refunded)


def is_given_back(payment: Payment) -> bool:
    """Whether all that was paid went back; of a payment of nothing, nothing can."""
    return bool(0 < payment.amount <= payment.amount_refunded)
