"""The process behind `billgraph serve`: sockets, signals, migrations before it and the demo after it has started."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette

from models.database import migrate, pending_migrations
from services import metrics
from services.demo_catalogue import seed_demo
from services.demo_viewers import demo_viewers
from services.errors import Refusal
from settings import Settings
from web.processes import DATABASE_ERRORS, database_url, explain_database
from web.sent_emails import folder_of
from web.start_page import places

STOP_LIMIT = 10
"""Seconds that requests under way may take when the process is told to stop."""

MAX_CONNECTIONS = 4096
"""Connections and requests at once, above which a request is answered 503."""

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than proxies and clients keep theirs, so that it is they who close it."""

Application = Callable[[Settings], Starlette]
"""What makes the application: app.create_app."""


class Server(uvicorn.Server):
    """uvicorn's server, which ends with exit code 0 on SIGTERM and SIGINT instead of raising them again after a clean stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen, then say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop gracefully at the first signal, at once at a second SIGINT."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def run(settings: Settings, application: Application) -> int:
    """Serve until told to stop; the exit code. One line on stderr says why when it cannot start."""
    try:
        listener = _listen(settings.host, settings.port)
    except OSError as error:
        return _say(f"Port {settings.port} of {settings.host} cannot be used ({error.strerror}): set PORT to another one.")
    with listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reason = runner.run(_prepare(settings))
        if reason:
            return _say(reason)
        if settings.web_concurrency == 1:
            return runner.run(_serve(application(settings), settings, listener))
    return _serve_many(settings)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


async def _prepare(settings: Settings) -> str | None:
    """Migrate, or in production see that somebody has; the reason not to start, if any."""
    url = database_url(settings)
    try:
        if not settings.production:
            await migrate(url)
        elif await pending_migrations(url):
            return "The database is not up to date: run `billgraph migrate` first."
    except DATABASE_ERRORS as error:
        return explain_database(error)
    return None


async def _serve(app: Starlette, settings: Settings, listener: socket.socket) -> int:
    server = Server(uvicorn.Config(app, **_options(settings)))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    listening = asyncio.create_task(server.listening.wait())
    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
    if server.started and not settings.production:
        await _present(settings, app)
    await serving
    listening.cancel()
    return 0 if server.started else 1


def _serve_many(settings: Settings) -> int:
    metrics.share_between_processes(settings.billgraph_var / "metrics")
    where: dict[str, Any] = {"host": settings.host, "port": settings.port, "workers": settings.web_concurrency}
    uvicorn.run("app:from_environment", factory=True, **where, **_options(settings))
    return 0


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "http": "httptools",
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": not settings.sandbox,  # its answers are dated by its own clock, the others by web.middleware.Dated
        "limit_concurrency": MAX_CONNECTIONS,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": STOP_LIMIT,
    }


async def _present(settings: Settings, app: Starlette) -> None:
    """Fill the demo catalogue, now that the sandbox in this process answers, and print what to open."""
    if settings.sandbox:
        try:
            await seed_demo(app.state.billing)
        except Refusal as refusal:
            _say(f"The demo catalogue could not be filled: {refusal.message}")
    sys.stdout.write(banner(settings))
    sys.stdout.flush()


def banner(settings: Settings) -> str:
    """What development prints once it serves: pages to open, and a token for each role."""
    here = settings.public_url or ""
    pages = [f"  {place.name:<16}{here}{place.path}" for place in places(sandbox=settings.sandbox, emails=folder_of(settings) is not None)]
    tokens = [f"  {viewer.role:<10}{viewer.label}\n  {viewer.token}\n" for viewer in demo_viewers(settings)]
    title = f"Billgraph serves {here}  ({settings.environment}, data in {settings.billgraph_var})"
    lines = ["", title, "", f"  {'Start page':<16}{here}/", *pages, "", "Bearer tokens, good for 12 hours:", "", *tokens]
    return "\n".join([*lines, "Stop with Ctrl+C.", "", ""])


def _say(reason: str) -> int:
    sys.stderr.write(f"billgraph: {reason}\n")
    return 1
