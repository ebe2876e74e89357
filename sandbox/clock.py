"""The sandbox's one clock, so that time can be moved on purpose."""

import time


class Clock:
    """UTC seconds since 1970, plus what it has been moved forward by."""

    def __init__(self) -> None:
        self._offset = 0

    def now(self) -> int:
        """Return the sandbox's time in whole UTC seconds."""
        return int(time.time()) + self._offset

    def advance(self, seconds: int) -> None:
        """Move time forward by so many seconds; never back (ValueError)."""
        if seconds < 0:
            raise ValueError("time can only be moved forward")
        self._offset += seconds
