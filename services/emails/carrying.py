"""Handing a mail over: what a carrier does, and what may come of it instead."""

from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Protocol, Self


class NotSent(Exception):
    """The mail was not taken, and may be another time; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(NotSent):
    """No mail is taken now: the server is down, slow, refuses its name or password, or has no certificate that is good."""


class Refused(NotSent):
    """The mail will never be taken as it is; that says nothing about its recipient."""


class Bounced(NotSent):
    """There is no such recipient, or none who takes mail."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail with its headers, from and to the addresses of its envelope."""

    message: EmailMessage
    sender: str
    recipient: str


class Carrier(Protocol):
    """Takes mails to a server or a folder; what it opens for the first one is closed at the end of the block."""

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is needed."""

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close what is open."""

    async def carry(self, letter: Letter) -> None:
        """Hand over a mail; when this returns it was taken. Raises NotSent."""
