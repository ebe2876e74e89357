"""E-mails as an operator sees them: what was sent or not, having it sent again, and what came back."""

import sys

from models import Email
from services.emails import keeping
from services.emails.bouncing import LONGEST_REPORT, take_report
from settings import Settings
from web.processes import run, with_billing
from web.sending_again import GivenUp, sent_again

GIVEN_UP = GivenUp(keeping.dead, keeping.send_again, keeping.GONE, "e-mails")


def run_list(settings: Settings, limit: int, status: str | None) -> int:
    """Print a line for each e-mail, the newest first, at most `limit`; 1 when any was given up."""

    async def listed() -> int:
        return await with_billing(settings, lambda _: _list(limit, status))

    return run(listed)


def run_send_again(settings: Settings, names: list[str]) -> int:
    """Let the e-mails be sent again, all that were given up when none is named; 1 when one cannot be."""

    async def sent() -> int:
        return await with_billing(settings, lambda _: sent_again(GIVEN_UP, names))

    return run(sent)


def run_bounce(settings: Settings) -> int:
    """Read a report from standard input and tell what came of it; 0 whatever it is, 1 when the database does not answer."""
    content = sys.stdin.buffer.read(LONGEST_REPORT)

    async def taken() -> int:
        return await with_billing(settings, lambda _: _bounce(content))

    return run(taken)


async def _list(limit: int, status: str | None) -> int:
    rows = await (Email.filter(status=status) if status else Email.all()).order_by("-id").limit(limit)
    for row in rows:
        next_try = f"  next {row.next_attempt_at:%Y-%m-%d %H:%M:%SZ}" if row.next_attempt_at else ""
        told = f"{row.id}  {row.kind}  {row.object_id}  {row.recipient or 'erased'}  {row.status}  attempts {row.attempts}{next_try}"
        sys.stdout.write(f"{told}\n" + (f"    {row.error}\n" if row.error else ""))
    stuck = await keeping.count_dead()
    _tell(f"{len(rows)} e-mails listed, {stuck} given up")
    return 1 if stuck else 0


async def _bounce(content: bytes) -> int:
    row_id = await take_report(content)
    _tell(f"{row_id} came back" if row_id else "this reports no failure of an e-mail of ours")
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
