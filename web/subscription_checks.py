"""Subscriptions that need somebody, told to an operator: what was found on stdout, everything else on stderr."""

import json
import sys
from dataclasses import asdict

from services.billing import Billing
from services.errors import Refusal
from services.patient_gateway import PatientGateway
from services.subscription_checks import Checked, Found, check_subscriptions
from settings import Settings
from web.backfill import STOPPED
from web.processes import run, with_billing
from web.progress import Progress, stopping

HEADER = ("WHAT", "SUBSCRIPTION", "STRIPE ID", "CUSTOMER", "DETAIL")


def run_check(settings: Settings, *, dry: bool, as_json: bool) -> int:
    """Check, and mend what can be unless dry; 1 when anything was found or Stripe refused, 130 when stopped before the end."""

    async def checked() -> int:
        progress = Progress()
        try:
            return await with_billing(settings, lambda billing: _check(billing, progress, dry=dry, as_json=as_json), PatientGateway)
        except Refusal as refusal:
            progress.tell(f"{refusal}")
            return 1

    return run(checked)


async def _check(billing: Billing, progress: Progress, *, dry: bool, as_json: bool) -> int:
    stop = stopping()
    billing.stripe.require_enabled()
    table = Table(progress, as_json=as_json)
    checked = await check_subscriptions(
        billing, dry=dry, stop=stop, found=table.add, told=lambda checked: progress.at(checked.total, _sum(checked))
    )
    progress.clear()
    if not checked.ended:
        progress.tell(f"stopped: {_sum(checked)}")
        return STOPPED
    progress.tell(_sum(checked))
    if dry and checked.counts:
        progress.tell("nothing was changed: without --dry-run what can be is mended")
    return 1 if checked.counts else 0


def _sum(checked: Checked) -> str:
    found = ", ".join(f"{count} {trouble}" for trouble, count in sorted(checked.counts.items()))
    return f"{checked.total} subscriptions checked: {found or 'nothing found'}"


class Table:
    """What was found, as lines of a table or of JSON, written as it is found."""

    def __init__(self, progress: Progress, *, as_json: bool) -> None:
        self._progress, self._as_json, self._begun = progress, as_json, False

    def add(self, found: Found) -> None:
        """One line."""
        self._progress.clear()
        sys.stdout.write(json.dumps(asdict(found)) + "\n" if self._as_json else self._row(found))
        sys.stdout.flush()

    def _row(self, found: Found) -> str:
        header = "" if self._begun else _columns(HEADER)
        self._begun = True
        detail = f"{found.detail} (mended)" if found.mended else found.detail
        return header + _columns((found.trouble.value, found.subscription, found.stripe_id, found.customer, detail))


def _columns(texts: tuple[str, ...]) -> str:
    widths = (17, 31, 30, 24, 0)
    return "  ".join(f"{text:<{width}}" for text, width in zip(texts, widths, strict=True)).rstrip() + "\n"
