"""Inputs of what customers buy."""

import strawberry

from models import BillingInterval
from schema.inputs.given import Given
from schema.scalars import JSON, CurrencyCode, MinorUnits
from schema.types import plan  # noqa: F401 - it says how its enums are shown, which must come before these are used
from services.checkout import CheckoutRequest
from services.payment_intents import PaymentIntentRequest
from services.portal import PortalFlow, PortalRequest
from services.purchases import Choice

strawberry.enum(PortalFlow, description="Where the portal opens: its first page, or one task of it.")


@strawberry.input(description="Exactly one of priceId, planCode (with currency and, for a recurring plan, interval) or invoiceId.")
class CreateCheckoutSessionInput(Given):
    """The caller buys for themselves."""

    price_id: strawberry.ID | None = strawberry.UNSET
    plan_code: str | None = strawberry.UNSET
    currency: CurrencyCode | None = strawberry.field(
        default=strawberry.UNSET, description="With planCode; the configured default when left out."
    )
    interval: BillingInterval | None = strawberry.field(default=strawberry.UNSET, description="With the planCode of a recurring plan.")
    invoice_id: strawberry.ID | None = strawberry.UNSET
    amount: MinorUnits | None = strawberry.field(
        default=strawberry.UNSET, description="Part of an issued invoice's balance, in its currency; all that is due when left out."
    )
    quantity: int | None = strawberry.field(default=1, description="1 to 10000.")
    promotion_code: str | None = strawberry.field(default=strawberry.UNSET, description="A code that is used at once.")
    allow_promotion_codes: bool | None = strawberry.field(default=False, description="Whether codes can be entered on Stripe's page.")
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
            promotion_code=self.promotion_code,
            allow_promotion_codes=bool(self.allow_promotion_codes),
            success_url=self.success_url,
            cancel_url=self.cancel_url,
            expires_in_minutes=self.expires_in_minutes,
            metadata=self.metadata,
        )


@strawberry.input(description="A package or an issued invoice: exactly one of priceId, planCode (with currency) and invoiceId.")
class CreatePaymentIntentInput(Given):
    """The caller pays for themselves."""

    price_id: strawberry.ID | None = strawberry.UNSET
    plan_code: str | None = strawberry.UNSET
    currency: CurrencyCode | None = strawberry.field(
        default=strawberry.UNSET, description="With planCode; the configured default when left out."
    )
    invoice_id: strawberry.ID | None = strawberry.UNSET
    amount: MinorUnits | None = strawberry.field(
        default=strawberry.UNSET, description="Part of an issued invoice's balance, in its currency; all that is due when left out."
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


def _choice(given: CreateCheckoutSessionInput | CreatePaymentIntentInput) -> Choice:
    interval = given.interval if isinstance(given, CreateCheckoutSessionInput) else None
    quantity = 1 if given.quantity is None else given.quantity
    return Choice(given.price_id, given.plan_code, given.currency, interval, quantity, given.invoice_id, given.amount)
