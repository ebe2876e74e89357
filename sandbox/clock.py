"""The sandbox's one clock, so that time can be moved on purpose."""

import time


class Clock:
    """UTC seconds since 1970, plus the seconds that it has been `moved` forward by."""

    def __init__(self) -> None:
        self.moved = 0

    def now(self) -> int:
        """Return the sandbox's time in whole UTC seconds."""
        return int(time.time()) + self.moved

    def advance(self, seconds: int) -> None:
        """Move time forward by so many seconds; never back (ValueError)."""
        if seconds < 0:
            raise ValueError("time can only be moved forward")
        self.moved += seconds

    def move_to(self, at: int) -> bool:
        """Move time forward to a moment (UTC seconds), unless it is later already; say whether it was moved."""
        ahead = max(0, at - self.now())
        self.moved += ahead
        return ahead > 0
