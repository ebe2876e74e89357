"""Saving and archiving plans: rows first, then Stripe."""

from dataclasses import asdict
from typing import Any

from models import AuditEntry, OutboxKind, Plan, PlanKind, Price
from models.database import transaction
from services import outbox, sellers
from services.audit import Caller
from services.billing import Billing
from services.catalogue.change import PlanChange, archiving_of, change_of, columns_of, content_of
from services.catalogue.terms import PlanTerms, check_terms
from services.errors import InvalidInput, NotFound
from services.idempotency import Call, Done, once
from services.publication import SHOWN, publish
from services.text_input import MAX_CODE, checked_text

Actor = Caller | str | None
"""Who changes the catalogue: a caller, or as audit entries name one who is none; None for what is not audited, as the demo's."""


async def save(billing: Billing, caller: Caller, terms: PlanTerms, key: str | None) -> Done[None]:
    """The mutation: as `save_plan`, once for the key. Raises as `save_plan` does, and then nothing is written but after a retryable one."""
    billing.stripe.require_enabled()
    check_terms(terms)
    call = Call(caller.viewer.external_id, "savePlan", key, asdict(terms))
    return await once(call, lambda: write_plan(caller, terms), lambda plan_id: publish(billing, plan_id))


async def archive(billing: Billing, caller: Caller, code: str, key: str | None) -> Done[None]:
    """The mutation: sell the plan no more; who holds it keeps it. Raises InvalidInput, NotFound and the gateway's Refusals.

    After these the rows are changed, and the worker tells Stripe.
    """
    billing.stripe.require_enabled()
    checked_text(code, MAX_CODE, "code")
    call = Call(caller.viewer.external_id, "archivePlan", key, {"code": code})
    return await once(call, lambda: write_archived(caller, code), lambda plan_id: publish(billing, plan_id))


async def save_plan(billing: Billing, terms: PlanTerms, actor: Actor = None) -> str:
    """Make the plan of that code what the terms say, here and at Stripe, and return its id; saving the same twice changes nothing.

    A price is never changed: one that is no longer among the terms is deactivated and kept for those who have it, and new terms are a new
    price, or one that was deactivated before. Raises InvalidInput, NotFound (of the seller), and the Refusals of the gateway; after these
    the rows are there and `publish` goes on.
    """
    check_terms(terms)
    async with transaction():
        plan_id = await write_plan(actor, terms)
    await publish(billing, plan_id)
    return plan_id


async def write_plan(actor: Actor, terms: PlanTerms) -> str:
    """The rows of `save_plan` and its audit entry, inside a transaction; the plan's id. The terms must have been checked."""
    if terms.seller_id is not None:
        await sellers.require(terms.seller_id, "sellerId")
    fresh = Plan(code=terms.code, kind=terms.kind.value, **content_of(terms))
    await Plan.bulk_create([fresh], ignore_conflicts=True)
    plan = await Plan.filter(code=terms.code).select_for_update(no_key=True).get()
    if plan.kind != terms.kind:
        raise InvalidInput("A plan stays of its kind: make another one.", "kind")
    prices = await Price.filter(plan_id=plan.id, active=True).order_by("id")
    await apply(actor, "plan.save", plan, change_of(None if plan.id == fresh.id else plan, prices, terms))
    return str(plan.id)


async def write_archived(actor: Actor, code: str) -> str:
    """The rows of archiving and its audit entry, inside a transaction; the plan's id. Raises NotFound."""
    plan = await Plan.filter(code=code).select_for_update(no_key=True).first()
    if plan is None:
        raise NotFound("There is no such plan.", "code")
    await apply(actor, "plan.archive", plan, archiving_of(plan, await Price.filter(plan_id=plan.id, active=True).order_by("id")))
    return str(plan.id)


async def apply(actor: Actor, action: str, plan: Plan, change: PlanChange) -> None:
    """Write the change of a locked plan; nothing when there is none."""
    if not change:
        return
    after = {name: values[1] for name, values in change.columns.items()}
    if after.keys() & set(SHOWN):
        plan.published = False
    await plan.update_from_dict(after).save(update_fields=[*after, "published"])
    await _reprice(plan, change)
    if plan.kind == PlanKind.SUBSCRIPTION and "features" in after and change.columns["features"][0] is not None:
        await outbox.stage(OutboxKind.APPLY_FEATURES, plan.id)
    if actor is not None:
        by = {"actor": actor} if isinstance(actor, str) else {"actor": actor.actor, "request_id": actor.request_id}
        told: dict[str, Any] = {"code": plan.code} | change.told()
        await AuditEntry(action=action, object_id=plan.id, changes=told, **by).save(force_create=True)


async def _reprice(plan: Plan, change: PlanChange) -> None:
    for price in change.withdrawn:
        price.active = price.published = False
        await price.save(update_fields=["active", "published"])
    for terms in change.offered:
        columns = columns_of(terms)
        former = await Price.filter(plan_id=plan.id, active=False, **columns).order_by("-id").first()
        if former is None:
            await Price(plan_id=plan.id, **columns).save(force_create=True)
        else:
            former.active, former.published = True, False
            await former.save(update_fields=["active", "published"])
