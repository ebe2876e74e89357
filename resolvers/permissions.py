"""Who may see and do what. Staff see every row, others their own, sellers their sales; the catalogue is public while it is for sale."""

from datetime import UTC, datetime

from graphql import GraphQLError

from models import (
    AuditEntry,
    CheckoutSession,
    Customer,
    Delivery,
    Dispute,
    EventDestination,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    WebhookEvent,
)
from models.record import Record
from models.selects import Comparison, Condition, Either, Lookup, equal
from resolvers.context import Context
from services.authentication import Role, Viewer

STAFF = frozenset({Role.SUPPORT, Role.SERVICE, Role.ADMIN})
"""Roles that see everybody's rows."""


OPERATORS = frozenset({Role.SUPPORT, Role.ADMIN})
"""Roles that see what Stripe told us, and have it applied again."""

HOSTS = frozenset({Role.SERVICE, Role.ADMIN})
"""Roles that issue invoices and book credits: the host's back end, and administrators."""

ADMINISTRATORS = frozenset({Role.ADMIN})

RESTRICTED: dict[type[Record], frozenset[Role]] = {
    WebhookEvent: OPERATORS,
    AuditEntry: ADMINISTRATORS,
    EventDestination: ADMINISTRATORS,
    Delivery: ADMINISTRATORS,
}
"""Rows that only these roles see; others are told that they may not."""

SOLD: frozenset[type[Record]] = frozenset({Payment, Refund, RefundRequest, Dispute, Subscription, Invoice, InvoiceLine})
"""Rows that are attributed to a seller, who sees them."""

Scope = tuple[Condition | Either, ...]


def unauthenticated() -> GraphQLError:
    """What somebody who is not signed in is told; `extensions.code` is UNAUTHENTICATED."""
    return GraphQLError("Sign in: this needs a bearer token.", extensions={"code": "UNAUTHENTICATED"})


def forbidden() -> GraphQLError:
    """What a signed-in viewer without the role is told; `extensions.code` is FORBIDDEN."""
    return GraphQLError("You are not allowed to do this.", extensions={"code": "FORBIDDEN"})


def require_viewer(context: Context) -> Viewer:
    """The signed-in viewer. Raises the UNAUTHENTICATED error when there is none."""
    if context.viewer is None:
        raise unauthenticated()
    return context.viewer


def require_roles(context: Context, *roles: Role) -> Viewer:
    """The viewer, who holds one of the roles. Raises UNAUTHENTICATED when nobody is signed in, FORBIDDEN without the role."""
    return require(context.viewer, *roles)


def require(viewer: Viewer | None, *roles: Role) -> Viewer:
    """As `require_roles`."""
    if viewer is None:
        raise unauthenticated()
    if not viewer.has(*roles):
        raise forbidden()
    return viewer


def is_staff(viewer: Viewer | None) -> bool:
    """Whether the viewer sees everybody's rows."""
    return viewer is not None and viewer.has(*STAFF)


def is_seller(viewer: Viewer | None) -> bool:
    """Whether the viewer sees what is attributed to them, beside what they bought."""
    return viewer is not None and viewer.has(Role.SELLER)


def own(viewer: Viewer) -> Condition:
    """A row of the viewer's own."""
    return equal("customer_id", Lookup(Customer, "id", "external_id", viewer.external_id))


def scope(viewer: Viewer | None, model: type[Record]) -> Scope:
    """What a row of the model must meet for the viewer to see it; it stands in the WHERE of every statement that reads one.

    Staff see all, sellers what is attributed to them and what they bought, others what they bought, everybody the catalogue that is for
    sale and who sells. Raises UNAUTHENTICATED for the rest when nobody is signed in, and FORBIDDEN for Stripe's events to anybody but
    support and administrators, for the audit log and outgoing events to anybody but administrators. A checkout session that is not yet
    at Stripe is nobody's.
    """
    existing = (Condition("stripe_session_id", Comparison.PRESENT, residual=True),) if model is CheckoutSession else ()
    if model in RESTRICTED:
        require(viewer, *RESTRICTED[model])
        return ()
    if model is Seller or is_staff(viewer):
        return existing
    if model in (Plan, Price):
        return (Condition("active", Comparison.EQUAL, value=True, residual=True),)
    if viewer is None:
        raise unauthenticated()
    return (*_own_rows(viewer, model), *existing)


def _own_rows(viewer: Viewer, model: type[Record]) -> Scope:
    if model is Customer:
        return (equal("external_id", viewer.external_id),)
    if model is PromotionCode:
        return _usable(viewer)
    if model in SOLD and is_seller(viewer):
        return (Either((equal("seller_id", Lookup(Seller, "id", "external_id", viewer.external_id)), own(viewer))),)
    return (own(viewer),)


def _usable(viewer: Viewer) -> Scope:
    """Promotion codes that the viewer may use: active, not expired, and not for somebody else."""
    now = datetime.now(UTC)
    return (
        Condition("active", Comparison.EQUAL, value=True, residual=True),
        Either((Condition("expires_at", Comparison.ABSENT), Condition("expires_at", Comparison.AFTER, now)), residual=True),
        Either((Condition("customer_id", Comparison.ABSENT), own(viewer)), residual=True),
    )
