"""`billgraph serve` in a process of its own, to be killed without warning."""

import asyncio
import os
import signal
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from services.authentication import Role, Viewer, issue_development_token
from settings import Settings
from tests.services.between import PUBLISHABLE_KEY, SECRET_KEY

ROOT = Path(__file__).parent.parent.parent
START_LIMIT = 60.0
AUTH_SECRET = "development-only-" + "x" * 32


def token(subject: str, role: Role) -> str:
    viewer = Viewer(subject, None, frozenset({role}))
    return issue_development_token(Settings(auth_secret=SecretStr(AUTH_SECRET)), viewer, timedelta(hours=1))


class Process:
    """One run of the server over the given database and Stripe."""

    def __init__(self, folder: Path, database_url: str, stripe: str, **settings: str) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "BILLGRAPH_VAR": str(folder),
            "PORT": str(self.port),
            "DATABASE_URL": database_url,
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "STRIPE_API_BASE": stripe,
            "SANDBOX": "false",
            "AUTH_SECRET": AUTH_SECRET,
            **settings,
        }
        self.log = folder / f"server-{self.port}.log"

    async def start(self) -> "Process":
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("w") as log:
            self.running = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cli", "serve", cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        async with asyncio.timeout(START_LIMIT):
            while not await self._ready():
                assert self.running.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)
        return self

    async def _ready(self) -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

    async def ask(self, mutation: str, subject: str, role: Role, **given: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token(subject, role)}"}
        async with httpx.AsyncClient(timeout=60) as client:
            body = {"query": mutation, "variables": {"input": given}}
            answer = await client.post(f"http://127.0.0.1:{self.port}/graphql", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        (payload,) = answer.json()["data"].values()
        found: dict[str, Any] = payload
        return found

    async def kill(self) -> None:
        """kill -9."""
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGKILL)
        await self.running.wait()

    async def stop(self) -> None:
        """SIGTERM, and whatever is left after ten seconds is killed."""
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await self.running.wait()
        except TimeoutError:
            await self.kill()
