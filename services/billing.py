"""What every service works with, handed down from the application: its settings and its way to Stripe."""

from dataclasses import dataclass

from services.stripe_gateway import StripeGateway
from settings import Settings


@dataclass(frozen=True, slots=True)
class Billing:
    """Made once at start, closed at shutdown."""

    settings: Settings
    stripe: StripeGateway
