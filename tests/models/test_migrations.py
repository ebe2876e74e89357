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
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from models import Customer, Payment, Plan, Price, Refund
from models import database_url as url_module
from models.database import MIGRATION_LOCK, client, connect, disconnect, migrate, pending_migrations

ROOT = Path(__file__).parents[2]
COLUMNS = {
    "sqlite": "SELECT name, \"notnull\" FROM pragma_table_info('{0}')",
    "postgres": "SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = '\"{0}\"'::regclass AND attnum > 0 AND NOT attisdropped",
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


async def test_every_model_and_its_table_agree_column_by_column(database: str, engine: str) -> None:
    for model in all_models():
        meta = model._meta
        declared = {meta.fields_db_projection[name]: not meta.fields_map[name].null for name in meta.fields_db_projection}
        migrated = {name: bool(required) for name, required in await rows(COLUMNS, engine, meta.db_table)}
        assert migrated == declared, meta.db_table


async def test_every_foreign_key_restricts_and_has_an_index(database: str, engine: str) -> None:
    for model in all_models():
        table = model._meta.db_table
        declared = {f"{name}_id" for name in model._meta.fk_fields | model._meta.o2o_fields}
        found = await rows(FOREIGN_KEYS, engine, table)
        assert {column for column, _, _ in found} == declared, table
        assert {action for _, _, action in found} <= {"RESTRICT"}, table
        assert declared <= {column for (column,) in await rows(FIRST_OF_INDEXES, engine, table)}, table


async def test_a_parent_cannot_be_deleted_under_its_children(database: str) -> None:
    customer = await Customer.create(external_id="42")
    payment = await Payment.create(customer=customer, amount=100, currency="USD")
    await Refund.create(payment=payment, customer=customer, amount=1, currency="USD")
    for parent in (customer, payment):
        with pytest.raises(IntegrityError):
            await parent.delete()
    assert (await Customer.all().count(), await Payment.all().count(), await Refund.all().count()) == (1, 1, 1)


async def test_migrating_again_does_nothing_and_keeps_rows(database: str) -> None:
    await Customer.create(external_id="42")
    assert await pending_migrations(database) == []
    assert await migrate(database) == []
    assert await Customer.all().count() == 1


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
    assert sorted(answers) == ["", "", "", "0001_initial"]
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
    if engine == "sqlite":
        file = sqlite3.connect(empty_database_url.removeprefix("sqlite:///"), isolation_level=None)
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
    assert await task == ["0001_initial"]


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
    assert await pending_migrations(empty_database_url) == ["0001_initial"]


CURRENCY = {"currency": "usd"}
REFUSED: list[tuple[type[Model], dict[str, Any]]] = [
    (Payment, {"amount": -1}),
    (Payment, {"amount_refunded": -1}),
    (Payment, {"amount_refunded": 101}),
    (Payment, {"quantity": 0}),
    (Payment, {"status": "PAID"}),
    (Payment, {"currency": "US"}),
    (Payment, CURRENCY),
    (Payment, {"intent_version": -1}),
    (Refund, {"amount": -1}),
    (Refund, {"status": "DONE"}),
    (Refund, {"reason": "BORED"}),
    (Refund, CURRENCY),
    (Plan, {"kind": "COURSE"}),
    (Plan, {"credits": -1}),
    (Price, {"unit_amount": -1}),
    (Price, {"interval": "DECADE", "interval_count": 1}),
    (Price, {"interval": "MONTH"}),
    (Price, {"interval_count": 1}),
    (Price, {"interval": "MONTH", "interval_count": 0}),
    (Price, {"trial_days": -1}),
    (Price, CURRENCY),
    (Customer, {"external_id": ""}),
]


@pytest.mark.parametrize(("model", "wrong"), REFUSED, ids=[f"{model.__name__}-{wrong}" for model, wrong in REFUSED])
async def test_the_database_itself_refuses_what_cannot_be(database: str, model: type[Model], wrong: dict[str, Any]) -> None:
    plan = await Plan.create(code="pro", kind="SUBSCRIPTION", name="Pro")
    payment = await Payment.create(amount=100, currency="USD")
    right: dict[type[Model], dict[str, Any]] = {
        Payment: {"amount": 100, "currency": "USD"},
        Refund: {"payment": payment, "amount": 1, "currency": "USD"},
        Plan: {"code": "other", "kind": "PACKAGE", "name": "Other"},
        Price: {"plan": plan, "currency": "USD", "unit_amount": 1},
        Customer: {"external_id": "42"},
    }
    before = await model.all().count()
    with pytest.raises(IntegrityError):
        await model.create(**right[model] | wrong)
    assert await model.all().count() == before
    await model.create(**right[model])
