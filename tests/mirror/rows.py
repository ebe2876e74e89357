"""Rows as plain values, to be compared."""

from typing import Any

from models.record import Record


def values(row: Record) -> dict[str, Any]:
    """Every column of a row."""
    return {column: getattr(row, column) for column in type(row)._meta.db_fields}


def shown(row: Record, *columns: str) -> list[Any]:
    """Some columns of a row, in the order asked for."""
    return [getattr(row, column) for column in columns]
