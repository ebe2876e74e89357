"""Days of a time zone: at which a day begins, its daylight saving decides."""

from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache

NOON = time(12)
"""There is one on every day, and one alone, whatever a zone does to its clocks at night."""

NOW = "1970-01-01"
"""The day of what is counted as it stands, and not by days."""

NOW_MINUTE = 720
"""The minute that stands for NOW, in whatever time zone."""


def minute_of(moment: datetime) -> int:
    """Minutes since 1970 in UTC, rounded down; `moment` is aware. Every offset of our days is of whole minutes."""
    return int(moment.timestamp() // 60)


@lru_cache(65_536)
def day_of_minute(minute: int, zone: tzinfo) -> str:
    """The day, YYYY-MM-DD, that such a minute is on."""
    return NOW if minute == NOW_MINUTE else day_of(datetime.fromtimestamp(minute * 60, UTC), zone)


def day_of(moment: datetime, zone: tzinfo) -> str:
    """The day, YYYY-MM-DD, that an aware moment is on."""
    return moment.astimezone(zone).date().isoformat()


def minute_on(day: str, zone: tzinfo) -> int:
    """A minute that is on the day."""
    if day == NOW:
        return NOW_MINUTE
    return minute_of(datetime.combine(date.fromisoformat(day), NOON, zone))
