"""Stripe's lists: newest first, cursors by object id, filters by field."""

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import InvalidParameters, missing
from sandbox.routing import Call
from sandbox.transaction import Json, Transaction

_RANGES = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass
class Where:
    """SQL conditions with their values; built from fixed text and bound values only."""

    texts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, text: str, *values: Any) -> None:
        """Add a condition."""
        self.texts.append(text)
        self.values.extend(values)


def page(tx: Transaction, call: Call, kind: str, url: str, where: Where, fields: tuple[str, ...] = ()) -> Json:
    """Return one page: 10 objects unless `limit` says 1 to 100. `fields` names the parameters that are plain field filters.

    Raises InvalidParameters for a limit out of its range or both cursors, resource_missing for an unknown cursor.
    """
    where.add("kind = ? AND deleted = 0", kind)
    for name in fields:
        value = call.given(name)
        if value is not None:
            where.add("json_extract(body, ?) = ?", f"$.{name}", int(value) if isinstance(value, bool) else value)
    _created(call, where)
    limit = _limit(call)
    backwards = _cursor(tx, call, kind, where)
    order = "ASC" if backwards else "DESC"
    sql = f"SELECT body FROM objects WHERE {' AND '.join(where.texts)} ORDER BY seq {order} LIMIT ?"  # noqa: S608 fixed text, bound values
    rows = [json.loads(row["body"]) for row in tx.connection.execute(sql, (*where.values, limit + 1))]
    shown = rows[:limit]
    return {"object": "list", "data": shown[::-1] if backwards else shown, "has_more": len(rows) > limit, "url": url}


def _created(call: Call, where: Where) -> None:
    created = call.given("created")
    if isinstance(created, int):
        where.add("created = ?", created)
    elif isinstance(created, dict):
        for name, value in created.items():
            where.add(f"created {_RANGES[name]} ?", value)


def _limit(call: Call) -> int:
    limit = int(call.params.get("limit", 10))
    if not 1 <= limit <= 100:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise InvalidParameters(f"This value must be {bound}.", code="parameter_invalid_integer", param="limit")
    return limit


def _cursor(tx: Transaction, call: Call, kind: str, where: Where) -> bool:
    after, before = call.given("starting_after"), call.given("ending_before")
    if after and before:
        raise InvalidParameters(
            "You may only specify one of these parameters: starting_after, ending_before.",
            code="parameters_exclusive",
            param="starting_after",
        )
    for name, value, sign in (("starting_after", after, "<"), ("ending_before", before, ">")):
        if value:
            row = tx.connection.execute("SELECT seq FROM objects WHERE id = ? AND kind = ?", (value, kind)).fetchone()
            if row is None:
                raise missing(kind, value, name)
            where.add(f"seq {sign} ?", row["seq"])
    return bool(before)


def whole(data: list[Json], url: str) -> Json:
    """Return a list object that holds everything there is."""
    return {"object": "list", "data": data, "has_more": False, "url": url}
