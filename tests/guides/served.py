"""The whole application on a port of its own: its sandbox, signed webhooks over HTTP, and the worker, as `billgraph serve` has them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import uvicorn
from pydantic import SecretStr

from app import create_app
from services.authentication import Role, Viewer, issue_development_token
from services.billing import Billing
from services.development import completed
from settings import Settings

SHOP = "https://shop.example"


@dataclass(frozen=True)
class Application:
    """Where it is, and what its host saves plans with."""

    address: str
    billing: Billing

    def token(self, subject: str, role: Role) -> str:
        viewer = Viewer(subject, f"{subject}@example.com", frozenset({role}))
        return issue_development_token(self.billing.settings, viewer, timedelta(hours=1))


@contextlib.asynccontextmanager
async def application(folder: Path, database_url: str) -> AsyncIterator[Application]:
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # else asyncio leaves Nagle on, 40 ms an answer
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        given = Settings(
            billgraph_var=folder,
            port=port,
            database_url=SecretStr(database_url),
            success_url=f"{SHOP}/paid?session_id={{CHECKOUT_SESSION_ID}}",
        )
        app = create_app(completed(given))
        config = uvicorn.Config(app, log_level="critical", ws="none", date_header=False, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment] # the test's own signals stay
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        try:
            yield Application(f"http://127.0.0.1:{port}", app.state.billing)
        finally:
            server.should_exit = True
            await serving
