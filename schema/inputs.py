"""What mutations take, and the service's request that each one is."""

from dataclasses import fields

import strawberry

from models import BillingInterval, RefundReason
from schema.scalars import JSON, CurrencyCode, MinorUnits
from schema.types import plan, refund  # noqa: F401 - they say how the enums are shown, which must come before these are used
from services.checkout import CheckoutRequest
from services.payment_intents import PaymentIntentRequest
from services.portal import PortalFlow, PortalRequest
from services.purchases import Choice
from services.refunds import RefundRequest

strawberry.enum(PortalFlow, description="Where the portal opens: its first page, or one task of it.")


class Given:
    """An input whose fields that were left out are None in Python, yet have no default in the schema."""

    def __post_init__(self) -> None:
        for part in fields(self):  # type: ignore[arg-type] # what strawberry.input makes of a subclass is a dataclass
            if getattr(self, part.name) is strawberry.UNSET:
                setattr(self, part.name, None)


@strawberry.input(description="Exactly one of priceId and planCode (with currency and, for a recurring plan, interval).")
class CreateCheckoutSessionInput(Given):
    """The caller buys for themselves."""

    price_id: strawberry.ID | None = strawberry.UNSET
    plan_code: str | None = strawberry.UNSET
    currency: CurrencyCode | None = strawberry.field(
        default=strawberry.UNSET, description="With planCode; the configured default when left out."
    )
    interval: BillingInterval | None = strawberry.field(default=strawberry.UNSET, description="With the planCode of a recurring plan.")
    quantity: int | None = strawberry.field(default=1, description="1 to 10000.")
    allow_promotion_codes: bool | None = False
    success_url: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Must be of an allowed origin; {CHECKOUT_SESSION_ID} is filled in. The configured one when left out.",
    )
    cancel_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="Must be of an allowed origin. The configured one when left out."
    )
    expires_in_minutes: int | None = strawberry.field(
        default=strawberry.UNSET, description="Minutes until the session expires, 30 to 1440."
    )
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="An object whose values are strings: 40 keys, 500 characters each."
    )
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> CheckoutRequest:
        """As the service takes it."""
        return CheckoutRequest(
            choice=_choice(self),
            allow_promotion_codes=bool(self.allow_promotion_codes),
            success_url=self.success_url,
            cancel_url=self.cancel_url,
            expires_in_minutes=self.expires_in_minutes,
            metadata=self.metadata,
        )


@strawberry.input(description="A package: exactly one of priceId and planCode (with currency).")
class CreatePaymentIntentInput(Given):
    """The caller pays for themselves."""

    price_id: strawberry.ID | None = strawberry.UNSET
    plan_code: str | None = strawberry.UNSET
    currency: CurrencyCode | None = strawberry.field(
        default=strawberry.UNSET, description="With planCode; the configured default when left out."
    )
    quantity: int | None = strawberry.field(default=1, description="1 to 10000.")
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="An object whose values are strings: 40 keys, 500 characters each."
    )
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> PaymentIntentRequest:
        """As the service takes it."""
        return PaymentIntentRequest(choice=_choice(self), metadata=self.metadata)


@strawberry.input(description="Which payment.")
class RefreshPaymentInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="The caller's own portal.")
class CreatePortalSessionInput(Given):
    """For resolvers.mutations."""

    return_url: str | None = strawberry.field(
        default=strawberry.UNSET, description="Must be of an allowed origin. The configured one when left out."
    )
    flow: PortalFlow | None = PortalFlow.HOME
    subscription_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="For the flows about a subscription.")
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> PortalRequest:
        """As the service takes it."""
        return PortalRequest(self.return_url, self.flow or PortalFlow.HOME, self.subscription_id)


@strawberry.input(description="What goes back.")
class CreateRefundInput(Given):
    """For resolvers.mutations."""

    payment_id: strawberry.ID
    amount: MinorUnits | None = strawberry.field(default=strawberry.UNSET, description="All that is left when left out.")
    reason: RefundReason | None = RefundReason.REQUESTED_BY_CUSTOMER
    description: str | None = strawberry.UNSET
    idempotency_key: str

    def request(self) -> RefundRequest:
        """As the service takes it."""
        reason = self.reason or RefundReason.REQUESTED_BY_CUSTOMER
        return RefundRequest(self.payment_id, self.amount, reason, self.description)


@strawberry.input(description="Which event.")
class ReplayWebhookEventInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET


def _choice(given: CreateCheckoutSessionInput | CreatePaymentIntentInput) -> Choice:
    interval = given.interval if isinstance(given, CreateCheckoutSessionInput) else None
    return Choice(given.price_id, given.plan_code, given.currency, interval, 1 if given.quantity is None else given.quantity)
