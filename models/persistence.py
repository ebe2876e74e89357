# ruff: noqa: S608, SLF001 - only names from the models own metadata are written into the text; Tortoise offers it under _meta only
"""Finding, changing and adding rows by statements whose text is built once: the quick way for what many events do.

Everything else goes through Tortoise, which takes five times as long for one row.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from tortoise import fields

from models.database import client
from models.ids import new_id
from models.record import Record
from models.rows import conversions
from models.statements import SHAPES_KEPT, Dialect, binder, table_of

Kind = TypeVar("Kind", bound=Record)


def new(model: type[Kind], **columns: Any) -> Kind:
    """A row that is nowhere yet, with an id of its own, `created_at` now unless given, and defaults for what is not given."""
    created_at: datetime = columns.setdefault("created_at", datetime.now(UTC))
    row = model.__new__(model)
    made = {name: default() if callable(default) else default for name, default in _defaults(model)}
    row.__dict__.update(
        made,
        id=new_id(model.prefix, created_at),
        **columns,
        _partial=False,
        _saved_in_db=False,
        _custom_generated_pk=True,
        _await_when_save={},
    )
    return row


async def find(model: type[Kind], **key: str | None) -> Kind | None:
    """The row whose columns have these values, None standing for NULL; None when there is no such row."""
    return await _read(model, key, locking=False)


async def lock(model: type[Kind], **key: str | None) -> Kind | None:
    """As `find`, locked until the transaction that runs ends; on SQLite the transaction itself holds the lock."""
    return await _read(model, key, locking=True)


async def lock_id(model: type[Kind], row_id: str) -> Kind:
    """The row with this id, locked; LookupError when there is none."""
    row = await lock(model, id=row_id)
    if row is None:
        raise LookupError(row_id)
    return row


async def lock_key(key: int) -> None:
    """Wait until no other transaction has locked this number, and hold it to the end; on SQLite the transaction itself holds the lock."""
    connection = client()
    if Dialect(connection.capabilities.dialect) is Dialect.POSTGRES:
        await connection.execute_query("SELECT pg_advisory_xact_lock($1)", [key])


async def update(row: Record, columns: Iterable[str]) -> None:
    """Write some columns of a row that is there. ValidationError for what is too long for its column, and the database's errors."""
    connection, model, names = client(), type(row), tuple(columns)
    text = _update_text(Dialect(connection.capabilities.dialect), model, names)
    await connection.execute_query(text, [*_values(row, _writers(model, names)), row.id])


async def insert(rows: Sequence[Record]) -> None:
    """Add rows of one kind with one statement; inside a transaction. Raises as `update`, and IntegrityError for a key that is taken."""
    if not rows:
        return
    connection, model = client(), type(rows[0])
    writers = _writers(model, tuple(model._meta.fields_db_projection))
    await connection.execute_many(_insert_text(Dialect(connection.capabilities.dialect), model), [_values(row, writers) for row in rows])
    for row in rows:
        row._saved_in_db = True


async def _read(model: type[Kind], key: dict[str, str | None], *, locking: bool) -> Kind | None:
    connection = client()
    dialect = Dialect(connection.capabilities.dialect)
    text = _read_text(dialect, model, tuple((column, value is None) for column, value in key.items()), locking)
    rows = await connection.read(text, [value for value in key.values() if value is not None])
    return _instance(dialect, model, rows[0]) if rows else None


def _instance(dialect: Dialect, model: type[Kind], values: Sequence[Any]) -> Kind:
    columns = _columns(model)
    content = dict(zip(columns, values, strict=True))
    for column, convert in conversions(dialect, model, columns):
        if content[column] is not None:
            content[column] = convert(content[column])
    row = model.__new__(model)
    row.__dict__.update(content, _partial=False, _saved_in_db=True, _custom_generated_pk=True, _await_when_save={})
    return row


def _values(row: Record, writers: list[tuple[str, Callable[[Any, Any], Any]]]) -> list[Any]:
    return [write(getattr(row, name), row) for name, write in writers]


@lru_cache(SHAPES_KEPT)
def _defaults(model: type[Record]) -> list[tuple[str, Any]]:
    return [(name, model._meta.fields_map[name].default) for name in _columns(model)]


@lru_cache(SHAPES_KEPT)
def _columns(model: type[Record]) -> tuple[str, ...]:
    return tuple(model._meta.fields_db_projection)


@lru_cache(SHAPES_KEPT)
def _writers(model: type[Record], names: tuple[str, ...]) -> list[tuple[str, Callable[[Any, Any], Any]]]:
    found = ((name, model._meta.fields_map[name]) for name in names)
    return [(name, field.to_db_value if _checked(field) else _as_it_is) for name, field in found]


def _checked(field: fields.Field[Any]) -> bool:
    """Whether a column's values are checked or changed on their way: texts have a length, JSON is written out."""
    return isinstance(field, fields.CharField | fields.JSONField)


def _as_it_is(value: Any, _row: Any) -> Any:
    return value


@lru_cache(SHAPES_KEPT)
def _read_text(dialect: Dialect, model: type[Record], key: tuple[tuple[str, bool], ...], locking: bool) -> str:
    mark = binder(dialect)
    where = " AND ".join(f'"{column}" IS NULL' if absent else f'"{column}" = {mark()}' for column, absent in key)
    ending = " FOR NO KEY UPDATE" if locking and dialect is Dialect.POSTGRES else ""
    return f"SELECT {_listed(model)} FROM {table_of(model)} WHERE {where} LIMIT 1{ending}"


def _listed(model: type[Record]) -> str:
    return ", ".join(f'"{column}"' for column in _columns(model))


@lru_cache(SHAPES_KEPT)
def _update_text(dialect: Dialect, model: type[Record], names: tuple[str, ...]) -> str:
    mark = binder(dialect)
    assignments = ", ".join(f'"{name}" = {mark()}' for name in names)
    return f'UPDATE {table_of(model)} SET {assignments} WHERE "id" = {mark()}'


@lru_cache(SHAPES_KEPT)
def _insert_text(dialect: Dialect, model: type[Record]) -> str:
    mark = binder(dialect)
    marks = ", ".join(mark() for _ in _columns(model))
    return f"INSERT INTO {table_of(model)} ({_listed(model)}) VALUES ({marks})"
