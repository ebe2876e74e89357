"""What mirroring one snapshot came to."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

from services.mirror.known import Known
from services.snapshot import Snapshot


class Outcome(StrEnum):
    """PROCESSED: the rows now say so; STALE: they knew this or something newer; IGNORED: not ours, or nothing that is kept."""

    PROCESSED = "PROCESSED"
    STALE = "STALE"
    IGNORED = "IGNORED"


Mirror = Callable[[Snapshot, Known], Awaitable[Outcome]]
"""Writes one kind of object. Runs inside a transaction that it does not open, calls nobody, and raises ObjectNeeded for what it lacks."""
