"""One transaction of the sandbox: objects read and written, and the events that the writes cause."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from sandbox import shapes
from sandbox.configuration import Configuration
from sandbox.errors import missing
from sandbox.identifiers import new_id
from sandbox.notifications import notification

Json = dict[str, Any]


class Transaction:
    """What handlers and pages work with. Objects handed out are copies: `save` writes a change."""

    def __init__(self, connection: sqlite3.Connection, configuration: Configuration, now: int) -> None:
        self.connection, self.configuration, self.now = connection, configuration, now
        self.request: Json = {"id": None, "idempotency_key": None}

    def new(self, kind: str, **known: Any) -> Json:
        """Return a fresh object with every field of its type, an id, the time, and what is known; not stored yet."""
        made = shapes.skeleton(kind) | {"id": new_id(kind), "object": kind}
        if "created" in made:
            made["created"] = self.now
        return made | known

    def find(self, kind: str, object_id: Any) -> Json | None:
        """Return an object, or None when there is none (a deleted one is none)."""
        row = self.connection.execute("SELECT body FROM objects WHERE id = ? AND kind = ? AND deleted = 0", (object_id, kind)).fetchone()
        return None if row is None else json.loads(row["body"])

    def kind(self, object_id: str) -> str | None:
        """Return the `object` name that an id belongs to, of a deleted object too; None for an unknown id."""
        row = self.connection.execute("SELECT kind FROM objects WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else str(row["kind"])

    def get(self, kind: str, object_id: Any, param: str = "id") -> Json:
        """Return an object; raise resource_missing when there is none."""
        found = self.find(kind, object_id)
        if found is None:
            raise missing(kind, str(object_id)[:200], param)
        return found

    def private(self, object_id: str) -> Json:
        """Return what the sandbox knows of an object and Stripe would not show (a test card's behaviour, pending data)."""
        row = self.connection.execute("SELECT private FROM objects WHERE id = ?", (object_id,)).fetchone()
        return {} if row is None else json.loads(row["private"])

    def note(self, object_id: str, **private: Any) -> None:
        """Merge into an object's private part."""
        merged = self.private(object_id) | private
        self.connection.execute("UPDATE objects SET private = ? WHERE id = ?", (json.dumps(merged), object_id))

    def add(self, made: Json, *, parent: str | None = None, event: str | None = None, **private: Any) -> Json:
        """Store a new object, with the event that it causes, and return it."""
        customer = made.get("customer")
        self.connection.execute(
            "INSERT INTO objects (id, kind, created, customer, parent, body, private) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                made["id"],
                made["object"],
                made.get("created", self.now),
                customer if isinstance(customer, str) else None,
                parent,
                json.dumps(made),
                json.dumps(private),
            ),
        )
        if event is not None:
            self.emit(event, made)
        return made

    def save(self, changed: Json, event: str | None = None) -> Json:
        """Write an object's new state; the event, where there is one, carries what the changed fields were before."""
        before = self.get(changed["object"], changed["id"])
        previous = difference(before, changed)
        customer = changed.get("customer")
        self.connection.execute(
            "UPDATE objects SET body = ?, customer = ? WHERE id = ?",
            (json.dumps(changed), customer if isinstance(customer, str) else None, changed["id"]),
        )
        if event is not None:
            self.emit(event, changed, previous if event.endswith("updated") or event == "charge.refunded" else None)
        return changed

    def remove(self, gone: Json, event: str | None = None) -> Json:
        """Delete an object and return what Stripe answers then: its id, its type and `deleted`."""
        left = {"id": gone["id"], "object": gone["object"], "deleted": True}
        self.connection.execute("UPDATE objects SET deleted = 1, body = ? WHERE id = ?", (json.dumps(left), gone["id"]))
        if event is not None:
            self.emit(event, gone)
        return left

    def remains(self, kind: str, object_id: str) -> Json | None:
        """Return the stub of a deleted object."""
        row = self.connection.execute("SELECT body FROM objects WHERE id = ? AND kind = ? AND deleted = 1", (object_id, kind)).fetchone()
        return None if row is None else json.loads(row["body"])

    def children(self, kind: str, parent: str) -> Iterator[Json]:
        """Yield a parent's objects of a kind, oldest first."""
        yield from self._rows("kind = ? AND parent = ?", kind, parent)

    def of_customer(self, kind: str, customer: str) -> Iterator[Json]:
        """Yield a customer's objects of a kind, oldest first."""
        yield from self._rows("kind = ? AND customer = ?", kind, customer)

    def matching(self, kind: str, field: str, value: Any) -> Iterator[Json]:
        """Yield the objects of a kind whose field has a value, oldest first."""
        yield from self._rows("kind = ? AND json_extract(body, ?) = ?", kind, f"$.{field}", value)

    def _rows(self, where: str, *values: Any) -> list[Json]:
        rows = self.connection.execute(f"SELECT body FROM objects WHERE {where} AND deleted = 0 ORDER BY seq", values)  # noqa: S608 fixed text
        return [json.loads(row["body"]) for row in rows]

    def schedule(self, object_id: str, at: int | None) -> None:
        """Say when the sandbox has to look at an object again (expiry, settlement, end of a period); None: no more."""
        self.connection.execute("DELETE FROM due WHERE id = ?", (object_id,))
        if at is not None:
            self.connection.execute("INSERT INTO due (id, at) VALUES (?, ?)", (object_id, at))

    def emit(self, kind: str, snapshot: Json, previous: Json | None = None) -> Json:
        """Store an event with a snapshot of its object and queue its delivery."""
        data: Json = {"object": snapshot}
        if previous is not None:
            data["previous_attributes"] = previous
        pending = int(self.configuration.webhook_url is not None)
        made = self.new("event", type=kind, api_version=shapes.API_VERSION, data=data, request=dict(self.request), pending_webhooks=pending)
        self.add(made, parent=snapshot.get("id"))
        if pending:
            self._queue(made)
        return made

    def _queue(self, event: Json) -> None:
        payloads = self.configuration.chaos.switches.payloads
        thin = None if payloads == "snapshot" else notification(event, new_id("v2.core.event"))
        if payloads != "thin":
            self._deliver(event["id"])
        if thin is not None:
            self.connection.execute(
                "INSERT INTO objects (id, kind, created, parent, body) VALUES (?, ?, ?, ?, ?)",
                (thin["id"], thin["object"], event["created"], event["id"], json.dumps(thin)),
            )
            self._deliver(thin["id"])

    def _deliver(self, event_id: str) -> None:
        wait = self.configuration.chaos.wait()
        state = "dropped" if wait is None else "pending"
        values = (event_id, state, self.now + (wait or 0))
        self.connection.execute("INSERT INTO deliveries (event, state, next_at) VALUES (?, ?, ?)", values)


def difference(before: Json, after: Json) -> Json:
    """Return the former values of the fields that changed, nested hashes part by part, lists whole (Stripe's previous_attributes)."""
    changed: Json = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        changed[key] = difference(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    return changed
