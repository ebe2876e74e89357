"""Words and layouts of one's own: taken before ours, read anew when they change, and told where they are broken."""

import os
from pathlib import Path

import pytest

from models import EmailKind
from services.emails.broken import BrokenTemplate
from services.emails.checking import Checked, check
from services.emails.messages import TELLING, message_of
from services.emails.samples import Cast, samples
from services.emails.voice import voice_of
from settings import Settings
from tests.messages.conftest import AT, SETTINGS, first
from tests.messages.rows import customer, email, paid


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    return SETTINGS.model_copy(update={"email_templates": tmp_path})


def put(settings: Settings, name: str, content: str) -> Path:
    assert settings.email_templates is not None
    path = settings.email_templates / name
    path.write_text(content, encoding="utf-8")
    return path


def cast(settings: Settings, language: str = "en") -> Cast:
    return Cast(settings, language, item="Course", at=AT)


def test_a_sentence_of_ones_own_is_taken_and_all_others_stay(own: Settings) -> None:
    usual = first(cast(own), "RECEIPT")
    put(own, "en.toml", '[RECEIPT]\nsubject = "{{ house }} says thanks for {{ amount }}"\n')
    ready = first(cast(own), "RECEIPT")
    assert ready.subject == "Acme School says thanks for $499.00"
    assert (ready.text, ready.html.count(ready.subject)) == (usual.text, 1)
    assert first(cast(own, "de"), "RECEIPT").subject == "Zahlungsbeleg 2026-000042 von Acme School: 499,00\xa0$"


def test_words_that_change_are_read_anew(own: Settings) -> None:
    path = put(own, "en.toml", '[WELCOME]\nheading = "One"\n')
    assert first(cast(own), "WELCOME").text.startswith("One\n")
    put(own, "en.toml", '[WELCOME]\nheading = "Two"\n')
    os.utime(path, ns=(1, 1))
    assert first(cast(own), "WELCOME").text.startswith("Two\n")
    path.unlink()
    assert first(cast(own), "WELCOME").text.startswith("Welcome to Acme School\n")


def test_a_language_more_has_its_own_dates_and_english_for_what_it_leaves_out(own: Settings) -> None:
    put(own, "pt.toml", '[TRIAL_ENDING]\nsubject = "O seu teste termina em {{ trial_end }}"\n')
    ready = first(cast(own, "pt-BR"), "TRIAL_ENDING")
    assert ready.subject == "O seu teste termina em 23 de novembro de 2026"
    assert '<html lang="pt" dir="ltr">' in ready.html
    assert ready.text.startswith("Your trial ends soon\n")


def test_a_layout_of_ones_own_for_all_one_kind_or_one_language(own: Settings) -> None:
    put(own, "message.html", '{% extends "default/message.html" %}{% block footer %}Ours: {{ house }}{% endblock %}')
    put(own, "welcome.txt", "WELCOME {{ name }} {{ subject }} {{ item }}\n")
    put(own, "welcome.de.txt", '{% include "_greeting.txt" %}\n')
    put(own, "_greeting.txt", "Moin {{ name }}")
    assert "Ours: Acme School" in first(cast(own), "SALE").html
    assert "You receive this" not in first(cast(own), "SALE").html
    assert first(cast(own), "WELCOME").text == "WELCOME Ada Lovelace Welcome to Acme School Course\n"
    assert first(cast(own, "de"), "WELCOME").text == "Moin Ada Lovelace\n"
    assert check(own).problems == ()


def test_html_of_ones_own_is_escaped_too(own: Settings) -> None:
    put(own, "welcome.html", "<p>{{ name }}</p>")
    assert first(Cast(own, "en", name="<b>Ada</b>", at=AT), "WELCOME").html == "<p>&lt;b&gt;Ada&lt;/b&gt;</p>"


BROKEN: dict[str, tuple[str, str, str]] = {
    "no TOML": ("en.toml", '[RECEIPT]\nsubject = "x\n', "2: Illegal character '\\n'"),
    "no text": ("en.toml", "[RECEIPT]\nsubject = 3\n", "2: This must be text."),
    "no section": ("en.toml", 'subject = "x"\n', "1: subject stands in no section."),
    "no UTF-8": ("en.toml", "\udcff", "1: 'utf-8' codec can't decode"),
    "a name nobody has": ("en.toml", '[RECEIPT]\nheading = "x"\nbody = """\nOne\n\n{{ nobody }}\n"""\n', "6: 'nobody' is undefined"),
    "no template": ("en.toml", '[RECEIPT]\n\nsubject = "{{ amount }"\n', "3: unexpected '}'"),
    "a broken filter": ("en.toml", '[RECEIPT]\nsubject = "{{ amount | nofilter }}"\n', "2: No filter named 'nofilter'"),
    "an error": ("en.toml", '[RECEIPT]\nsubject = "{{ 1 / 0 }}"\n', "2: division by zero"),
    "no layout": ("message.txt", "{{ heading }}\n{% if %}\n", "2: Expected an expression"),
    "a layout with a name nobody has": ("receipt.html", "<p>\n\n{{ nobody }}\n", "3: 'nobody' is undefined"),
    "a layout that is not there": ("receipt.html", '{% extends "nothing.html" %}', "1: nothing.html"),
}


@pytest.mark.parametrize(("name", "content", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_told_with_file_and_line(own: Settings, name: str, content: str, reason: str) -> None:
    assert own.email_templates is not None
    path = own.email_templates / name
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BrokenTemplate) as raised:
        first(cast(own), "RECEIPT")
    assert str(raised.value).startswith(f"{path}:{reason}"), raised.value
    found = check(own)
    assert [problem for problem in found.problems if problem.startswith(f"{path}:{reason}")] != []
    assert {problem.split(":")[0] for problem in found.problems} == {str(path)}


async def test_a_broken_layout_holds_up_its_own_kind_alone(own: Settings, database: str) -> None:
    put(own, "receipt.html", "{{ nobody }}")
    payment = await paid(await customer())
    with pytest.raises(BrokenTemplate, match=r"receipt\.html:1: 'nobody' is undefined"):
        await message_of(own, email("RECEIPT", payment.id))
    welcome = await message_of(own, email("WELCOME", payment.id))
    assert welcome is not None
    assert str(welcome["Subject"]) == "Welcome to Acme School"


def test_what_nothing_uses_is_told(own: Settings) -> None:
    places = [
        (put(own, "recepit.html", "x"), "1: No e-mail takes this file."),
        (put(own, "notes.toml", ""), "1: This file's name is no language."),
        (put(own, "de.toml", '[RECIEPT]\nsubject = "x"\n'), "2: Nothing says subject of [RECIEPT]."),
    ]
    put(own, "_part.html", "x")
    found = check(own)
    assert sorted(found.problems) == sorted(f"{path}:{reason}" for path, reason in places)


def counted(found: Checked) -> dict[str, int]:
    languages = [one.name.rpartition(".")[2] for one in found.written]
    return {language: languages.count(language) for language in set(languages)}


def test_everything_of_ours_can_be_written(own: Settings) -> None:
    for settings in (SETTINGS, own):
        found = check(settings)
        assert found.problems == ()
        assert counted(found) == dict.fromkeys(("en", "de", "fr", "es"), 37)
        assert {one.name.split("-")[0] for one in found.written} == {kind.lower() for kind in EmailKind}


def test_what_sentences_name_hides_nothing_of_the_layout() -> None:
    beside = "house name note kind language direction near far subject heading paragraphs button colon greeting because reply "
    beside += "unsubscribe unsubscribe_url imprint facts lines sums url"
    for kind, about in samples(cast(SETTINGS)):
        told = TELLING[kind](voice_of(SETTINGS, "en"), about)
        assert told is not None
        assert set(told.values) & set(beside.split()) == set(), kind
