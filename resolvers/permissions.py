"""Who may see and do what. Staff see every row; anybody else sees their own, and the catalogue is public while it is for sale."""

from graphql import GraphQLError

from models import CheckoutSession, Customer, Plan, Price, WebhookEvent
from models.record import Record
from models.selects import Comparison, Condition, Lookup, equal
from resolvers.context import Context
from services.authentication import Role, Viewer

STAFF = frozenset({Role.SUPPORT, Role.SERVICE, Role.ADMIN})
"""Roles that see everybody's rows."""


OPERATORS = frozenset({Role.SUPPORT, Role.ADMIN})
"""Roles that see what Stripe told us, and have it applied again."""


def unauthenticated() -> GraphQLError:
    """What somebody who is not signed in is told; `extensions.code` is UNAUTHENTICATED."""
    return GraphQLError("Sign in: this needs a bearer token.", extensions={"code": "UNAUTHENTICATED"})


def forbidden() -> GraphQLError:
    """What a signed-in viewer without the role is told; `extensions.code` is FORBIDDEN."""
    return GraphQLError("You are not allowed to do this.", extensions={"code": "FORBIDDEN"})


def _require_operator(viewer: Viewer | None) -> None:
    if viewer is None:
        raise unauthenticated()
    if not viewer.has(*OPERATORS):
        raise forbidden()


def require_viewer(context: Context) -> Viewer:
    """The signed-in viewer. Raises the UNAUTHENTICATED error when there is none."""
    if context.viewer is None:
        raise unauthenticated()
    return context.viewer


def require_roles(context: Context, *roles: Role) -> Viewer:
    """The viewer, who holds one of the roles. Raises UNAUTHENTICATED when nobody is signed in, FORBIDDEN without the role."""
    viewer = require_viewer(context)
    if not viewer.has(*roles):
        raise forbidden()
    return viewer


def is_staff(viewer: Viewer | None) -> bool:
    """Whether the viewer sees everybody's rows."""
    return viewer is not None and viewer.has(*STAFF)


def scope(viewer: Viewer | None, model: type[Record]) -> tuple[Condition, ...]:
    """What a row of the model must meet for the viewer to see it; it stands in the WHERE of every statement that reads one.

    Staff see all, others what is theirs, everybody the catalogue that is for sale. Raises UNAUTHENTICATED for the rest when nobody is
    signed in, and FORBIDDEN for Stripe's events to anybody but support and administrators. A checkout session that is not yet at Stripe is
    nobody's.
    """
    existing = (Condition("stripe_session_id", Comparison.PRESENT, residual=True),) if model is CheckoutSession else ()
    if model is WebhookEvent:
        _require_operator(viewer)
        return ()
    if is_staff(viewer):
        return existing
    if model in (Plan, Price):
        return (Condition("active", Comparison.EQUAL, value=True, residual=True),)
    if viewer is None:
        raise unauthenticated()
    if model is Customer:
        return (equal("external_id", viewer.external_id),)
    return (equal("customer_id", Lookup(Customer, "id", "external_id", viewer.external_id)), *existing)
