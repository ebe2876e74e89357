"""The two sides from which objects come: Stripe's lists, and our rows. Each gives one bounded page behind a cursor."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.expressions import Q

from models.ids import earliest_id
from services.abreast import abreast
from services.billing import Billing
from services.reconciliation.comparison import Finding, Verdict, compare
from services.reconciliation.kinds import LISTED, LISTS, Rows
from services.stripe_lists import PAGE, list_page


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of objects came to, and the cursor behind it; None at the end."""

    findings: list[Finding]
    after: str | None


async def page_of_list(billing: Billing, kind: str, since: datetime, after: str | None, *, dry: bool) -> Page:
    """Objects that came to be at Stripe since then, the newest first, compared."""
    asked = LISTS[kind] | {"created": {"gte": int(since.timestamp())}}
    page = await list_page(billing.stripe, kind, asked, after)
    return Page(await abreast(page.objects, lambda snapshot: compare(billing, kind, snapshot, dry=dry)), page.after)


async def page_of_rows(billing: Billing, rows: Rows, since: datetime, after: str | None, *, dry: bool) -> Page:
    """Our rows that are open or came to be since then, the oldest first, each read at Stripe and compared.

    What the list has already shown, being new at Stripe, is not compared a second time.
    """
    query = rows.model.filter(_wanted(rows, since), id__gt=after or "", **{f"{rows.column}__not_isnull": True})
    found = await query.order_by("id").limit(PAGE).values_list("id", rows.column)

    async def read(row: tuple[str, str]) -> Finding | None:
        return await _read(billing, rows, row, since, dry=dry)

    findings = await abreast([(str(row_id), str(stripe_id)) for row_id, stripe_id in found], read)
    return Page([finding for finding in findings if finding], str(found[-1][0]) if len(found) == PAGE else None)


def _wanted(rows: Rows, since: datetime) -> Q:
    recent = Q(id__gte=earliest_id(rows.model.prefix, since))
    return recent | Q(status__in=rows.open) if rows.open else recent


async def _read(billing: Billing, rows: Rows, row: tuple[str, str], since: datetime, *, dry: bool) -> Finding | None:
    row_id, stripe_id = row
    snapshot = await billing.stripe.retrieve(rows.kind, stripe_id)
    if snapshot is None:
        return Finding(rows.kind, stripe_id, Verdict.MISSING, error=row_id)
    created = snapshot.object.get("created")
    if rows.kind in LISTED and isinstance(created, int) and created >= int(since.timestamp()):
        return None
    return await compare(billing, rows.kind, snapshot, dry=dry)
