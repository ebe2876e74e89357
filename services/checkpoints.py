"""Keeping how far a long walk has come."""

from datetime import UTC, datetime
from typing import Any

from models import Checkpoint


async def position_of(name: str) -> dict[str, Any] | None:
    """Where the walk of that name was stopped; None when none was."""
    row = await Checkpoint.get_or_none(name=name)
    return row.position if row else None


async def keep(name: str, position: dict[str, Any]) -> None:
    """Keep the position, over the one before it. Two walks of one name write over each other, which costs work and nothing else."""
    row = await Checkpoint.get_or_none(name=name) or Checkpoint(name=name)
    row.position, row.updated_at = position, datetime.now(UTC)
    await row.save()


async def forget(name: str) -> None:
    """The walk came to its end, or is to begin anew."""
    await Checkpoint.filter(name=name).delete()
