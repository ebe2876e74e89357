"""What an e-mail says put into its layout: subject, text and HTML."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
    select_autoescape,
)

from services.emails.broken import broken
from services.emails.told import Told
from services.emails.wording import FOLDER
from services.plain_text import shortened

LONGEST_SUBJECT = 200
"""Characters of a subject."""

_SPACES = re.compile(r"[ \t\r\n]+")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Rendered:
    """Ready to be sent; the subject is one line."""

    subject: str
    text: str
    html: str


def rendered(told: Told) -> Rendered:
    """The e-mail. BrokenTemplate when words or a layout cannot be filled in."""
    values = {"house": told.voice.name(told.voice.house.name), "name": told.voice.name(told.name), "note": told.note} | dict(told.values)
    frame = _frame(told, values)
    text, html = (_filled(told, ending, values | frame) for ending in ("txt", "html"))
    return Rendered(frame["subject"], re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", html)


def layouts(kind: str, language: str, ending: str) -> list[str]:
    """Names of the layouts of a kind in a language, the first that is there being taken."""
    return [f"{kind}.{language}.{ending}", f"{kind}.{ending}", f"message.{ending}"]


def layout(folder: Path | None, names: list[str]) -> Template:
    """The first of these layouts that the folder or ours has. BrokenTemplate when it cannot be read."""
    try:
        return _environment(folder).select_template(names)
    except TemplateError as error:
        raise broken(error, names[-1]) from error


def _frame(told: Told, values: dict[str, Any]) -> dict[str, Any]:
    voice, say = told.voice, told.voice.words.say
    right_to_left = Locale.parse(voice.words.language).character_order == "right-to-left"
    return {
        "kind": told.kind.value,
        "language": voice.words.language,
        "direction": "rtl" if right_to_left else "ltr",
        "near": "right" if right_to_left else "left",
        "far": "left" if right_to_left else "right",
        "subject": shortened(_line(say(told.kind, "subject", values)), LONGEST_SUBJECT),
        "heading": _line(say(told.kind, "heading", values)),
        "paragraphs": list(filter(None, map(_line, _PARAGRAPHS.split(say(told.kind, "body", values))))),
        "colon": voice.phrase("colon"),
        "button": _line(say(told.kind, "button", values)),
        "greeting": "" if told.because == "because_admin" else _line(voice.phrase("greeting", **values)),
        "because": _line(voice.phrase(told.because, **values)),
        "reply": _line(voice.phrase("reply", **values)) if voice.settings.email_reply_to and told.because != "because_admin" else "",
        "unsubscribe": _line(voice.phrase("unsubscribe", **values)),
        "unsubscribe_url": told.unsubscribe_url,
        "imprint": [voice.house.name, *voice.house.address] if voice.house.address else [],
        **{name: getattr(told, name) for name in ("facts", "lines", "sums", "url")},
    }


def _line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _filled(told: Told, ending: str, values: dict[str, Any]) -> str:
    names = layouts(told.kind.value.lower(), told.voice.words.language, ending)
    chosen = layout(told.voice.settings.email_templates, names)
    try:
        return chosen.render(values)
    except Exception as error:
        raise broken(error, chosen.filename or names[-1]) from error


@lru_cache(8)
def _environment(folder: Path | None) -> Environment:
    ours = FileSystemLoader(FOLDER)
    theirs: list[BaseLoader] = [FileSystemLoader(folder)] if folder else []
    return Environment(
        loader=ChoiceLoader([*theirs, PrefixLoader({"default": ours}), ours]),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
