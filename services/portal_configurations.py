"""Stripe's configurations of the customer portal, made from the catalogue: what a customer may switch to is what their plan's group offers.

There is one for each group of recurring plans (a plan without a group is one of its own), and a general one for customers with no
subscription, or several, which switches nothing. They are known by a mark in their metadata.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from models import LIVE, AuditEntry, Plan, PlanKind, Price, Subscription
from services import stripe_fields as fields
from services.audit import OPERATOR
from services.billing import Billing
from services.stripe_fields import Json
from services.stripe_lists import list_page
from settings import Settings

KIND = "billing_portal.configuration"

MARK = "billgraph_portal"
"""Key in a configuration's metadata: whose it is."""

GENERAL = "general"
"""Mark of the configuration that switches nothing."""

MAX_PRODUCTS = 10
"""Products that a configuration may offer (docs.stripe.com/api/customer_portal/configurations)."""

PORTAL_LOCK = 0x706F7274
"""Key of the lock under which the portal is set up, one process at a time."""


@dataclass(frozen=True, slots=True)
class PortalStep:
    """What is to be done about the configuration of a mark: made without an `id`, changed in what `differs`, or put out of use."""

    mark: str
    id: str | None
    parameters: dict[str, Any] | None
    differs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """make, change or retire."""
        return "retire" if self.parameters is None else "change" if self.id else "make"


@dataclass(frozen=True, slots=True)
class PortalPlan:
    """The steps to configurations that are equal to the catalogue, how many stay, and the codes of plans that find no room."""

    steps: tuple[PortalStep, ...]
    stay: int
    left_out: tuple[str, ...]


async def portal_plan(billing: Billing) -> PortalPlan:
    """From Stripe's configurations to the catalogue. Raises the gateway's Refusals, and UnknownShape."""
    groups, left_out = await _groups()
    wanted = {GENERAL: _parameters(billing.settings, GENERAL, [])}
    wanted |= {mark: _parameters(billing.settings, mark, products) for mark, products in groups.items()}
    held = await _held(billing)
    steps = [step for mark, parameters in wanted.items() for step in _towards(mark, parameters, held.pop(mark, []))]
    changed = sum(1 for step in steps if step.parameters is not None)
    steps += [PortalStep(mark, one["id"], None) for mark, found in held.items() for one in found]
    return PortalPlan(tuple(steps), len(wanted) - changed, tuple(left_out))


async def take(billing: Billing, step: PortalStep) -> None:
    """Take one step; not inside a transaction. Raises the gateway's Refusals: made again it goes on."""
    if step.id is None:
        options: Any = {"idempotency_key": f"portal-configuration-{uuid4()}"}
        made: Any = step.parameters
        told = await billing.stripe.call(
            "billing_portal.configuration.create", lambda client: client.v1.billing_portal.configurations.create_async(made, options)
        )
    else:
        stripe_id, changes = step.id, {"active": False} if step.parameters is None else step.parameters
        asked: Any = changes
        told = await billing.stripe.call(
            "billing_portal.configuration.update", lambda client: client.v1.billing_portal.configurations.update_async(stripe_id, asked)
        )
    changes = {"portal": step.mark, "differs": list(step.differs)}
    entry = AuditEntry(
        actor=OPERATOR, action=f"portal_configuration.{step.name}", object_id=fields.identifier(told.object), changes=changes
    )
    await entry.save(force_create=True)


async def configuration_for(billing: Billing, customer_id: str, subscription_id: str | None) -> str | None:
    """The configuration for a customer's session: of their subscription's group, else the general one; None where none was set up.

    Not inside a transaction. Raises the gateway's Refusals.
    """
    held = await _held(billing)
    live = Subscription.filter(customer_id=customer_id, status__in=sorted(LIVE), plan_id__not_isnull=True)
    rows = await (live.filter(id=subscription_id) if subscription_id else live.limit(MAX_PRODUCTS)).select_related("plan")
    marks = {mark_of(row.plan) for row in rows if row.plan}
    wanted = [marks.pop()] if len(marks) == 1 else []
    return next((str(held[mark][0]["id"]) for mark in [*wanted, GENERAL] if mark in held), None)


def mark_of(plan: Plan) -> str:
    """The mark of the configuration of a plan's group."""
    return f"group {plan.plan_group}" if plan.plan_group else f"plan {plan.code}"


async def _groups() -> tuple[dict[str, list[Json]], list[str]]:
    """Marks with the products that they offer, and the codes of plans beyond MAX_PRODUCTS. Prices of instalments are left out."""
    groups: dict[str, list[Json]] = {}
    left_out = []
    for plan in await Plan.filter(kind=PlanKind.SUBSCRIPTION.value, active=True, stripe_product_id__not_isnull=True).order_by("code"):
        offered = Price.filter(plan_id=plan.id, active=True, stripe_price_id__not_isnull=True, instalments=None).order_by("id")
        prices = [str(stripe_id) for stripe_id in await offered.values_list("stripe_price_id", flat=True)]
        products = groups.setdefault(mark_of(plan), []) if prices else []
        if prices and len(products) == MAX_PRODUCTS:
            left_out.append(str(plan.code))
        elif prices:
            products.append({"product": str(plan.stripe_product_id), "prices": prices, "adjustable_quantity": {"enabled": True}})
    return groups, left_out


def _parameters(settings: Settings, mark: str, products: list[Json]) -> dict[str, Any]:
    switching: Json = {"enabled": False}
    if products:
        switching = {
            "enabled": True,
            "default_allowed_updates": ["price", "quantity"],
            "proration_behavior": "create_prorations",
            "products": products,
        }
    return {
        "default_return_url": settings.portal_return_url,
        "metadata": {MARK: mark},
        "features": {
            "customer_update": {"enabled": True, "allowed_updates": ["address", "email", "name", "phone"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
            "subscription_update": switching,
        },
    }


async def _held(billing: Billing) -> dict[str, list[Json]]:
    """The active configurations with a mark of ours, by their marks, the oldest first."""
    held: dict[str, list[Json]] = {}
    after: str | None = None
    while True:
        page = await list_page(billing.stripe, KIND, {"active": "true"}, after)
        for found in page.objects:
            if mark := fields.metadata(found.object).get(MARK):
                held.setdefault(mark, []).insert(0, found.object)
        if (after := page.after) is None:
            return held


def _towards(mark: str, parameters: dict[str, Any], held: list[Json]) -> Iterator[PortalStep]:
    """To one configuration that is as wanted; others of the same mark are put out of use."""
    if not held:
        yield PortalStep(mark, None, parameters)
        return
    first, *others = held
    if differs := _differing(parameters, first):
        yield PortalStep(mark, str(first["id"]), parameters, differs)
    for other in others:
        yield PortalStep(mark, str(other["id"]), None)


def _differing(wanted: dict[str, Any], held: Json) -> tuple[str, ...]:
    features = fields.part(held, "features")
    names = [name for name, values in wanted["features"].items() if not _holds(values, features.get(name))]
    return (*(["default_return_url"] if held.get("default_return_url") != wanted["default_return_url"] else []), *names)


def _holds(wanted: Any, held: Any) -> bool:
    """Whether what is held says all that is wanted; it may say more. Lists are compared whatever their order."""
    if isinstance(wanted, dict):
        return isinstance(held, dict) and all(_holds(value, held.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(held, list) and len(held) == len(wanted)
        return same and all(any(_holds(one, other) for other in held) for one in wanted)
    return bool(wanted == held)
