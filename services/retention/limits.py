"""From before when things are deleted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.idempotency import KEPT
from services.time_zones import zone_of
from settings import Settings

SHORTEST_EVENT_DAYS = 30
"""Stripe's own list goes back so far: an event is taken once only while its row is here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Aware moments; None keeps for ever."""

    books: datetime | None
    audit: datetime | None
    events: datetime | None
    deliveries: datetime | None
    mails: datetime | None
    keys: datetime


def problems(settings: Settings) -> Iterator[str]:
    """What speaks against deleting by these settings."""
    if 0 < settings.retention_event_days < SHORTEST_EVENT_DAYS:
        yield f"Set RETENTION_EVENT_DAYS to {SHORTEST_EVENT_DAYS} or more, or to 0: Stripe may tell of an event again for as long."


def limits_of(settings: Settings, now: datetime) -> Limits:
    """The limits at a moment: books and the audit log go by whole years of RECEIPT_TIME_ZONE, everything else by days."""
    return Limits(
        books=_year(settings, now, settings.retention_books_years),
        audit=_year(settings, now, settings.retention_audit_years),
        events=_day(now, settings.retention_event_days),
        deliveries=_day(now, settings.event_delivery_days),
        mails=_day(now, settings.retention_email_days),
        keys=now - KEPT,
    )


def _year(settings: Settings, now: datetime, years: int) -> datetime | None:
    """The beginning of the first year that is kept, beside the one that runs."""
    zone = zone_of(settings.receipt_time_zone)
    return datetime(now.astimezone(zone).year - years, 1, 1, tzinfo=zone).astimezone(UTC) if years else None


def _day(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days else None
