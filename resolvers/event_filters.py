"""What the filters of lists of outgoing events mean."""

from typing import Any

from models.selects import Comparison, Condition
from resolvers.context import Context
from resolvers.filters import one_of
from resolvers.narrowing import Filter


def event_destinations(_context: Context, _arguments: dict[str, Any]) -> Filter:
    """Those that were not deleted."""
    return Filter(always=(Condition("deleted_at", Comparison.ABSENT),))


def deliveries(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """By status; None when nothing can match."""
    status = arguments.get("status")
    if status == []:
        return None
    return Filter((), (one_of("status", status),) if status else ())
