"""Running an operation within a time limit, so that nothing hangs and no half-done mutation is cut off."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, TypeGuard, cast

from graphql import DocumentNode, ExecutionResult, OperationDefinitionNode, OperationType, execute
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from schema.error_codes import ErrorCode
from schema.request_body import RequestRefused

MAX_LEFT_RUNNING: Final = 100
"""Mutations past their time limit that still run; while there are so many, further mutations are refused."""


_is_awaitable = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


class Executor:
    """Runs operations of one schema, each for `seconds` at most.

    A query past its limit is cancelled. A mutation is not: stopped between Stripe's answer and our write it would leave a pending row to
    clean up, so it runs to its end (its own calls have limits), and only its caller stops waiting.
    """

    def __init__(self, schema: Schema, seconds: float) -> None:
        self._schema = schema._schema  # noqa: SLF001 - Strawberry offers its graphql-core schema under no public name
        self._executor_class = schema.execution_context_class
        self._seconds = seconds
        self._mutations: set[asyncio.Future[ExecutionResult]] = set()
        self._late = 0

    async def run(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any], context: Any, *, suggestions: bool
    ) -> ExecutionResult:
        """The result, with the errors of its fields. Raises TimeoutError, or RequestRefused with 503 when too much is left running."""
        if operation.operation is OperationType.MUTATION and self._late >= MAX_LEFT_RUNNING:
            raise RequestRefused(
                HTTPStatus.SERVICE_UNAVAILABLE, "Too much is running: try again.", ErrorCode.INTERNAL, {"retry-after": "5"}
            )
        result = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=variables,
            operation_name=operation.name.value if operation.name else None,
            is_awaitable=_is_awaitable,
            executor_class=self._executor_class,
            hide_suggestions=not suggestions,
            operation_extensions=None,
        )
        if isinstance(result, ExecutionResult):
            return result
        return await self._waited(result, mutation=operation.operation is OperationType.MUTATION)

    async def drain(self, seconds: float) -> None:
        """Wait for the mutations that are still running, at shutdown, `seconds` at most."""
        if self._mutations:
            await asyncio.wait(self._mutations, timeout=seconds)

    async def _waited(self, result: Awaitable[ExecutionResult], *, mutation: bool) -> ExecutionResult:
        if not mutation:
            async with asyncio.timeout(self._seconds):
                return await result
        running = asyncio.ensure_future(result)
        self._mutations.add(running)
        running.add_done_callback(self._mutations.discard)
        done, _ = await asyncio.wait({running}, timeout=self._seconds)
        if not done:
            self._late += 1
            running.add_done_callback(self._ended_late)
            raise TimeoutError
        return running.result()

    def _ended_late(self, running: asyncio.Future[ExecutionResult]) -> None:
        self._late -= 1
        if not running.cancelled():
            running.exception()  # seen, so that asyncio does not report it again at collection
