"""Making the catalogue what a file says: found plan by plan, then saved and published one after the other, so that it can be cut off."""

from collections.abc import Callable
from dataclasses import dataclass

from models import Plan, Price, Seller
from models.database import transaction
from services.audit import OPERATOR
from services.billing import Billing
from services.catalogue.change import PlanChange, archiving_of, change_of
from services.catalogue.document import CatalogueFault, CatalogueFile
from services.catalogue.plans import write_archived, write_plan
from services.catalogue.terms import PlanTerms
from services.errors import InvalidInput
from services.publication import publish

PUSH_LOCK = 0x70757368
"""Key of the lock under which the catalogue is pushed or pulled, one process at a time."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one plan: `terms` are None for one that left the file, `plan` is None for one that is new."""

    code: str
    plan: Plan | None
    terms: PlanTerms | None
    change: PlanChange

    @property
    def name(self) -> str:
        """make, change, archive, or publish for what Stripe alone lacks."""
        if not self.change:
            return "publish"
        return "archive" if self.terms is None else "change" if self.plan else "make"


async def steps(file: CatalogueFile) -> list[Step]:
    """From our rows to the file, plans of the file first; what is as it should be needs no step. Raises CatalogueFault."""
    terms = await _terms(file)
    plans = {plan.code: plan for plan in await Plan.all().order_by("code")}
    prices: dict[str, list[Price]] = {plan.id: [] for plan in plans.values()}
    for price in await Price.filter(active=True).order_by("id"):
        prices[price.plan_id].append(price)
    _check_kinds(file, terms, plans)
    found = [Step(one.code, plan := plans.pop(one.code, None), one, change_of(plan, prices[plan.id] if plan else [], one)) for one in terms]
    found += [Step(code, plan, None, archiving_of(plan, prices[plan.id] if plan.active else [])) for code, plan in plans.items()]
    unpublished = {price.plan_id for price in await Price.filter(published=False)}
    return [one for one in found if one.change or (one.plan and (not one.plan.published or one.plan.id in unpublished))]


async def push(billing: Billing, todo: list[Step], told: Callable[[Step], None]) -> None:
    """Take the steps; `told` is called before each. Not inside a transaction.

    Raises the gateway's Refusals: what is done stays, and pushing again goes on.
    """
    for step in todo:
        told(step)
        async with transaction():
            plan_id = await _write(step)
        await publish(billing, plan_id)


async def _write(step: Step) -> str:
    if step.terms is not None:
        return await write_plan(OPERATOR, step.terms)
    return await write_archived(OPERATOR, step.code) if step.change else str(step.plan and step.plan.id)


async def _terms(file: CatalogueFile) -> list[PlanTerms]:
    sellers = {row.external_id: row.id for row in await Seller.filter(external_id__in=[plan.seller for plan in file.plans if plan.seller])}
    unknown = [
        file.fault(place, InvalidInput("there is no such seller: make them first (saveSeller)", "sellerId"))
        for place, plan in enumerate(file.plans)
        if plan.seller is not None and plan.seller not in sellers
    ]
    if unknown:
        raise CatalogueFault(*unknown)
    return [plan.terms(sellers[plan.seller] if plan.seller is not None else None) for plan in file.plans]


def _check_kinds(file: CatalogueFile, terms: list[PlanTerms], plans: dict[str, Plan]) -> None:
    faults = [
        file.fault(place, InvalidInput(f"it is a {plans[one.code].kind.lower()} and stays one: make another plan", "kind"))
        for place, one in enumerate(terms)
        if one.code in plans and plans[one.code].kind != one.kind
    ]
    if faults:
        raise CatalogueFault(*faults)
