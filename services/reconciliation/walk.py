"""The walk over all that is compared, page by page, with its position kept after each."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services import checkpoints
from services.billing import Billing
from services.reconciliation.comparison import Finding, Verdict
from services.reconciliation.kinds import LISTED, ROWS, Rows
from services.reconciliation.reported import Reported
from services.reconciliation.sides import Page, page_of_list, page_of_rows

STEPS: dict[str, str | Rows] = {f"Stripe's list of {kind}": kind for kind in LISTED} | {f"our rows of {rows.kind}": rows for rows in ROWS}
"""What is walked, in this order."""


@dataclass(slots=True)
class Tally:
    """How far the walk is: its step (a key of STEPS; None at the end), the cursor in it, and how many objects came to what."""

    since: datetime
    step: str | None
    after: str | None = None
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Objects compared."""
        return self.counts.total()

    @property
    def found(self) -> int:
        """Objects that differed, are gone, or could not be compared."""
        return sum(self.counts[verdict] for verdict in (Verdict.DIFFERENT, Verdict.MISSING, Verdict.FAILED))

    def position(self) -> dict[str, Any]:
        """The walk as JSON."""
        return {"since": int(self.since.timestamp()), "step": self.step, "after": self.after, "counts": dict(self.counts)}

    def went(self, page: Page) -> None:
        """Go to behind that page."""
        steps = list(STEPS)
        self.after = page.after
        if page.after is None:
            rest = steps[steps.index(self.step or "") + 1 :]
            self.step = rest[0] if rest else None


async def reconcile(
    billing: Billing,
    since: datetime,
    *,
    name: str,
    dry: bool,
    stop: asyncio.Event,
    found: Callable[[Finding], None],
    told: Callable[[Tally], None],
) -> Tally:
    """Compare what came to be since then, and our open rows of any age, with Stripe; mend what differs unless `dry`.

    A walk of this `name` that was stopped is gone on with. `found` is called for each object that differs, is gone at Stripe or could not
    be compared, `told` after each page; when `stop` is set the walk ends there. Raises the gateway's retryable Refusals, and UnknownShape
    for a list that is none; then, too, everything up to the last page is done and its position kept.
    """
    tally, reported = await _begun(name, since), Reported()
    while tally.step is not None and not stop.is_set():
        page = await _page(billing, tally.step, tally, dry=dry)
        for finding in [reported.anew(finding) for finding in page.findings] if dry else page.findings:
            tally.counts[finding.verdict.value] += 1
            if finding.verdict not in {Verdict.SAME, Verdict.FOREIGN}:
                found(finding)
        tally.went(page)
        await (checkpoints.keep(name, tally.position()) if tally.step else checkpoints.forget(name))
        told(tally)
    return tally


async def _begun(name: str, since: datetime) -> Tally:
    position = await checkpoints.position_of(name)
    if position is None or position["step"] not in STEPS:
        return Tally(since, next(iter(STEPS)))
    began = datetime.fromtimestamp(position["since"], UTC)
    return Tally(began, position["step"], position["after"], Counter(position["counts"]))


async def _page(billing: Billing, step: str, tally: Tally, *, dry: bool) -> Page:
    side = STEPS[step]
    if isinstance(side, Rows):
        return await page_of_rows(billing, side, tally.since, tally.after, dry=dry)
    return await page_of_list(billing, side, tally.since, tally.after, dry=dry)
