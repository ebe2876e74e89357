"""Looking for words in a large table of texts: by windows of ids, each one short statement, so that nobody waits for it."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from models.database import client
from models.record import Record
from models.statements import Dialect, binder, table_of

WINDOW = 2000
"""Rows that one statement looks through."""

LIKE = {Dialect.SQLITE: "LIKE", Dialect.POSTGRES: "ILIKE"}
"""By engine: whatever the case."""


class Window(NamedTuple):
    """The ids that hold a word, of the rows up to and with `last`."""

    found: list[str]
    last: str


async def windows(model: type[Record], column: str, words: Sequence[str], after: str) -> AsyncIterator[Window]:
    """All rows behind `after` whose column holds one of the words, in any case; a window may have found nothing."""
    while last := await _end_of_window(model, after):
        yield Window(await _holding(model, column, words, after, last), last)
        after = last


async def _end_of_window(model: type[Record], after: str) -> str | None:
    connection = client()
    mark = binder(Dialect(connection.capabilities.dialect))
    ids = f'SELECT "id" FROM {table_of(model)} WHERE "id" > {mark()} ORDER BY "id" LIMIT {WINDOW}'  # noqa: S608 - names of the model's own
    [(last,)] = await connection.read(f'SELECT max("id") FROM ({ids}) AS "window"', [after])  # noqa: S608 - as above
    return None if last is None else str(last)


async def _holding(model: type[Record], column: str, words: Sequence[str], after: str, last: str) -> list[str]:
    connection = client()
    dialect = Dialect(connection.capabilities.dialect)
    mark = binder(dialect)
    between = f'"id" > {mark()} AND "id" <= {mark()}'
    tests = " OR ".join(f"CAST(\"{column}\" AS TEXT) {LIKE[dialect]} {mark()} ESCAPE '!'" for _ in words)
    text = f'SELECT "id" FROM {table_of(model)} WHERE {between} AND ({tests}) ORDER BY "id"'  # noqa: S608 - names of the model's own
    rows = await connection.read(text, [after, last, *(f"%{_literally(word)}%" for word in words)])
    return [str(row_id) for (row_id,) in rows]


def _literally(word: str) -> str:
    for letter in "!%_":
        word = word.replace(letter, f"!{letter}")
    return word
