"""Inputs that narrow more than one list."""

from datetime import datetime

import strawberry


@strawberry.input(description="From `since` on and before `until`.")
class DateTimeRange:
    """For resolvers.filters.created."""

    since: datetime | None = strawberry.UNSET
    until: datetime | None = strawberry.UNSET
