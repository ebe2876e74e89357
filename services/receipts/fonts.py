"""The fonts that receipts embed: Noto Sans, and for what it does not have the first of the others that does."""

import re
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

from services.plain_text import JOINERS, one_line

FOLDER = Path(__file__).parent / "fonts"
REGULAR = FOLDER / "NotoSans-Regular.ttf"
BOLD = FOLDER / "NotoSans-Bold.ttf"

MOST_SIGNS = 200
_SIGNS = re.compile(rf"\W{{{MOST_SIGNS + 1},}}")


@cache
def glyphs(font: Path) -> frozenset[int]:
    """The code points that a font has a shape for."""
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


@cache
def others() -> tuple[Path, ...]:
    """The fonts beside Noto Sans, in the order in which they are tried."""
    return tuple(sorted(set(FOLDER.glob("*.ttf")) - {REGULAR, BOLD}, key=lambda path: (not path.name.startswith("Noto"), path.name)))


@cache
def font_for(character: str) -> Path | None:
    """The first font that has the character, None when none has."""
    return next((font for font in (REGULAR, *others()) if ord(character) in glyphs(font)), None)


def printable(text: str) -> str:
    """The text on one line, without what could turn what stands beside it, and with [U+…] for what no font has.

    Of signs in a row MOST_SIGNS are kept: what orders the text calls itself for each of them, and ends the drawing after a thousand.
    """
    return "".join(map(_shown, _SIGNS.sub(lambda found: f"{found[0][:MOST_SIGNS]}…", one_line(text))))


def fonts_of(text: str) -> set[Path]:
    """The fonts beside Noto Sans that a printable text needs."""
    return {font for character in set(text) if (font := font_for(character)) and font != REGULAR}


def _shown(character: str) -> str:
    return character if character in JOINERS or font_for(character) else f"[U+{ord(character):04X}]"
