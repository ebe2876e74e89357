"""The tables are what the models say, on both engines, and migrating is safe to repeat and to race."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.exceptions import OperationalError
from tortoise.fields import Field
from tortoise.indexes import Index
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.loader import MigrationLoader
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import RunSQL
from tortoise.models import Model

from models import Customer
from models import database_url as url_module
from models.database import MIGRATION_LOCK, client, connect, disconnect, migrate, pending_migrations
from tests.models.sound_rows import SOUND, sound_row

ROOT = Path(__file__).parents[2]
ALL = sorted(path.stem for path in (ROOT / "models" / "migrations").glob("0*.py"))
LATEST = ALL[-1]
COLUMNS = {
    "sqlite": "SELECT name, type, \"notnull\" FROM pragma_table_info('{0}')",
    "postgres": """SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
        WHERE attrelid = '"{0}"'::regclass AND attnum > 0 AND NOT attisdropped""",
}
SPOKEN_BY_POSTGRES = {
    "BIGINT": "bigint",
    "BOOL": "boolean",
    "DOUBLE PRECISION": "double precision",
    "INT": "integer",
    "JSONB": "jsonb",
    "TEXT": "text",
    "TIMESTAMPTZ": "timestamp with time zone",
}
INDEXES = {
    "sqlite": """SELECT group_concat(name), "unique" FROM
        (SELECT l.name AS of, l."unique", i.name FROM pragma_index_list('{0}') l JOIN pragma_index_info(l.name) i ORDER BY l.name, i.seqno)
        GROUP BY of, "unique\"""",
    "postgres": """SELECT string_agg(a.attname, ',' ORDER BY k.place), i.indisunique FROM pg_index i
        CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE i.indrelid = '"{0}"'::regclass GROUP BY i.indexrelid, i.indisunique""",
}
FOREIGN_KEYS = {
    "sqlite": 'SELECT "from", "table", on_delete FROM pragma_foreign_key_list(\'{0}\')',
    "postgres": """SELECT a.attname, f.relname, CASE c.confdeltype WHEN 'r' THEN 'RESTRICT' ELSE c.confdeltype::text END
        FROM pg_constraint c JOIN pg_class f ON f.oid = c.confrelid
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.conrelid = '"{0}"'::regclass""",
}
FIRST_OF_INDEXES = {
    "sqlite": "SELECT i.name FROM pragma_index_list('{0}') l JOIN pragma_index_info(l.name) i WHERE i.seqno = 0",
    "postgres": """SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = '"{0}"'::regclass""",
}


def all_models() -> list[type[Model]]:
    apps = Tortoise.apps
    assert apps is not None
    return list(apps["models"].values())


async def rows(statements: dict[str, str], engine: str, table: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await client().read(statements[engine].format(table))]


def column_type(field: Field[Any], engine: str) -> str:
    declared = str(field.get_for_dialect("postgres", "SQL_TYPE"))  # the migrations write PostgreSQL's words for both engines
    return SPOKEN_BY_POSTGRES.get(declared, declared.replace("VARCHAR", "character varying")) if engine == "postgres" else declared


async def test_every_model_and_its_table_agree_column_by_column(database: str, engine: str) -> None:
    for model in all_models():
        meta = model._meta
        fields = {name: meta.fields_map[name] for name in meta.fields_db_projection}
        declared = {name: (column_type(field, engine), not field.null) for name, field in fields.items()}
        migrated = {name: (kind, bool(required)) for name, kind, required in await rows(COLUMNS, engine, meta.db_table)}
        assert migrated == declared, meta.db_table


async def test_every_model_and_its_table_agree_index_by_index(database: str, engine: str) -> None:
    for model in all_models():
        meta = model._meta
        unique: set[tuple[str, ...]] = {(name,) for name in meta.fields_db_projection if meta.fields_map[name].unique}
        unique |= {tuple(names) for names in meta.unique_together}
        plain = [tuple(index.fields if isinstance(index, Index) else index) for index in meta.indexes]
        declared = sorted([(names, True) for names in unique] + [(names, False) for names in plain])
        migrated = sorted((tuple(names.split(",")), bool(only)) for names, only in await rows(INDEXES, engine, meta.db_table))
        assert migrated == declared, meta.db_table


async def test_the_tables_are_those_of_the_models(database: str, engine: str) -> None:
    everything = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        "postgres": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    }
    found = {name for (name,) in await rows(everything, engine, "")}
    assert found == {model._meta.db_table for model in all_models()} | {"tortoise_migrations"}
    assert len(found) == len(SOUND) + 1


async def test_every_foreign_key_restricts_and_has_an_index(database: str, engine: str) -> None:
    for model in all_models():
        table = model._meta.db_table
        declared = {f"{name}_id" for name in model._meta.fk_fields | model._meta.o2o_fields}
        found = await rows(FOREIGN_KEYS, engine, table)
        assert {column for column, _, _ in found} == declared, table
        assert {action for _, _, action in found} <= {"RESTRICT"}, table
        assert declared <= {column for (column,) in await rows(FIRST_OF_INDEXES, engine, table)}, table


async def everything_stored() -> dict[str, list[Any]]:
    tables = {kind._meta.db_table for kind in SOUND}
    return {table: [tuple(row) for row in await client().read(f'SELECT * FROM "{table}" ORDER BY "id"')] for table in sorted(tables)}  # noqa: S608 - our own


async def populate() -> dict[str, list[Any]]:
    for kind in SOUND:
        await sound_row(kind)
    stored = await everything_stored()
    assert all(stored.values())
    return stored


async def test_migrating_again_does_nothing_and_keeps_every_row(database: str) -> None:
    before = await populate()
    assert await pending_migrations(database) == []
    assert await migrate(database) == []
    assert await everything_stored() == before


load_from_disk = MigrationLoader.load_disk


class Unhappy(Migration):
    """A migration that changes a table and then fails."""

    dependencies = [("models", LATEST)]  # noqa: RUF012 - Tortoise declares it so
    operations = [  # noqa: RUF012 - Tortoise declares it so
        RunSQL("ALTER TABLE customer ADD COLUMN phone TEXT"),
        RunSQL("UPDATE customer SET name = 'changed', phone = '1'"),
        RunSQL("INSERT INTO nowhere VALUES (1)"),
    ]


class Happy(Unhappy):
    """The same, mended."""

    operations = Unhappy.operations[:2]


async def test_a_migration_that_fails_leaves_a_populated_database_as_it_was(
    database: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await populate()
    following(monkeypatch, Unhappy)
    assert await pending_migrations(database) == ["9999_next"]
    with pytest.raises(OperationalError):
        await migrate(database)
    assert await everything_stored() == before
    assert await pending_migrations(database) == ["9999_next"]
    following(monkeypatch, Happy)
    assert await migrate(database) == ["9999_next"]
    assert await migrate(database) == []
    after = await everything_stored()
    names = [name for name, *_ in await rows(COLUMNS, engine, "customer")]
    assert [row[names.index("name")] for row in after["customer"]] == ["changed"] * len(before["customer"])
    assert {table: stored for table, stored in after.items() if table != "customer"} == {
        table: stored for table, stored in before.items() if table != "customer"
    }


def following(monkeypatch: pytest.MonkeyPatch, migration: type[Migration]) -> None:
    """Let the migration follow those that are there."""

    def load_disk(self: MigrationLoader) -> None:
        load_from_disk(self)
        self.disk_migrations[MigrationKey("models", "9999_next")] = migration("9999_next", "models")

    monkeypatch.setattr(MigrationLoader, "load_disk", load_disk)


async def test_an_empty_database_is_migrated_by_one_of_four_processes_at_once(empty_database_url: str) -> None:
    script = "import asyncio, sys; from models.database import migrate; print(*asyncio.run(migrate(sys.argv[1])))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    racing = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, empty_database_url, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    answers = [(await process.communicate())[0].decode().strip() for process in racing]
    assert [process.returncode for process in racing] == [0, 0, 0, 0]
    assert sorted(answers) == ["", "", "", " ".join(ALL)]
    await connect(empty_database_url)
    try:
        await Customer.create(external_id="42")
        assert await pending_migrations(empty_database_url) == []
    finally:
        await disconnect()


async def test_migrating_waits_for_another_process_longer_than_a_statement_may_take(
    empty_database_url: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(url_module, "STATEMENT_LIMIT", 0.2)
    monkeypatch.setitem(url_module.PRAGMAS, "busy_timeout", 200)
    if engine == "sqlite":
        file = sqlite3.connect(empty_database_url.removeprefix("sqlite:///"), isolation_level=None)
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(migrate(empty_database_url))
        await asyncio.sleep(0.6)
        file.close()
    else:
        connection = await asyncpg.connect(empty_database_url)
        await connection.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
        task = asyncio.create_task(migrate(empty_database_url))
        await asyncio.sleep(0.6)
        await connection.close()
    assert await task == ALL


async def test_options_of_the_url_reach_the_database(database_url: str, engine: str) -> None:
    options = {
        "sqlite": ("?cache_size=-1234", "PRAGMA cache_size", -1234),
        "postgres": ("&sslmode=prefer&connect_timeout=5&statement_cache_size=0&application_name=till", "SHOW application_name", "till"),
    }
    more, question, answer = options[engine]
    await connect(database_url + more)
    try:
        assert [tuple(row) for row in await client().read(question)] == [(answer,)]
    finally:
        await disconnect()


async def test_pending_migrations_are_named(empty_database_url: str) -> None:
    assert await pending_migrations(empty_database_url) == ALL
