"""Statistics in a terminal, and counting them anew."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from models import EVERYBODY, Seller
from models.ids import Prefix, prefix_of
from services import checkpoints
from services.errors import NotFound, Refusal
from services.since import parse_since
from services.statistics import recounting
from services.statistics.report import report, span_of
from services.text_input import MAX_EXTERNAL_ID, checked_text
from services.time_zones import zone_of
from settings import Settings
from web.processes import run, with_billing
from web.progress import Progress
from web.statistics_charts import as_json, as_text


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    since: str
    until: str | None
    seller: str | None
    as_json: bool


def run_statistics(settings: Settings, asked: Asked) -> int:
    """Print the statistics of a range; 1 for a range or a seller that cannot be."""

    async def told() -> int:
        try:
            return await with_billing(settings, lambda _: _show(settings, asked))
        except Refusal as refusal:
            _tell(refusal.message)
            return 1

    return run(told)


def run_rebuild(settings: Settings, *, dry: bool) -> int:
    """Count all rows anew, and mend unless dry; a line for each sum that differs, and 1 when any did."""

    async def rebuilt() -> int:
        return await with_billing(settings, lambda _: _rebuild(settings.statistics_time_zone, dry))

    return run(rebuilt)


async def _show(settings: Settings, asked: Asked) -> int:
    zone = zone_of(settings.statistics_time_zone)
    span = span_of(_moment(asked.since, zone), _moment(asked.until, zone) if asked.until else None, zone)
    found = await report(span, zone, await _seller(asked.seller))
    if asked.as_json:
        sys.stdout.write(json.dumps(as_json(found), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(found, settings.statistics_time_zone))
    position = await checkpoints.position_of(recounting.NAME)
    if (position or {}).get("time_zone") != settings.statistics_time_zone:
        _tell("not all was counted in this time zone yet: the worker will, or billgraph statistics rebuild")
    return 0


def _moment(text: str, zone: tzinfo) -> datetime:
    """As services.since, but a date or time that names no zone is of the configured one, and it may be in the future."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return parse_since(text, datetime.now(UTC))
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment


async def _seller(named: str | None) -> str:
    if named is None:
        return EVERYBODY
    checked_text(named, MAX_EXTERNAL_ID, "seller")
    row = await (Seller.get_or_none(id=named) if prefix_of(named) is Prefix.SELLER else Seller.get_or_none(external_id=named))
    if row is None:
        raise NotFound("There is no such seller.", "seller")
    return str(row.id)


async def _rebuild(time_zone: str, dry: bool) -> int:
    progress, total = Progress(), 0

    def told(done: int) -> None:
        nonlocal total
        total = done
        progress.at(done, f"{done} rows counted")

    found = await recounting.rebuild(time_zone, dry=dry, told=told)
    progress.clear()
    for (seller, measure, day, currency, detail), kept, right in found:
        of = " ".join(filter(None, (day, measure, currency, detail, seller or "all sales")))
        sys.stdout.write(f"{of}: kept {kept[0]} and {kept[1]}, counted {right[0]} and {right[1]}\n")
    progress.tell(f"{total} rows counted, {len(found)} sums differed")
    if found:
        progress.tell("nothing was changed: without --dry-run they are mended" if dry else "they are as counted now")
    return 1 if found else 0


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
