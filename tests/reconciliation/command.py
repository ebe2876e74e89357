"""The real command in a process of its own, while the test's own loop serves the Stripe that it speaks to."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.services.between import PUBLISHABLE_KEY, SECRET_KEY
from tests.setup.command import LIMIT, ROOT, Ended


class Running:
    """A command under way."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> Ended:
        async with asyncio.timeout(LIMIT):
            out, error = await self.process.communicate()
        assert self.process.returncode is not None
        return Ended(self.process.returncode, out.decode(), error.decode())


def _hears_ctrl_c() -> None:
    """As in a terminal: what a shell starts in the background ignores SIGINT, and so would all that is started from it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command:
    """`billgraph …` over the test's database and Stripe."""

    def __init__(self, var: Path, database_url: str, stripe: str) -> None:
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "BILLGRAPH_VAR": str(var),
            "DATABASE_URL": database_url,
            "LOG_LEVEL": "ERROR",
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "STRIPE_API_BASE": stripe,
            "STRIPE_WEBHOOK_SECRET": "whsec_reconciliation",
        }

    async def start(self, *arguments: str) -> Running:
        pipe = asyncio.subprocess.PIPE
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *arguments), cwd=ROOT, env=self.environment, stdout=pipe, stderr=pipe, preexec_fn=_hears_ctrl_c
        )
        return Running(started)

    async def run(self, *arguments: str) -> Ended:
        return await (await self.start(*arguments)).end()
