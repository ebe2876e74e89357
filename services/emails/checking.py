"""Every e-mail written once with made-up rows: whether words and layouts of one's own can be used, before somebody waits for a mail."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from babel import Locale, UnknownLocaleError

from models import OPTIONAL_KINDS, EmailKind
from services.emails.broken import BrokenTemplate
from services.emails.messages import TELLING
from services.emails.rendering import Rendered, layout, layouts, rendered
from services.emails.samples import Cast, samples
from services.emails.voice import voice_of
from services.emails.wording import FALLBACK, FOLDER, languages, sentences_of
from settings import Settings


@dataclass(frozen=True, slots=True)
class Written:
    """An e-mail by the name of its kind, a number and its language."""

    name: str
    ready: Rendered


@dataclass(frozen=True, slots=True)
class Checked:
    """All that could be written, and each thing wrong as FILE:LINE: reason."""

    written: tuple[Written, ...]
    problems: tuple[str, ...]


def check(settings: Settings) -> Checked:
    """Write every kind in every language that there are words in, and look for files and sentences that nothing uses."""
    written: list[Written] = []
    problems = list(_wrong_in(settings.email_templates) if settings.email_templates else ())
    for language in languages(settings.email_templates):
        for name, ready in _write(settings, language):
            written += [Written(name, ready)] if isinstance(ready, Rendered) else []
            problems += [ready] if isinstance(ready, str) else []
    return Checked(tuple(written), tuple(dict.fromkeys(problems)))


def _write(settings: Settings, language: str) -> Iterator[tuple[str, Rendered | str]]:
    """Each e-mail, or what is wrong with it."""
    counts: dict[EmailKind, int] = {}
    for kind, about in samples(Cast(settings, language)):
        counts[kind] = counts.get(kind, 0) + 1
        name = f"{kind.lower()}-{counts[kind]}.{language}"
        try:
            told = TELLING[kind](voice_of(settings, language), about)
            if told is None:
                raise LookupError(f"There is no sample of {kind}.")
            address = "https://billing.example/emails/unsubscribe/sample" if kind in OPTIONAL_KINDS else ""
            yield name, rendered(replace(told, unsubscribe_url=address))
        except BrokenTemplate as error:
            yield name, str(error)


def _wrong_in(folder: Path) -> Iterator[str]:
    """Files that nothing takes, unless their names begin with _, sentences that nobody says, and all that cannot be read."""
    known = {
        name
        for kind in EmailKind
        for language in languages(folder)
        for ending in ("html", "txt")
        for name in _names(kind, language, ending)
    }
    for path in sorted(folder.iterdir()):
        if path.suffix == ".toml":
            yield from _of_words(path)
        elif path.name in known:
            yield from _unread(partial(layout, folder, [path.name]))
        elif not path.name.startswith(("_", ".")):
            yield f"{path}:1: No e-mail takes this file."


def _names(kind: EmailKind, language: str, ending: str) -> list[str]:
    return layouts(kind.lower(), language, ending)


def _of_words(path: Path) -> Iterator[str]:
    try:
        Locale.parse(path.stem)
    except (ValueError, UnknownLocaleError):
        yield f"{path}:1: This file's name is no language."
        return
    try:
        own = sentences_of(path)
    except BrokenTemplate as error:
        yield str(error)
        return
    known = sentences_of(FOLDER / f"{FALLBACK}.toml")
    for (section, name), sentence in own.items():
        if (section, name) not in known:
            yield f"{sentence.file}:{sentence.line}: Nothing says {name} of [{section}]."
        yield from _unread(sentence.compiled)


def _unread(read: Callable[[], object]) -> Iterator[str]:
    """What is wrong where something cannot be read at all."""
    try:
        read()
    except BrokenTemplate as error:
        yield str(error)
