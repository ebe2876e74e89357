"""Setting up Stripe's customer portal for an operator: what differs on stdout, everything else on stderr."""

import sys

from models.exclusive import exclusive
from services.billing import Billing
from services.errors import Refusal
from services.patient_gateway import PatientGateway
from services.portal_configurations import PORTAL_LOCK, PortalPlan, portal_plan, take
from services.stripe_fields import UnknownShape
from settings import Settings
from web.processes import database_url, run, with_billing
from web.progress import Progress

SIGNS = {"make": "+", "change": "~", "retire": "-"}


def run_setup(settings: Settings, *, dry: bool) -> int:
    """Make Stripe's portal configurations equal to the catalogue; 1 when `dry` and something differs, or when Stripe refused."""

    async def done() -> int:
        progress = Progress()
        try:
            return await with_billing(settings, lambda billing: _setup(billing, progress, dry=dry), PatientGateway)
        except (Refusal, UnknownShape) as refusal:
            progress.tell(f"{refusal}")
            progress.tell("cut off; go on: billgraph portal setup")
            return 1

    return run(done)


async def _setup(billing: Billing, progress: Progress, *, dry: bool) -> int:
    billing.stripe.require_enabled()
    if dry:
        found = _shown(await portal_plan(billing), progress)
        if found:
            progress.tell("nothing was changed: without --dry-run it is")
        return 1 if found else 0
    async with exclusive(database_url(billing.settings), PORTAL_LOCK, lambda: progress.tell("waiting for another setup to end")):
        plan = await portal_plan(billing)
        _shown(plan, progress)
        for done, step in enumerate(plan.steps):
            progress.at(done, step.mark)
            await take(billing, step)
    progress.clear()
    return 0


def _shown(plan: PortalPlan, progress: Progress) -> bool:
    """Print what differs; whether anything does."""
    for step in plan.steps:
        differs = f": {', '.join(step.differs)}" if step.differs else ""
        sys.stdout.write(f"{SIGNS[step.name]} {step.mark}{differs}\n")
    sys.stdout.flush()
    for code in plan.left_out:
        progress.tell(f"plan {code} cannot be switched to in the portal: Stripe offers ten of a group")
    progress.tell(f"{len(plan.steps)} configurations differ, {plan.stay} are as the catalogue")
    return bool(plan.steps)
