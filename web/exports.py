"""Exports for an operator: to a file or stdout, and as a download for administrators."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from models.database_url import read_once
from services.audit import OPERATOR
from services.authentication import Authenticator, InvalidToken, Role
from services.errors import InvalidInput
from services.exports import Export, ExportFormat, ExportKind, Range, record_export
from services.since import parse_since
from settings import Settings
from web.backfill import STOPPED
from web.middleware import request_id_of
from web.processes import database_url, run, with_billing
from web.progress import Progress, stopping


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    kind: ExportKind
    format: ExportFormat
    since: str | None
    until: str | None
    output: Path | None


def run_export(settings: Settings, asked: Asked) -> int:
    """Write the export; 1 when it cannot be written, 130 when stopped before the end, and then no file of the name is there."""

    async def exported() -> int:
        progress = Progress()
        try:
            export = Export(asked.kind, asked.format, range_of(asked.since, asked.until, datetime.now(UTC)))
            return await with_billing(_sparing(settings), lambda _: _write(export, asked.output, progress))
        except (InvalidInput, OSError) as error:
            progress.tell(f"{error}")
            return 1

    return run(exported)


def _sparing(settings: Settings) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(read_once(database_url(settings)))})


def range_of(since: str | None, until: str | None, now: datetime) -> Range:
    """Bounds as people write them; the end may be ahead, as that of the month that runs. Raises InvalidInput."""
    bounds = Range(parse_since(since, now) if since else None, parse_since(until, now, "until", ahead=True) if until else None)
    if bounds.since and bounds.until and bounds.since >= bounds.until:
        raise InvalidInput("--until is not after --since.", "until")
    return bounds


async def _write(export: Export, output: Path | None, progress: Progress) -> int:
    stop = stopping()
    await record_export(OPERATOR, export)
    with _opened(output) as (file, finished):
        async for text in export.text():
            file.write(text)
            progress.at(export.rows, f"{export.rows} {export.kind} written")
            if stop.is_set():
                progress.tell(f"stopped after {export.rows} {export.kind}: what is written is not whole")
                return STOPPED
        finished()
    progress.tell(f"{export.rows} {export.kind} written")
    return 0


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[tuple[TextIO, Callable[[], object]]]:
    """Stdout, or a file that gets its name once it is whole: nobody takes a part for all."""
    if output is None:
        yield sys.stdout, sys.stdout.flush
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:

            def finished() -> None:
                file.flush()
                os.fsync(file.fileno())
                part.replace(output)

            yield file, finished
    finally:
        part.unlink(missing_ok=True)


class Exports:
    """GET /exports/payments.csv and the like, with an administrator's bearer token; `since` and `until` as the command's."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def download(self, request: Request) -> Response:
        """The file, streamed. 401 without a token, 403 for others than administrators, 404 for no export, 400 for no time."""
        try:
            viewer = await self._authenticator.viewer(request.headers.get("authorization"))
        except InvalidToken as error:
            return _refused(401, str(error))
        if viewer is None:
            return _refused(401, "Send an administrator's bearer token.")
        if not viewer.has(Role.ADMIN):
            return _refused(403, "Exports are for administrators.")
        try:
            export = _asked(request)
        except KeyError:
            return _refused(404, "There is no such export.")
        except InvalidInput as refusal:
            return _refused(400, refusal.message.replace("--", ""))
        await record_export(viewer.actor, export, request_id_of(request.scope))
        headers = {"content-disposition": f'attachment; filename="{export.kind}.{export.format}"', "cache-control": "no-store"}
        return StreamingResponse(_bytes(export), headers=headers, media_type=export.format.media_type)


def _asked(request: Request) -> Export:
    kind, _, form = request.path_params["file"].rpartition(".")
    if kind not in set(ExportKind) or form not in set(ExportFormat):
        raise KeyError(kind)
    given = request.query_params
    return Export(ExportKind(kind), ExportFormat(form), range_of(given.get("since"), given.get("until"), datetime.now(UTC)))


async def _bytes(export: Export) -> AsyncIterator[bytes]:
    async for text in export.text():
        yield text.encode()


def _refused(status: int, reason: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": reason}, status, headers)
