"""Doing many things beside each other, but only so many at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_AT_ONCE = 8
"""Pieces of work under way at once, each of which may be asking Stripe: far below its rate limit (docs.stripe.com/rate-limits)."""


async def abreast(items: Sequence[Item], work: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """The results in the items' order. When one raises, the others are cancelled and that exception is raised."""
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def placed(item: Item) -> Result:
        async with places:
            return await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(placed(item)) for item in items]
    except BaseExceptionGroup as raised:
        raise raised.exceptions[0] from raised
    return [task.result() for task in tasks]
