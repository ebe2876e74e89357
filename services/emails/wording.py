"""The words of e-mails, by language: sentences in TOML files, each a Jinja2 template. A folder of one's own goes before ours."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from jinja2 import Environment, StrictUndefined, Template, TemplateError

from services.emails.broken import BrokenTemplate, broken

FOLDER = Path(__file__).parent / "templates"
"""Where our own are."""

LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
FALLBACK = "en"
"""The language of whoever speaks none of ours."""

_SECTION = re.compile(r"\s*\[(?P<name>[^\]]*)\]")
_KEY = re.compile(r"\s*(?P<name>[A-Za-z0-9_-]+)\s*=\s*(?P<begin>\"\"\"|''')?(?P<rest>.*)")
_LINE = re.compile(r" \(at line (\d+), column \d+\)")

_environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - text: it is escaped where it comes into HTML

Key = tuple[str, str]
"""Section and name."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, and where it stands."""

    text: str
    file: str
    line: int

    @cached_property
    def template(self) -> Template:
        """Compiled, its lines numbered as in the file."""
        padded = "\n" * (self.line - 1) + self.text
        code = _environment.compile(padded, self.file, self.file)
        return Template.from_code(_environment, code, _environment.make_globals(None))

    def compiled(self) -> Template:
        """As `template`. BrokenTemplate when it is none."""
        try:
            return self.template
        except TemplateError as error:
            raise broken(error, self.file, self.line) from error


@dataclass(frozen=True)
class Words:
    """All sentences of one language; what a language leaves out is English."""

    language: str
    sentences: Mapping[Key, Sentence]

    def say(self, section: str, name: str, values: Mapping[str, Any]) -> str:
        """The sentence filled in, as it stands there; empty when there is none. BrokenTemplate when it cannot be."""
        sentence = self.sentences.get((section, name))
        if sentence is None:
            return ""
        try:
            return sentence.template.render(values).strip(" \t\r\n")
        except Exception as error:
            raise broken(error, sentence.file, sentence.line) from error


def words_for(folder: Path | None, locale: Locale) -> Words:
    """The words for whoever reads this locale: of the folder and ours, in its language, else in English. Raises BrokenTemplate."""
    language = locale.language if locale.language in languages(folder) else FALLBACK
    own = folder / f"{language}.toml" if folder else None
    return _words(language, own, _stamp(own))


def languages(folder: Path | None) -> tuple[str, ...]:
    """The languages that there are words in."""
    return tuple(sorted({*LANGUAGES, *(path.stem for path in (folder.glob("*.toml") if folder else ()))}))


def sentences_of(path: Path) -> dict[Key, Sentence]:
    """What one file has. BrokenTemplate when it is no TOML, or has anything but sections of text."""
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _LINE.search(str(error))
        raise BrokenTemplate(str(path), int(place[1]) if place else 1, _LINE.sub("", str(error))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise broken(error, str(path)) from error
    lines = _lines(text)
    return {key: _sentence(value, path, lines.get(key, 1)) for key, value in _flat(told, path)}


@lru_cache(64)
def _words(language: str, own: Path | None, stamp: tuple[int, int] | None) -> Words:  # noqa: ARG001 - the stamp tells when to read anew
    sentences = dict(sentences_of(FOLDER / f"{FALLBACK}.toml"))
    for path in (FOLDER / f"{language}.toml", own):
        if path is not None and path.exists():
            sentences |= sentences_of(path)
    return Words(language, sentences)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None


def _flat(told: dict[str, Any], path: Path) -> list[tuple[Key, Any]]:
    for section, content in told.items():
        if not isinstance(content, dict):
            raise BrokenTemplate(str(path), 1, f"{section} stands in no section.")
    return [((section, name), value) for section, content in told.items() for name, value in content.items()]


def _sentence(value: Any, path: Path, line: int) -> Sentence:
    if not isinstance(value, str):
        raise BrokenTemplate(str(path), line, "This must be text.")
    return Sentence(value, str(path), line)


def _lines(text: str) -> dict[Key, int]:
    """On which line each sentence begins: the one below its name where its quotes end the line."""
    found: dict[Key, int] = {}
    section, quotes = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            quotes = "" if quotes in line else quotes
        elif matched := _SECTION.match(line):
            section = matched["name"].strip()
        elif matched := _KEY.match(line):
            begin, rest = matched["begin"] or "", matched["rest"]
            found[section, matched["name"]] = number + (bool(begin) and not rest)
            quotes = begin if begin and begin not in rest else ""
    return found
