"""How far a long command has come, on stderr: one line that changes on a terminal, now and then a line elsewhere."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LINE_EVERY = 1000
"""Objects between two lines where stderr is no terminal."""


class Progress:
    """`at` is told as often as one likes."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._told = 0

    def at(self, done: int, text: str) -> None:
        """`done` objects are behind us, `text` says it."""
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        elif done - self._told >= LINE_EVERY:
            self._told = done
            sys.stderr.write(f"billgraph: {text}\n")

    def tell(self, line: str) -> None:
        """A line that stays, on stderr."""
        self.clear()
        sys.stderr.write(f"billgraph: {line}\n")

    def clear(self) -> None:
        """Make room for what is written to stdout."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def going_on(command: str, progress: Progress) -> Iterator[None]:
    """Say how a walk goes on that Stripe has cut off."""
    try:
        yield
    except Exception:
        progress.tell(f"cut off; go on: billgraph {command} (from the beginning: --anew)")
        raise


def stopping() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM, so that what is at hand is finished; the second one ends the process."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stopped() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped)
    return stop
