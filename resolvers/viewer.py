"""Who is asking, and what the service is, as attributes."""

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from models.rows import Row
from resolvers.context import Context
from resolvers.permissions import forbidden, is_staff


def viewer_values(context: Context) -> dict[str, Any] | None:
    """The fields of Viewer; None when nobody is signed in."""
    viewer = context.viewer
    if viewer is None:
        return None
    return {"external_id": viewer.external_id, "email": viewer.email, "roles": sorted(viewer.roles)}


def personal(column: str) -> Callable[[Row, Context], str | None]:
    """A column of a customer that says who they are: for themselves and staff; null for sellers, who see customers in their sales."""
    return lambda customer, context: getattr(customer, column) if _may_know(customer, context) else None


def has_payment_method(customer: Row, context: Context) -> bool | None:
    """Whether Stripe has something to charge for the customer's invoices; None for sellers."""
    return customer.stripe_payment_method_id is not None if _may_know(customer, context) else None


def _may_know(customer: Row, context: Context) -> bool:
    viewer = context.viewer
    return is_staff(viewer) or (viewer is not None and viewer.external_id == customer.external_id)


def credit_balance(customer: Row, context: Context) -> int:
    """A customer's balance of credits. Raises FORBIDDEN for others than the customer and staff, who see customers in their sales."""
    if not _may_know(customer, context):
        raise forbidden()
    return int(customer.credit_balance)


def config_values(context: Context) -> dict[str, Any]:
    """The fields of BillingConfig; test mode as Stripe's keys say."""
    settings = context.billing.settings
    secret = settings.stripe_secret_key or SecretStr("")
    keys = (settings.stripe_publishable_key or "", secret.get_secret_value())
    return {
        "publishable_key": settings.stripe_publishable_key,
        "enabled": settings.stripe_enabled,
        "test_mode": any(key.startswith(("pk_test_", "sk_test_", "rk_test_")) for key in keys),
        "sandbox": settings.sandbox,
        "default_currency": settings.default_currency,
    }
