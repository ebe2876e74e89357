"""How much of a payment still stands."""

from models import PAID, Dispute, DisputeStatus, Payment


async def is_lost(payment: Payment) -> bool:
    """Whether a dispute has taken the money for good."""
    if not payment.disputed:
        return False
    return await Dispute.filter(payment_id=payment.id, status=DisputeStatus.LOST.value).exists()


async def kept_of(payment: Payment) -> int:
    """Minor units that came in and neither went back nor were lost in a dispute."""
    if payment.status not in PAID:
        return 0
    return max(0, int(payment.amount - payment.amount_refunded) - await _lost_of(payment))


async def _lost_of(payment: Payment) -> int:
    """Minor units that disputes have taken for good; all that was paid, where a bank counts in another currency."""
    if not payment.disputed:
        return 0
    lost = await Dispute.filter(payment_id=payment.id, status=DisputeStatus.LOST.value)
    return sum(int(row.amount if row.currency == payment.currency else payment.amount) for row in lost)


def is_given_back(payment: Payment) -> bool:
    """Whether all that was paid went back; of a payment of nothing, nothing can."""
    return bool(0 < payment.amount <= payment.amount_refunded)
