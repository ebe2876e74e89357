"""The fonts that receipts embed: Noto Sans, and for what it does not have the first of the others that does."""

import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

FOLDER = Path(__file__).parent / "fonts"
REGULAR = FOLDER / "NotoSans-Regular.ttf"
BOLD = FOLDER / "NotoSans-Bold.ttf"

JOINERS = frozenset("\u200c\u200d")
"""Characters without a shape that other scripts are written with; all others without one are left out."""


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
    """The text on one line, without what could turn what stands beside it, and with [U+…] for what no font has."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(_shown(character) for character in composed)


def fonts_of(text: str) -> set[Path]:
    """The fonts beside Noto Sans that a printable text needs."""
    return {font for character in set(text) if (font := font_for(character)) and font != REGULAR}


def _shown(character: str) -> str:
    if character in JOINERS:
        return character
    if unicodedata.category(character) in {"Cc", "Cf", "Cs"}:
        return ""
    return character if font_for(character) else f"[U+{ord(character):04X}]"
