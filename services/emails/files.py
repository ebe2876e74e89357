"""A folder as carrier: each mail an .eml file that any mail program opens. For development."""

import asyncio
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from services.emails.carrying import Letter, Unreachable

FOLDER_MODE, FILE_MODE = 0o700, 0o600
"""Mails hold names and amounts: nobody else on this machine reads them."""


class FileCarrier:
    """Writes each mail whole, under a name made of its message id: one that is sent again takes its own place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __aenter__(self) -> Self:
        """Nothing is opened."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is open."""

    async def carry(self, letter: Letter) -> None:
        """Write a mail; when this returns it is on the disk. Raises Unreachable where the folder cannot be written."""
        try:
            await asyncio.to_thread(self._write, file_name(str(letter.message["Message-ID"])), letter.message.as_bytes())
        except OSError as error:
            raise Unreachable(f"The folder of e-mails cannot be written ({error.strerror}).") from None

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
        finally:
            draft.unlink(missing_ok=True)


def file_name(message_id: str) -> str:
    """The name of the file of a mail with this message id."""
    return f"{message_id.strip('<>').partition('@')[0]}.eml"
