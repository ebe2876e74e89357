"""Refusals: what a caller can act on. Raised by services, turned into `userErrors` in one place of the resolvers."""

from enum import StrEnum
from typing import ClassVar


class RefusalCode(StrEnum):
    """The contract's UserErrorCode."""

    NOT_FOUND = "NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_KEY_IN_USE = "IDEMPOTENCY_KEY_IN_USE"
    PLAN_INACTIVE = "PLAN_INACTIVE"
    PRICE_UNAVAILABLE = "PRICE_UNAVAILABLE"
    ALREADY_SUBSCRIBED = "ALREADY_SUBSCRIBED"
    ALREADY_ENTITLED = "ALREADY_ENTITLED"
    URL_NOT_ALLOWED = "URL_NOT_ALLOWED"
    PROMOTION_CODE_INVALID = "PROMOTION_CODE_INVALID"
    NO_STRIPE_CUSTOMER = "NO_STRIPE_CUSTOMER"
    PORTAL_NOT_CONFIGURED = "PORTAL_NOT_CONFIGURED"
    PAYMENT_NOT_REFUNDABLE = "PAYMENT_NOT_REFUNDABLE"
    REFUND_EXCEEDS_PAYMENT = "REFUND_EXCEEDS_PAYMENT"
    REFUND_REQUEST_CLOSED = "REFUND_REQUEST_CLOSED"
    INVOICE_NOT_PAYABLE = "INVOICE_NOT_PAYABLE"
    AMOUNT_EXCEEDS_BALANCE = "AMOUNT_EXCEEDS_BALANCE"
    AMOUNT_TOO_SMALL = "AMOUNT_TOO_SMALL"
    SUBSCRIPTION_NOT_ACTIVE = "SUBSCRIPTION_NOT_ACTIVE"
    SUBSCRIPTION_ALREADY_CANCELED = "SUBSCRIPTION_ALREADY_CANCELED"
    INSUFFICIENT_CREDITS = "INSUFFICIENT_CREDITS"
    CARD_DECLINED = "CARD_DECLINED"
    RATE_LIMITED = "RATE_LIMITED"
    STRIPE_UNAVAILABLE = "STRIPE_UNAVAILABLE"
    STRIPE_REJECTED = "STRIPE_REJECTED"


class Refusal(Exception):
    """A call that was refused and changed nothing but what design says; `field` is the path of the input at fault, below `input`."""

    code: ClassVar[RefusalCode]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(Refusal):
    """There is no such row, or it is not the caller's."""

    code = RefusalCode.NOT_FOUND


class InvalidInput(Refusal):
    """The input says something that cannot be."""

    code = RefusalCode.INVALID_INPUT


class CustomerNotErasable(InvalidInput):
    """Something of the customer is still open; the message names it."""


class IdempotencyKeyReused(Refusal):
    """The key was used before with another input."""

    code = RefusalCode.IDEMPOTENCY_KEY_REUSED


class IdempotencyKeyInUse(Refusal):
    """The first call with this key has not ended, or another change of the same object."""

    code = RefusalCode.IDEMPOTENCY_KEY_IN_USE
    retryable = True


class PlanInactive(Refusal):
    """The plan is no longer sold."""

    code = RefusalCode.PLAN_INACTIVE


class PriceUnavailable(Refusal):
    """No active price of the plan fits the currency and interval asked for."""

    code = RefusalCode.PRICE_UNAVAILABLE


class AlreadySubscribed(Refusal):
    """The customer has a live subscription to this plan."""

    code = RefusalCode.ALREADY_SUBSCRIBED


class AlreadyEntitled(Refusal):
    """The customer holds this package, which is not sold twice to one."""

    code = RefusalCode.ALREADY_ENTITLED


class UrlNotAllowed(Refusal):
    """The URL's origin is not one of ALLOWED_ORIGINS, or events are not sent to its address."""

    code = RefusalCode.URL_NOT_ALLOWED


class NoStripeCustomer(Refusal):
    """The customer has never been to Stripe, so there is nothing to show them there."""

    code = RefusalCode.NO_STRIPE_CUSTOMER


class PortalNotConfigured(Refusal):
    """The Stripe account has no customer portal configuration."""

    code = RefusalCode.PORTAL_NOT_CONFIGURED


class PaymentNotRefundable(Refusal):
    """The payment has not succeeded, or nothing of it is left."""

    code = RefusalCode.PAYMENT_NOT_REFUNDABLE


class RefundExceedsPayment(Refusal):
    """More is asked back than is left of the payment."""

    code = RefusalCode.REFUND_EXCEEDS_PAYMENT


class AmountTooSmall(Refusal):
    """Below what Stripe charges in this currency (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""

    code = RefusalCode.AMOUNT_TOO_SMALL


class CardDeclined(Refusal):
    """The issuer refused; the message is meant for the card's holder."""

    code = RefusalCode.CARD_DECLINED


class InsufficientCredits(Refusal):
    """The balance does not allow the use."""

    code = RefusalCode.INSUFFICIENT_CREDITS


class PromotionCodeInvalid(Refusal):
    """There is no such code for this customer and this purchase."""

    code = RefusalCode.PROMOTION_CODE_INVALID


class RefundRequestClosed(Refusal):
    """The request was decided or withdrawn before."""

    code = RefusalCode.REFUND_REQUEST_CLOSED


class InvoiceNotPayable(Refusal):
    """Nothing is due of the invoice."""

    code = RefusalCode.INVOICE_NOT_PAYABLE


class AmountExceedsBalance(Refusal):
    """More is to be paid than is due."""

    code = RefusalCode.AMOUNT_EXCEEDS_BALANCE


class RateLimited(Refusal):
    """Stripe asked for fewer requests, also after retries."""

    code = RefusalCode.RATE_LIMITED
    retryable = True


class StripeUnavailable(Refusal):
    """Stripe did not answer, or not sensibly: whether it did the work is not known, so the row stays pending and is finished later."""

    code = RefusalCode.STRIPE_UNAVAILABLE
    retryable = True


class StripeRejected(Refusal):
    """Stripe refused for good; asking again unchanged gives the same answer."""

    code = RefusalCode.STRIPE_REJECTED


class SubscriptionNotActive(Refusal):
    """The subscription has ended, or is in a state in which this cannot be done."""

    code = RefusalCode.SUBSCRIPTION_NOT_ACTIVE


class SubscriptionAlreadyCanceled(Refusal):
    """The subscription has ended, or its end is planned already."""

    code = RefusalCode.SUBSCRIPTION_ALREADY_CANCELED


def refusal_class(code: RefusalCode) -> type[Refusal]:
    """The class of a code's refusals. Raises KeyError for a code that nothing is refused with yet."""
    return {known.code: known for known in Refusal.__subclasses__()}[code]
