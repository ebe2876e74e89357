"""Taking turns at one thing within this process, so that callers who race wait for each other instead of asking Stripe all at once."""

import asyncio
from weakref import WeakValueDictionary

_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


def turn(key: str) -> asyncio.Lock:
    """The lock of that key, for `async with`; it lives as long as somebody holds or awaits it. Never to be taken inside a transaction."""
    lock = _turns.get(key)
    if lock is None:
        lock = _turns[key] = asyncio.Lock()
    return lock
