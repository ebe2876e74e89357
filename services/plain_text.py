"""Text of others, made safe to stand among ours: on one line, and turning nothing that stands beside it."""

import unicodedata
from collections.abc import Iterator

JOINERS = frozenset("\u200c\u200d")
"""Characters without a shape that other scripts are written with; all others without one are left out."""

SHAPELESS = frozenset({"Cc", "Cf", "Cs"})
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"


def one_line(text: str) -> str:
    """The text composed, its spaces and line ends as one space each, without control and bidirectional characters."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(letter for letter in composed if letter in JOINERS or unicodedata.category(letter) not in SHAPELESS)


def lines_of(text: str) -> Iterator[str]:
    """Each line of the text as `one_line` has it, empty ones left out."""
    return filter(None, map(one_line, text.splitlines()))


def shortened(text: str, most: int) -> str:
    """The text, cut off with an ellipsis where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def isolated(text: str) -> str:
    """The text, kept apart from the order of what stands beside it where it is written from right to left."""
    turns = any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in text)
    return f"{ISOLATE}{text}{END_OF_ISOLATE}" if turns else text
