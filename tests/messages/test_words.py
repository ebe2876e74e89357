"""Every kind of e-mail in every language, word for word."""

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models import EmailKind
from services.emails.samples import Cast, samples
from services.emails.wording import FOLDER, LANGUAGES, sentences_of
from tests.messages.conftest import AT, SETTINGS, first, written

HERE = Path(__file__).parent
SAID = tomllib.loads((HERE / "said.toml").read_text(encoding="utf-8"))
ALL = [(language, kind) for language in SAID for kind in EmailKind]


class Words(HTMLParser):
    """What a reader sees of HTML, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.links: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"style", "title"}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip(" \n"):
            self.lines.append(data.strip(" \n"))


def read(html: str) -> Words:
    words = Words()
    words.feed(html)
    return words


def cast(language: str) -> Cast:
    return Cast(SETTINGS, language, item="Course", at=AT)


def test_no_kind_and_no_language_is_left_out() -> None:
    assert set(SAID) == set(LANGUAGES) == {"en", "de", "fr", "es"}
    assert {kind for kind, _ in samples(cast("en"))} == set(EmailKind)


@pytest.mark.parametrize(("language", "kind"), ALL)
def test_subject_text_and_html(language: str, kind: EmailKind) -> None:
    subject, sentence = SAID[language][kind]
    ready = first(cast(language), kind)
    assert ready.subject == subject
    paragraphs = ready.text.split("\n\n")
    shown = read(ready.html)
    assert sentence in paragraphs
    assert sentence in shown.lines[1:]
    assert shown.lines[0] == next(paragraph for paragraph in paragraphs[1:] if not paragraph.endswith((",", "Lovelace:", "Cleo:")))
    assert paragraphs[0] in shown.lines
    assert f'<html lang="{language}" dir="ltr">' in ready.html


@pytest.mark.parametrize("language", sorted(SAID))
def test_a_translation_has_the_sentences_of_the_english_one_and_names_nothing_else(language: str) -> None:
    english, own = (sentences_of(FOLDER / f"{name}.toml") for name in ("en", language))
    assert list(own) == list(english)
    for key, sentence in own.items():
        assert names_in(sentence.text) == names_in(english[key].text), key


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\{[{%] (?:(?:if|elif) )?([a-z_]+)", text)) - {"if", "elif", "else", "endif"}


def test_a_receipt_word_for_word() -> None:
    ready = written(cast("en"))[1][1]
    assert ready.text == (HERE / "receipt.txt").read_text(encoding="utf-8")
    shown = read(ready.html)
    for piece in ("Course 3", "3 \N{MULTIPLICATION SIGN} $499.00", "$1,497.00", "Discount (SPRING)", "-$499.00", "Tax included", "ORDER-7"):
        assert piece in shown.lines
    assert shown.links == ["https://app.example.test/account"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["$499.00 per month", "November 23, 2026"]),
        ("de", ["499,00\xa0$ pro Monat", "23. November 2026"]),
        ("fr", ["499,00\xa0$US par mois", "23 novembre 2026"]),
        ("es", ["499,00\xa0US$ al mes", "23 de noviembre de 2026"]),
    ],
)
def test_a_trial_that_ends_says_when_and_what_it_costs_then(language: str, said: list[str]) -> None:
    text = first(cast(language), "TRIAL_ENDING").text
    assert all(piece in text for piece in said)


def test_every_reason_of_a_decline_is_one_that_its_holder_may_know() -> None:
    reasons = [ready.text.split("\n\n")[3] for kind, ready in written(cast("en")) if kind == EmailKind.PAYMENT_FAILED]
    assert [reason.split(".")[0] for reason in reasons] == [
        "There was not enough money in the account, or its limit has been reached",
        "The card has expired",
        "The number, expiry date or security code of the card was not right",
        "Your bank asks you to confirm the payment",
        "The bank could not process the payment at that moment",
        "The bank declined the payment without giving us a reason",
    ]


@pytest.mark.parametrize(
    ("locale", "currency", "amount", "said"),
    [
        ("en", "JPY", 78_000, "¥78,000"),
        ("en", "KWD", 9_990, "KWD\xa09.990"),
        ("de-CH", "CHF", 100_050, "CHF\xa01\u2019000.50"),
        ("ar", "KWD", 9_990, "KWD\xa09.990"),
        ("pt-BR", "BRL", 4_900, "R$\xa049,00"),
    ],
)
def test_amounts_are_written_as_the_reader_writes_them(locale: str, currency: str, amount: int, said: str) -> None:
    ready = first(Cast(SETTINGS, locale, item="Course", amount=amount, currency=currency, at=AT), "RECEIPT")
    assert f"payment of {said} for" in ready.text or f"Zahlung von {said} für" in ready.text
    assert said in read(ready.html).lines


def test_nobody_is_asked_to_reply_where_nobody_reads_it_and_no_button_leads_nowhere() -> None:
    bare = Cast(SETTINGS.model_copy(update={"email_reply_to": None, "email_account_url": None, "business_address": ""}), "en", at=AT)
    ready = first(bare, "WELCOME")
    assert "reply" not in ready.text
    assert read(ready.html).links == []
    assert ready.text.endswith("-- \nYou receive this e-mail because you are a customer of Acme School.\n")
