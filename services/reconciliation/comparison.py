"""One object of Stripe's beside our rows: mirrored in a transaction that says what it changed, and is kept or not."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models import AuditEntry
from services.billing import Billing
from services.differences import Difference, changed, differences
from services.errors import Refusal
from services.journal import plain
from services.mirror import Known, Outcome, TooManyReadings, apply
from services.snapshot import Snapshot
from services.stripe_fields import UnknownShape

ACTOR = "reconcile"
"""Who mended a row, as audit entries name it."""


class Verdict(StrEnum):
    """What comparing one object came to; FOREIGN is not ours, MISSING is gone at Stripe, FAILED could not be compared."""

    SAME = "SAME"
    DIFFERENT = "DIFFERENT"
    FOREIGN = "FOREIGN"
    MISSING = "MISSING"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` and `stripe_id` name Stripe's object; `error` says why it could not be compared, or what a missing one is to us."""

    kind: str
    stripe_id: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    error: str | None = None


async def compare(billing: Billing, kind: str, snapshot: Snapshot, *, dry: bool) -> Finding:
    """Mirror an object and say what that changed; with `dry` nothing stays. Retryable Refusals are raised: the walk is to go on later."""
    stripe_id = str(snapshot.object.get("id"))

    async def work(known: Known) -> Outcome:
        outcome = await apply(snapshot, known)
        if not dry:
            await _audit(changed())
        return outcome

    try:
        outcome, found = await differences(billing.stripe, work, dry=dry)
    except (UnknownShape, TooManyReadings, Refusal) as error:
        if isinstance(error, Refusal) and error.retryable:
            raise
        return Finding(kind, stripe_id, Verdict.FAILED, error=f"{type(error).__name__}: {error}")
    if found:
        return Finding(kind, stripe_id, Verdict.DIFFERENT, tuple(found))
    return Finding(kind, stripe_id, Verdict.FOREIGN if outcome is Outcome.IGNORED else Verdict.SAME)


async def _audit(found: list[Difference]) -> None:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for difference in found:
        rows.setdefault((difference.table, difference.row_id), {})[difference.column] = [plain(difference.before), plain(difference.after)]
    entries = [
        AuditEntry(actor=ACTOR, action=f"{table}.reconcile", object_id=row_id, changes=changes) for (table, row_id), changes in rows.items()
    ]
    if entries:
        await AuditEntry.bulk_create(entries)
