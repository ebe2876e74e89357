"""Our rows beside Stripe's objects, told to an operator: differences on stdout, everything else on stderr."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from services import checkpoints
from services.billing import Billing
from services.differences import Difference
from services.errors import Refusal
from services.journal import plain
from services.patient_gateway import PatientGateway
from services.reconciliation import Finding, Tally, Verdict, reconcile
from services.since import parse_since
from services.stripe_fields import UnknownShape
from settings import Settings
from web.backfill import STOPPED
from web.processes import run, with_billing
from web.progress import Progress, going_on, stopping

LONGEST_VALUE = 60
"""Characters of a value that the table shows."""

HEADER = ("KIND", "OUR ID", "STRIPE ID", "COLUMN", "OURS", "STRIPE'S")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    since: str
    dry: bool
    as_json: bool
    anew: bool

    @property
    def command(self) -> str:
        """The command that goes on with this walk, and the walk's name."""
        return f"reconcile --since {self.since}{' --dry-run' if self.dry else ''}"


def run_reconcile(settings: Settings, asked: Asked) -> int:
    """Compare, and mend unless dry; 1 when anything differed or Stripe refused, 130 when stopped before the end."""

    async def reconciled() -> int:
        progress = Progress()
        try:
            since = parse_since(asked.since, datetime.now(UTC))
            return await with_billing(settings, lambda billing: _reconcile(billing, since, asked, progress), PatientGateway)
        except (Refusal, UnknownShape) as refusal:
            progress.tell(f"{refusal}")
            return 1

    return run(reconciled)


async def _reconcile(billing: Billing, since: datetime, asked: Asked, progress: Progress) -> int:
    stop = stopping()
    billing.stripe.require_enabled()
    if asked.anew:
        await checkpoints.forget(asked.command)
    position = await checkpoints.position_of(asked.command)
    if position is not None:
        progress.tell(f"going on where it was stopped, after {sum(position['counts'].values())} objects (from the beginning: --anew)")
    table = Table(asked, progress)
    with going_on(asked.command, progress):
        tally = await reconcile(
            billing,
            since,
            name=asked.command,
            dry=asked.dry,
            stop=stop,
            found=table.add,
            told=lambda tally: progress.at(tally.total, f"{_sum(tally)}; {tally.step}"),
        )
    progress.clear()
    return _end(tally, asked, progress)


def _end(tally: Tally, asked: Asked, progress: Progress) -> int:
    if tally.step is not None:
        progress.tell(f"stopped: {_sum(tally)}; go on: billgraph {asked.command}")
        return STOPPED
    progress.tell(_sum(tally))
    if not tally.found:
        progress.tell("no differences")
        return 0
    progress.tell("nothing was changed: without --dry-run they are mended" if asked.dry else "what differed is as at Stripe now")
    return 1


def _sum(tally: Tally) -> str:
    told = (
        (Verdict.DIFFERENT, "differing"),
        (Verdict.MISSING, "gone at Stripe"),
        (Verdict.FAILED, "not comparable"),
        (Verdict.FOREIGN, "not ours"),
    )
    return f"{tally.total} objects compared, " + ", ".join(f"{tally.counts[verdict]} {words}" for verdict, words in told)


class Table:
    """Differences as lines of a table, or of JSON, written as they are found."""

    def __init__(self, asked: Asked, progress: Progress) -> None:
        self._asked, self._progress, self._begun = asked, progress, False

    def add(self, finding: Finding) -> None:
        """A line for each column that differs; one for a row that we lacked, an object that is gone, and one that failed."""
        self._progress.clear()
        if finding.verdict is Verdict.FAILED:
            self._progress.tell(f"{finding.kind} {finding.stripe_id} could not be compared: {finding.error}")
            return
        for line in _lines(finding, dry=self._asked.dry):
            sys.stdout.write(json.dumps(line) + "\n" if self._asked.as_json else self._row(line))
        sys.stdout.flush()

    def _row(self, line: dict[str, Any]) -> str:
        header = "" if self._begun else _columns(HEADER)
        self._begun = True
        return header + _columns(
            (line["kind"], line["id"], line["stripe_id"], line["column"], _shown(line["ours"]), _shown(line["stripe"]))
        )


def _lines(finding: Finding, *, dry: bool) -> list[dict[str, Any]]:
    if finding.verdict is Verdict.MISSING:
        return [_line(finding, finding.kind, finding.error, "id", finding.stripe_id, None)]
    lines = []
    for row_id, group in groupby(finding.differences, lambda difference: difference.row_id):
        columns = list(group)
        lines += [_new(finding, columns, None if dry else row_id)] if any(column.new_row for column in columns) else _of(finding, columns)
    return lines


def _new(finding: Finding, columns: list[Difference], row_id: str | None) -> dict[str, Any]:
    """A row that we lacked; in a dry run it has no id."""
    told = {column.column: plain(column.after) for column in columns if column.column != "id"}
    return _line(finding, columns[0].table, row_id, "id", None, told)


def _of(finding: Finding, columns: list[Difference]) -> list[dict[str, Any]]:
    return [_line(finding, one.table, one.row_id, one.column, plain(one.before), plain(one.after)) for one in columns]


def _line(finding: Finding, kind: str, row_id: str | None, column: str, ours: Any, stripe: Any) -> dict[str, Any]:
    return {"kind": kind, "id": row_id, "stripe_id": finding.stripe_id, "column": column, "ours": ours, "stripe": stripe}


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _columns(texts: tuple[str | None, ...]) -> str:
    widths = (16, 31, 30, 22, 24, 0)
    return "  ".join(f"{text or '-':<{width}}" for text, width in zip(texts, widths, strict=True)).rstrip() + "\n"
