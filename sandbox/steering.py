"""Where the sandbox's one clock stands and is to be moved to, as the store keeps it."""

import sqlite3

from sandbox.errors import Refusal
from sandbox.transaction import Transaction

KIND = "test_helpers.test_clock"
MAX_ADVANCE = 10 * 366 * 86400
"""Seconds that time may be moved by at once."""


def moved(connection: sqlite3.Connection) -> int:
    """Return how many seconds the clock had been moved forward by."""
    return int(connection.execute("SELECT moved FROM clock").fetchone()["moved"])


def keep(connection: sqlite3.Connection, seconds: int) -> None:
    """Note how many seconds the clock has been moved forward by."""
    connection.execute("UPDATE clock SET moved = max(moved, ?)", (seconds,))


def target(connection: sqlite3.Connection) -> int | None:
    """Return where time is being moved to (UTC seconds); None while it only runs."""
    at: int | None = connection.execute("SELECT target FROM clock").fetchone()["target"]
    return at


def aim(tx: Transaction, at: int) -> None:
    """Have time moved to a moment (UTC seconds), which begins once the transaction is committed; Refusal while it is being moved."""
    if target(tx.connection) is not None:
        raise Refusal("Time is being moved already: wait until that is done.")
    if at - tx.now > MAX_ADVANCE:
        raise Refusal(f"Time can be moved by at most {MAX_ADVANCE} seconds at once.", param="frozen_time")
    tx.connection.execute("UPDATE clock SET target = ?", (at,))


def arrived(tx: Transaction, *, failed: bool) -> None:
    """Say that time has been moved where it was to be; the test clock, if there is one, is ready again."""
    at = target(tx.connection)
    tx.connection.execute("UPDATE clock SET target = NULL")
    for clock in list(tx.matching(KIND, "status", "advancing")):
        status = "internal_failure" if failed else "ready"
        clock["status_details"]["advancing"] = None
        tx.save(clock | {"status": status, "frozen_time": clock["frozen_time"] if failed else at}, f"{KIND}.{status}")
