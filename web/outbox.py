"""The outbox as an operator sees it: what waits, what was given up, and having it tried again."""

import sys
from collections.abc import Awaitable, Callable

from models import OutboxEntry
from services import outbox
from services.outbox_worker import MAX_ATTEMPTS
from services.text_input import MAX_ID
from settings import Settings
from web.processes import run, with_billing

BATCH = 500
"""Entries that were given up, and are tried again at once."""


def run_list(settings: Settings, limit: int, *, only_given_up: bool) -> int:
    """Print a line for each entry, the newest first, at most `limit`; 1 when anything was given up."""

    async def listed() -> int:
        return await with_billing(settings, lambda _: _list(limit, only_given_up))

    return run(listed)


def run_retry(settings: Settings, entries: list[str]) -> int:
    """Let the entries be tried again, all that were given up when none is named; 1 when there is none of a name."""

    async def retried() -> int:
        return await with_billing(settings, lambda _: _retry(entries))

    return run(retried)


def run_discard(settings: Settings, entries: list[str]) -> int:
    """Drop entries that were given up; 1 when none that was given up has a name."""

    async def discarded() -> int:
        return await with_billing(settings, lambda _: _each(entries, outbox.discard, "is dropped"))

    return run(discarded)


async def _list(limit: int, only_given_up: bool) -> int:
    entries = OutboxEntry.filter(next_attempt_at=None) if only_given_up else OutboxEntry.all()
    rows = await entries.order_by("-id").limit(limit)
    for row in rows:
        next_try = f"{row.next_attempt_at:%Y-%m-%d %H:%M:%SZ}" if row.next_attempt_at else f"given up after {MAX_ATTEMPTS} attempts"
        sys.stdout.write(f"{row.id}  {row.kind}  {row.subject_id}  attempts {row.attempts}  next {next_try}\n")
        sys.stdout.write(f"    {row.error}\n" if row.error else "")
    stuck = await outbox.given_up()
    _tell(f"{len(rows)} entries listed, {stuck} given up")
    return 1 if stuck else 0


async def _retry(entries: list[str]) -> int:
    if entries:
        return await _each(entries, outbox.try_again, "is tried again")
    code = 0
    while rows := await OutboxEntry.filter(next_attempt_at=None).order_by("id").limit(BATCH):
        code |= await _each([row.id for row in rows], outbox.try_again, "is tried again")
    return code


async def _each(entries: list[str], do: Callable[[str], Awaitable[bool]], done: str) -> int:
    missing = 0
    for name in entries:
        found = len(name) <= MAX_ID and await do(name)
        sys.stdout.write(f"{name}  {done}\n" if found else f"{name}  there is no such entry\n")
        missing += not found
    _tell(f"{len(entries) - missing} of {len(entries)} entries")
    return 1 if missing else 0


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
