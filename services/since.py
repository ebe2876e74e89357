"""How far back a walk goes, as people write it."""

import re
from datetime import UTC, datetime, timedelta

from services.errors import InvalidInput

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGO = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
"""What is longer ago than Stripe is old counts as all there is."""

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
"""Stripe has nothing older."""


def parse_since(text: str, now: datetime, name: str = "since", *, ahead: bool = False) -> datetime:
    """`90m`, `12h`, `3d` and `2w` ago, or an ISO 8601 date or time (UTC where it names no zone); aware, in UTC.

    Raises InvalidInput, naming the option, for anything else, for what is before Stripe, and unless `ahead` for what is in the future.
    """
    moment = _moment(text, now)
    if moment is None:
        raise InvalidInput(f"--{name} {text!r} is no time: give for example 12h, 3d, 2w or 2026-11-01.", name)
    if moment > now and not ahead:
        raise InvalidInput(f"--{name} {text!r} is in the future.", name)
    if moment < EARLIEST:
        raise InvalidInput(f"--{name} {text!r} is before Stripe was there.", name)
    return moment


def _moment(text: str, now: datetime) -> datetime | None:
    if ago := _AGO.fullmatch(text):
        return now - min(int(ago[1]) * UNITS[ago[2]], now - EARLIEST)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
