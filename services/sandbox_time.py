"""Moving the time of the sandbox that is running, and looking how far it has come."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.billing import Billing
from services.errors import InvalidInput
from services.stripe_fields import Json

UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
MOST = timedelta(days=3660)
"""The sandbox moves time by no more at once."""

_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_PATH = "/v1/test_helpers/time"


@dataclass(frozen=True, slots=True)
class SandboxTime:
    """The sandbox's time, where it is being moved to (None: nowhere), its events so far, and how many of them are due and not sent."""

    now: datetime
    target: datetime | None
    events: int
    unsent: int


def parse_span(text: str) -> timedelta:
    """`90s`, `45m`, `12h`, `31d` or `2w`; InvalidInput for anything else (months are of no length), and for more than ten years."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is no span of time: give for example 45m, 12h, 31d or 2w.", "span")
    if int(found[1]) > MOST // UNITS[found[2]]:
        raise InvalidInput(f"{text[:40]!r} is too long: time is moved by at most {MOST.days} days at once.", "span")
    return int(found[1]) * UNITS[found[2]]


async def move(billing: Billing, span: timedelta) -> SandboxTime:
    """Begin to move the sandbox's time forward. Raises the gateway's Refusals, while it is being moved already too."""
    key = f"sandbox-time-{uuid4()}"
    seconds = int(span.total_seconds())
    return await _asked(billing, "post", seconds=seconds, idempotency_key=key)


async def look(billing: Billing) -> SandboxTime:
    """Return where the sandbox's time stands. Raises the gateway's Refusals."""
    return await _asked(billing, "get")


async def _asked(billing: Billing, method: str, **params: Any) -> SandboxTime:
    answer = await billing.stripe.call("sandbox.time", lambda client: client.raw_request_async(method, _PATH, **params))
    return _read(answer.object)


def _read(told: Json) -> SandboxTime:
    target = told["target"]
    return SandboxTime(_moment(told["now"]), None if target is None else _moment(target), told["events"], told["unsent"])


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
